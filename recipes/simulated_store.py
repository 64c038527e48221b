"""A patch store of simulated scenes, straight from the simulator: for tests and benches of training."""

from __future__ import annotations

import dataclasses
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.patches import GroupWriter, PatchRecord, PatchStore, StoreInfo, finish, fractions, label_counts
from catfast.simulate import batch

__all__ = ["simulated_store", "write_store"]

_POINT = struct.pack("<BI2d", 1, 1, 0.0, 0.0)
"""A WKB point at the pole."""


def simulated_store(
    root: Path, count: int, size: int, *, seed: int = 0, gsd_m: float = 10.0, form: str = "safetensors"
) -> PatchStore:
    """Write ``count`` simulated patches with their true classes; 70, 15 and 15 % of them a split."""
    image, label = batch(count, size, seed=seed)
    return write_store(root, np.asarray(image), np.asarray(label), gsd_m=gsd_m, format=form)


def write_store(
    root: Path, image: npt.NDArray[np.float32], label: npt.NDArray[np.uint8], **changes: Any
) -> PatchStore:
    """Write reflectance (n, 4, h, h) and labels (n, h, h) as a store; ``changes`` are fields of its info."""
    info = StoreInfo(
        **{
            "size": image.shape[2],
            "stride": image.shape[2],
            "gsd_m": 10.0,
            "scheme": "full",
            "method": "nearest",
            "simulated": True,
            "options": {},
            "command": "recipes.simulated_store",
        }
        | changes
    )
    counts = np.where(image > 0, np.clip(np.rint(image / info.scale), 1, 65535), 0).astype(np.uint16)
    records = [_record(place, counts[place], label[place], info) for place in range(len(counts))]
    with GroupWriter(root, info, "simulated") as writer:
        writer.append(counts, label, records)
    return finish(
        root, info, {record.patch_id: _split(place, len(counts)) for place, record in enumerate(records)}
    )


def _split(place: int, count: int) -> str:
    return "train" if place < 0.7 * count else "val" if place < 0.85 * count else "test"


def _record(
    place: int, counts: npt.NDArray[np.uint16], label: npt.NDArray[np.uint8], info: StoreInfo
) -> PatchRecord:
    """A record of a patch that lies nowhere: what training reads of it is true, its place is made up."""
    size, origin = info.size, np.zeros(1, np.int64)
    found = label_counts(counts, label, origin, origin, size)[0]
    pair = f"simulated_{place:06d}"
    return PatchRecord(
        patch_id=f"{pair}_0_0",
        pair_id=pair,
        ps_id=pair,
        l8_id=pair,
        row=0,
        col=0,
        dt_s=0.0,
        epsg=6931,
        transform=(info.gsd_m, 0.0, 0.0, 0.0, -info.gsd_m, 0.0),
        simulated=True,
        ps_acquired=datetime(2023, 6, 1, tzinfo=UTC),
        geometry=_POINT,
        **dataclasses.asdict(fractions(found, size, scheme=info.scheme, soft=info.soft)),
    )
