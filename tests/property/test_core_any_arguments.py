"""A panic never crosses into Python: any arguments to any binding are taken, or refused as Python does."""

from __future__ import annotations

import contextlib
import inspect
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catfast import _core

OTHERS = ("set_threads", "cpu_features", "watch_signals", "claim_last_word")
FUNCTIONS = sorted(name for name in _core.__all__ if callable(getattr(_core, name)) and name not in OTHERS)
REFUSALS = (ValueError, TypeError, OverflowError, OSError, MemoryError)
DTYPES = {
    "uint8": ("valid", "out", "labels", "codes", "data", "grow", "kinds", "confidence"),
    "uint16": ("qa", "dn", "images"),
    "int64": ("rows", "cols", "scenes", "blocks"),
    "float64": ("nodes", "gain", "corners"),
    "float32": ("image", "mean", "std", "prob", "taper_y", "taper_x", "acc", "weight"),
}
"""Type of each array, that it has in most draws."""

numbers = st.one_of(st.integers(-3, 70), st.integers(-(2**70), 2**70))
floats = st.one_of(st.floats(-4, 4), st.floats())
NAMED = {
    "codec": st.sampled_from(["deflate", "zstd", "lzw", ""]),
    "method": st.sampled_from(["nearest", "majority", "bilinear", "fraction", "x"]),
    "scheme": st.sampled_from(["full", "binary", "x"]),
    # Memory of this size is really taken: not gigabytes of it.
    "most": st.one_of(st.integers(-1, 1 << 20), st.integers(1 << 32, 1 << 70)),
    "origin": st.tuples(numbers, numbers),
    "factor": st.tuples(floats, floats),
    "gsd": st.tuples(floats, floats),
    "clip": st.tuples(floats, floats),
    "threshold": st.none() | floats,
    "radius": floats,
    "nodata": st.none() | floats | st.integers(0, 255),
}


@st.composite
def arrays(draw, name):
    """An array as the binding takes it, or nearly: of another type, another layout, or read-only."""
    usual = next((dtype for dtype, names in DTYPES.items() if name in names), "uint8")
    dtype = np.dtype(
        draw(st.sampled_from([usual] * 8 + ["float32", "uint8", "int16", "complex64", "object"]))
    )
    shape = draw(st.lists(st.integers(0, 6), max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    array = rng.integers(0, 9, shape).astype(dtype)
    if dtype.kind == "f" and draw(st.booleans()):
        with np.errstate(over="ignore"):
            array = np.where(rng.random(shape) < 0.2, draw(floats), array).astype(dtype)
    odd = ["turned", "reversed", "every other", "read-only", "swapped"]
    layout = draw(st.sampled_from(["plain"] * 6 + odd))
    if layout == "turned":
        array = array.T
    elif layout == "reversed" and array.ndim:
        array = array[::-1]
    elif layout == "every other" and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    elif layout == "swapped" and dtype.kind != "O":
        array = array.astype(dtype.newbyteorder())
    elif layout == "read-only":
        array.flags.writeable = False
    return array


def argument(name: str, folder: Path):
    if name in NAMED:
        return NAMED[name]
    if name.endswith("_paths"):
        return st.lists(st.sampled_from([str(folder / "a"), str(folder / "no" / "b"), "\0", ""]), max_size=3)
    if name.endswith("_path"):
        return st.sampled_from([str(folder / "c"), str(folder / "no" / "d"), "\0", ""])
    if name.endswith("_offset"):
        # A file is as long as the last offset in it: sparse, but not beyond what a disk may hold.
        return st.one_of(st.integers(-5, 4096), st.integers(2**63, 2**70))
    if name.endswith("_header"):
        return st.tuples(st.binary(max_size=60), numbers, numbers, numbers, numbers)
    is_array = any(name in names for names in DTYPES.values())
    return arrays(name) if is_array else numbers


@pytest.mark.parametrize("name", FUNCTIONS)
def test_any_arguments_are_taken_or_refused(name):
    function = getattr(_core, name)
    with tempfile.TemporaryDirectory() as folder:
        parameters = inspect.signature(function).parameters.values()
        wanted = {one.name: argument(one.name, Path(folder)) for one in parameters}

        @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.fixed_dictionaries(wanted))
        def any_call(values):
            places = [values[one.name] for one in parameters if one.kind is not one.KEYWORD_ONLY]
            words = {one.name: values[one.name] for one in parameters if one.kind is one.KEYWORD_ONLY}
            with contextlib.suppress(*REFUSALS):
                function(*places, **words)

        any_call()


@pytest.mark.parametrize("count", [-(2**70), -1, 2**70, "two", None])
def test_no_number_of_threads_panics(count):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        _core.set_threads(count)
