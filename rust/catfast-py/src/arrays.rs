//! From Python objects to array views, and from errors to exceptions: the one place for both.

use std::io;

use ndarray::Dimension;
use numpy::{
    BorrowError, Element, PyArray, PyArrayMethods, PyReadonlyArray, PyReadwriteArray, PyUntypedArray,
};
use numpy::{PyArrayDescrMethods, PyUntypedArrayMethods};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// The `ValueError` of a kernel error.
pub fn error(error: catfast_core::Error) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// The `OSError` of an I/O error, with its number.
pub fn os_error(error: &io::Error) -> PyErr {
    match error.raw_os_error() {
        Some(number) => PyOSError::new_err((number, error.to_string())),
        None => PyOSError::new_err(error.to_string()),
    }
}

/// A view of `object`, a C-contiguous array of `T` with the dimensions of `D`, for reading.
pub fn read<'py, T: Element, D: Dimension>(
    name: &str,
    object: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    let array = typed::<T, D>(name, object)?;
    array.try_readonly().map_err(|reason| refused(name, &reason))
}

/// A view of `object`, a writable C-contiguous array of `T` with the dimensions of `D`, for writing.
pub fn write<'py, T: Element, D: Dimension>(
    name: &str,
    object: &Bound<'py, PyAny>,
) -> PyResult<PyReadwriteArray<'py, T, D>> {
    let array = typed::<T, D>(name, object)?;
    array.try_readwrite().map_err(|reason| refused(name, &reason))
}

/// Whether `object` is an array of `T`.
pub fn holds<T: Element>(object: &Bound<'_, PyAny>) -> bool {
    let array = object.cast::<PyUntypedArray>();
    array.is_ok_and(|array| array.dtype().is_equiv_to(&T::get_dtype(object.py())))
}

fn refused(name: &str, reason: &BorrowError) -> PyErr {
    let text = match reason {
        BorrowError::NotWriteable => "expected a writable array, found a read-only one",
        _ => {
            "expected memory of its own, found an array that shares it with another argument or a running call"
        }
    };
    PyValueError::new_err(format!("{name}: {text}"))
}

fn typed<'a, 'py, T: Element, D: Dimension>(
    name: &str,
    object: &'a Bound<'py, PyAny>,
) -> PyResult<&'a Bound<'py, PyArray<T, D>>> {
    let Ok(array) = object.cast::<PyArray<T, D>>() else {
        let ndim = D::NDIM.map_or_else(String::new, |ndim| format!(" of {ndim} dimensions"));
        let expected = format!("a C-contiguous array of {}{ndim}", T::get_dtype(object.py()));
        return Err(PyValueError::new_err(format!("{name}: expected {expected}, found {}", kind(object))));
    };
    let flags = array.getattr("flags")?;
    if flags.get_item("C")?.extract()? && flags.get_item("A")?.extract()? {
        return Ok(array);
    }
    Err(PyValueError::new_err(format!(
        "{name}: expected a C-contiguous array, found a strided or unaligned one"
    )))
}

/// What `object` is, for an error message.
fn kind(object: &Bound<'_, PyAny>) -> String {
    if let Ok(array) = object.cast::<PyUntypedArray>() {
        return format!("{} of {} dimensions", array.dtype(), array.ndim());
    }
    object.get_type().name().map_or_else(|_| "another object".to_owned(), |name| name.to_string())
}
