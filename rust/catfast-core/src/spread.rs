//! Work of uneven length on all threads, with buffers that each thread keeps.

use std::sync::atomic::{AtomicUsize, Ordering};

/// `body` of every index below `count`, in order; `init` makes the buffers of a thread.
///
/// Rayon's own `map_init` makes them anew for each of the pieces that even out the load.
pub(crate) fn each<S, R: Send>(
    count: usize,
    init: impl Fn() -> S + Sync,
    body: impl Fn(&mut S, usize) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = rayon::broadcast(|_| {
        let (mut state, mut mine) = (None, Vec::new());
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return mine;
            }
            mine.push((index, body(state.get_or_insert_with(&init), index)));
        }
    });
    let mut all: Vec<(usize, R)> = done.into_iter().flatten().collect();
    all.sort_unstable_by_key(|(index, _)| *index);
    all.into_iter().map(|(_, result)| result).collect()
}
