"""What the compiled module refuses, and the one sentence it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from catfast import _core

QA = np.zeros((3, 4), np.uint16)
OUT = np.zeros((3, 4), np.uint8)
DN = np.zeros((2, 3, 4), np.float32)
GAIN = np.ones(2)
AREA = {"factor": (1.0, 1.0), "first_row": 0, "src_row": 0}
AT = np.zeros(1, np.int64)
TILE = np.zeros((1, 2, 2, 2), np.float32)
NORM = {"mean": np.zeros(2, np.float32), "std": np.ones(2, np.float32), "clip": (0.0, 1.0)}
TAPER = np.ones(2, np.float32)
CLASS = {
    "factor": (1.0, 1.0),
    "first_row": 0,
    "grid_row": 0,
    "codes": np.zeros(2, np.uint8),
    "threshold": None,
    "cloud": 1,
    "confidence": None,
}


def readonly(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def unaligned() -> np.ndarray:
    return np.zeros(25, np.uint8)[1:].view(np.uint16).reshape(3, 4)


def resample(**changes: object) -> None:
    out = np.zeros((2, 3, 4), np.float32)
    arguments = {"dn": DN, "valid": OUT, "gain": GAIN, "out": out, **AREA, **changes}
    _core.resample_area(**arguments)  # type: ignore[arg-type]


def cut(**changes: object) -> None:
    arguments = {"image": DN, "rows": AT, "cols": AT, "out": TILE, **NORM, **changes}
    _core.cut_tiles(**arguments)  # type: ignore[arg-type]


def blend(**changes: object) -> None:
    sums = {"acc": np.zeros((2, 3, 4), np.float32), "weight": np.zeros((3, 4), np.float32)}
    arguments = {"prob": TILE, "rows": AT, "cols": AT, "taper_y": TAPER, "taper_x": TAPER, **sums, **changes}
    _core.blend_tiles(**arguments)  # type: ignore[arg-type]


def classify(**changes: object) -> None:
    weight = np.ones((3, 4), np.float32)
    arguments = {"acc": DN, "weight": weight, "valid": OUT, "out": OUT.copy(), **CLASS, **changes}
    _core.classify_rows(**arguments)  # type: ignore[arg-type]


def warp(**changes: object) -> None:
    place = {"step": 2, "first_row": 0, "node_row": 0, "origin": (0, 0)}
    nodes = np.zeros((3, 3, 2))
    arguments = {"qa": QA, "nodes": nodes, "valid": OUT, "out": OUT.copy(), **place, **changes}
    _core.warp_qa(**arguments)  # type: ignore[arg-type]


Call = Callable[[], object]
CASES: list[tuple[Call, str]] = [
    (
        lambda: _core.decode_qa(QA.astype(np.int16), OUT),
        "qa: expected a C-contiguous array of uint16 of 2 dimensions, found int16 of 2 dimensions",
    ),
    (
        lambda: _core.decode_qa(QA.astype(">u2"), OUT),
        "qa: expected a C-contiguous array of uint16 of 2 dimensions, found >u2 of 2 dimensions",
    ),
    (
        lambda: _core.decode_qa(QA[0], OUT),
        "qa: expected a C-contiguous array of uint16 of 2 dimensions, found uint16 of 1 dimensions",
    ),
    (
        lambda: _core.decode_qa(None, OUT),  # type: ignore[arg-type]
        "qa: expected a C-contiguous array of uint16 of 2 dimensions, found NoneType",
    ),
    (
        lambda: _core.decode_qa(QA[:, ::2], OUT),
        "qa: expected a C-contiguous array, found a strided or unaligned one",
    ),
    (
        lambda: _core.decode_qa(unaligned(), OUT),
        "qa: expected a C-contiguous array, found a strided or unaligned one",
    ),
    (lambda: _core.decode_qa(QA, OUT[:2].copy()), "out: expected shape [3, 4], found [2, 4]"),
    (
        lambda: _core.decode_qa(QA, readonly(OUT)),
        "out: expected a writable array, found a read-only one",
    ),
    (
        lambda: _core.decode_qa(QA, OUT, scheme="both"),  # type: ignore[arg-type]
        "scheme: expected 'full' or 'binary', found 'both'",
    ),
    (
        lambda: _core.decode_qa(QA, OUT, ignore=16),
        "ignore: expected flags among FILL, DILATED, MEDIUM and CIRRUS, found 16",
    ),
    (
        lambda: _core.valid_mask(DN.astype(float), None, OUT),
        "dn: expected a C-contiguous array of float32 of 3 dimensions, found float64 of 3 dimensions",
    ),
    (lambda: resample(valid=OUT[:2].copy()), "valid: expected shape [3, 4], found [2, 4]"),
    (lambda: resample(gain=np.ones(3)), "gain: expected shape [2], found [3]"),
    (
        lambda: resample(factor=(0.5, np.nan)),
        "factor: expected two finite numbers of at least 1, found (0.5, NaN)",
    ),
    (lambda: resample(src_row=-1), "src_row: expected a row from 0 up to 2^40, found -1"),
    (lambda: cut(rows=np.zeros(2, np.int64)), "rows: expected shape [1], found [2]"),
    (lambda: cut(std=np.zeros(2, np.float32)), "std: expected finite numbers above 0, found [0.0, 0.0]"),
    (lambda: cut(clip=(1.0, 0.0)), "clip: expected two numbers in ascending order, found (1.0, 0.0)"),
    (lambda: cut(rows=AT + 2**41), "rows: expected positions between -2^40 and 2^40, found 2199023255552"),
    (
        lambda: cut(image=np.zeros((2, 0, 4), np.float32)),
        "image: expected at least one pixel, found shape [2, 0, 4]",
    ),
    (lambda: blend(taper_x=-TAPER), "taper_x: expected finite weights of at least 0, found -1"),
    (lambda: blend(acc=np.zeros((3, 3, 4), np.float32)), "acc: expected shape [2, 3, 4], found [3, 3, 4]"),
    (lambda: classify(codes=np.zeros(3, np.uint8)), "codes: expected shape [2], found [3]"),
    (lambda: classify(threshold=1.5), "threshold: expected a number from 0 to 1, found 1.5"),
    (lambda: classify(threshold=0.5, cloud=2), "cloud: expected a class index below 2, found 2"),
    (
        lambda: classify(confidence=np.zeros((2, 3, 3), np.uint8)),
        "confidence: expected shape [2, 3, 4], found [2, 3, 3]",
    ),
    (lambda: warp(valid=OUT[:2].copy()), "valid: expected shape [3, 4], found [2, 4]"),
    (lambda: warp(nodes=np.zeros((3, 3, 1))), "nodes: expected shape [3, 3, 2], found [3, 3, 1]"),
    (
        lambda: warp(nodes=np.zeros((2, 3, 2))),
        "nodes: expected nodes all around the output, "
        "found 2 x 3 nodes, 2 pixels apart, for 3 x 4 pixels from row 0",
    ),
    (lambda: warp(step=0), "step: expected 1 to 65536 pixels, found 0"),
    (lambda: warp(node_row=-1), "node_row: expected a row of the scene, found -1"),
    (lambda: warp(origin=(0, -1)), "origin: expected a row from 0 up to 2^40, found -1"),
    (
        lambda: warp(method="mode"),
        "method: expected 'nearest', 'majority', 'bilinear' or 'fraction', found 'mode'",
    ),
    (
        lambda: warp(ignore=16),
        "ignore: expected flags among FILL, DILATED, MEDIUM and CIRRUS, found 16",
    ),
    (lambda: _core.set_threads(-1), "count: expected threads from 0 to 1024, found -1"),
]


@pytest.mark.parametrize(
    ("call", "text"), CASES, ids=[text.split(",")[0] + str(i) for i, (_, text) in enumerate(CASES)]
)
def test_message(call: Call, text: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared below
        call()
    assert str(caught.value) == text


def test_input_and_output_may_not_share_memory() -> None:
    shared = np.zeros((3, 4), np.uint8)
    with pytest.raises(ValueError, match="out: expected memory of its own"):
        classify(valid=shared, out=shared)
