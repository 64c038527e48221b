//! The last word on a signal where no thread of Python may run: while a large library is loaded, its loader
//! holds the GIL for as long as the disk takes.

use std::io::{Read, Write, pipe, stderr};
use std::os::fd::{IntoRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use signal_hook::low_level::exit;

/// A nap of the watch. Naps are counted, not the clock: a process that was stopped goes on where it was.
const NAP: Duration = Duration::from_millis(50);

/// Bytes of the watch's stack: it calls little, and address space may be limited.
const STACK: usize = 1 << 17;

/// Whether the sentence on the signal has been said.
static SAID: AtomicBool = AtomicBool::new(false);

/// Number of a signal, the exit code for it, and the sentence.
type Answer = (u8, i32, Vec<u8>);

/// Start a thread that passes on the numbers of signals, and `naps` of 50 ms after one that has an answer
/// says it and ends the process at once, whatever other threads do.
///
/// Returns the descriptor to write numbers to (that of `signal.set_wakeup_fd`), and the one to read them from.
/// Raises `OSError` where there are no more descriptors or threads.
#[pyfunction]
pub fn watch_signals(answers: Vec<Answer>, naps: u32) -> PyResult<(RawFd, RawFd)> {
    let (mut caught, catch) = pipe()?;
    let (told, mut tell) = pipe()?;
    SAID.store(false, Ordering::SeqCst);
    let watch = move || {
        let mut number = [0];
        while caught.read_exact(&mut number).is_ok() && tell.write_all(&number).is_ok() {
            if let Some((_, code, sentence)) = answers.iter().find(|answer| answer.0 == number[0]) {
                (0..naps).for_each(|_| thread::sleep(NAP));
                if claim_last_word() {
                    // Nobody may be listening any more.
                    let _ = stderr().write_all(sentence);
                }
                exit(*code);
            }
        }
    };
    let thread = thread::Builder::new().name("catfast-last-word".to_owned()).stack_size(STACK);
    thread.spawn(watch)?;
    Ok((catch.into_raw_fd(), told.into_raw_fd()))
}

/// Whether the caller is the first to say what became of the command; True once.
#[pyfunction]
pub fn claim_last_word() -> bool {
    !SAID.swap(true, Ordering::SeqCst)
}
