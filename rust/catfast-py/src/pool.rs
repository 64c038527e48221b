//! The threads that kernels run on: one pool a process, made at first use.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::arrays::error;

/// Most threads that [`set_threads`] takes.
const MOST: usize = 1024;

/// Threads wanted (0: one a processor), and the pool with the process it was made in.
struct State {
    wanted: usize,
    pool: Option<(u32, Arc<ThreadPool>)>,
}

static STATE: Mutex<State> = Mutex::new(State { wanted: 0, pool: None });

/// Runs a kernel on the pool, without the GIL.
pub fn run<R: Send>(py: Python<'_>, kernel: impl FnOnce() -> catfast_core::Result<R> + Send) -> PyResult<R> {
    py.detach(|| Ok(current()?.install(kernel))).and_then(|done| done.map_err(error))
}

/// The pool of this process.
fn current() -> PyResult<Arc<ThreadPool>> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    match state.pool.take() {
        Some((owner, pool)) if owner == process => {
            state.pool = Some((process, Arc::clone(&pool)));
            return Ok(pool);
        }
        // After a fork the threads are gone; dropping their pool would talk to them.
        Some(inherited) => std::mem::forget(inherited),
        None => {}
    }
    let pool = ThreadPoolBuilder::new().num_threads(state.wanted).build();
    let pool =
        Arc::new(pool.map_err(|reason| PyRuntimeError::new_err(format!("cannot start threads: {reason}")))?);
    state.pool = Some((process, Arc::clone(&pool)));
    Ok(pool)
}

/// Set how many threads the kernels of this process use from now on; 0: one a processor.
///
/// No result depends on it. Raises `ValueError` below 0 or above 1024.
#[pyfunction]
pub fn set_threads(py: Python<'_>, count: i64) -> PyResult<()> {
    let wanted = usize::try_from(count).ok().filter(|&wanted| wanted <= MOST);
    let wanted = wanted.ok_or_else(|| {
        PyValueError::new_err(format!("count: expected threads from 0 to {MOST}, found {count}"))
    })?;
    py.detach(|| {
        let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
        if state.wanted != wanted {
            state.wanted = wanted;
            let old = state.pool.take();
            if old.as_ref().is_some_and(|(owner, _)| *owner != std::process::id()) {
                std::mem::forget(old);
            }
        }
    });
    Ok(())
}
