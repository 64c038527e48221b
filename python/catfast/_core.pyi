from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUILD_PROFILE",
    "CIRRUS",
    "DILATED",
    "FILL",
    "GUIDE_REACH",
    "MEDIUM",
    "__version__",
    "blend_tiles",
    "brightness",
    "claim_last_word",
    "classify_rows",
    "cpu_features",
    "cut_tiles",
    "decode_qa",
    "drop_small",
    "first_damaged_block",
    "grow_codes",
    "halve_codes",
    "mark_meeting",
    "patch_counts",
    "patch_rows",
    "read_blocks",
    "resample_area",
    "set_threads",
    "valid_mask",
    "warp_qa",
    "watch_signals",
    "write_patch_tiffs",
]

__version__: str
BUILD_PROFILE: Literal["debug", "release"]
FILL: int
DILATED: int
MEDIUM: int
CIRRUS: int
GUIDE_REACH: int

def cpu_features() -> list[str]: ...
def set_threads(count: int) -> None: ...
def watch_signals(answers: Sequence[tuple[int, int, bytes]], naps: int) -> tuple[int, int]: ...
def claim_last_word() -> bool: ...
def decode_qa(
    qa: NDArray[np.uint16],
    out: NDArray[np.uint8],
    *,
    scheme: Literal["full", "binary"] = "full",
    cloud: int = 0,
    ignore: int = 7,
) -> None: ...
def warp_qa(
    qa: NDArray[np.uint16],
    nodes: NDArray[np.float64],
    valid: NDArray[np.uint8],
    out: NDArray[np.uint8],
    *,
    step: int,
    first_row: int,
    node_row: int,
    origin: tuple[int, int],
    method: Literal["nearest", "majority", "bilinear", "fraction"] = "nearest",
    scheme: Literal["full", "binary"] = "full",
    cloud: int = 0,
    ignore: int = 7,
) -> tuple[int, list[int]]: ...
def first_damaged_block(
    data: NDArray[np.uint8], blocks: NDArray[np.int64], *, codec: Literal["deflate", "zstd"], most: int
) -> int | None: ...
def read_blocks(
    path: str,
    places: NDArray[np.int64],
    out: NDArray[np.unsignedinteger],
    *,
    codec: Literal["deflate", "zstd"],
    block: tuple[int, int],
    samples: int,
    wanted: Sequence[int],
    predictor: int,
    big_endian: bool,
) -> tuple[list[int], list[int]]: ...
def valid_mask(
    dn: NDArray[np.uint16] | NDArray[np.float32], nodata: float | None, out: NDArray[np.uint8]
) -> tuple[int, int]: ...
def resample_area(
    dn: NDArray[np.uint16] | NDArray[np.float32],
    valid: NDArray[np.uint8],
    gain: NDArray[np.float64],
    out: NDArray[np.float32],
    *,
    factor: tuple[float, float],
    first_row: int,
    src_row: int,
    first_column: int = 0,
    src_column: int = 0,
) -> None: ...
def cut_tiles(
    image: NDArray[np.float32],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    out: NDArray[np.float32],
    *,
    mean: NDArray[np.float32],
    std: NDArray[np.float32],
    clip: tuple[float, float],
) -> None: ...
def blend_tiles(
    prob: NDArray[np.float32],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    taper_y: NDArray[np.float32],
    taper_x: NDArray[np.float32],
    acc: NDArray[np.float32],
    weight: NDArray[np.float32],
) -> None: ...
def classify_rows(
    acc: NDArray[np.float32],
    weight: NDArray[np.float32],
    valid: NDArray[np.uint8],
    out: NDArray[np.uint8],
    *,
    factor: tuple[float, float],
    first_row: int,
    grid_row: int,
    codes: NDArray[np.uint8],
    threshold: float | None,
    cloud: int,
    confidence: NDArray[np.uint8] | None,
    guide: tuple[NDArray[np.uint16], NDArray[np.float32]] | None = None,
) -> list[int]: ...
def brightness(
    dn: NDArray[np.uint16] | NDArray[np.float32],
    out: NDArray[np.uint16],
    *,
    gain: tuple[float, float, float],
    offset: float,
) -> None: ...
def mark_meeting(
    times: NDArray[np.int64],
    sides: Sequence[NDArray[np.float64]],
    few_times: NDArray[np.int64],
    few_sides: Sequence[NDArray[np.float64]],
    window: int,
    met: NDArray[np.bool_],
    met_few: NDArray[np.bool_],
) -> None: ...
def halve_codes(codes: NDArray[np.uint8], out: NDArray[np.uint8], nodata: int) -> None: ...
def grow_codes(
    codes: NDArray[np.uint8],
    out: NDArray[np.uint8],
    *,
    first: int,
    grow: NDArray[np.uint8],
    radius: float,
    gsd: tuple[float, float],
    nodata: int,
) -> None: ...
def drop_small(
    codes: NDArray[np.uint8], out: NDArray[np.uint8], *, kinds: NDArray[np.uint8], least: int, cleared: int
) -> None: ...
def patch_counts(
    images: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    scenes: NDArray[np.int64],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    out: NDArray[np.int64],
    *,
    size: int,
) -> None: ...
def write_patch_tiffs(
    images: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    scenes: NDArray[np.int64],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    *,
    size: int,
    image_header: tuple[bytes, int, int, int, int],
    label_header: tuple[bytes, int, int, int, int],
    corners: NDArray[np.float64],
    image_paths: Sequence[str],
    label_paths: Sequence[str],
) -> list[tuple[str, str, str]]: ...
def patch_rows(
    images: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    scenes: NDArray[np.int64],
    rows: NDArray[np.int64],
    cols: NDArray[np.int64],
    image_out: NDArray[np.uint8],
    label_out: NDArray[np.uint8],
    *,
    size: int,
) -> list[str]: ...
