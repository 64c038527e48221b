"""Small patch stores whose pixels are known, for tests of the store and of what reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from affine import Affine

from catfast.patches import GroupWriter, PatchRecord, PatchStore, StoreInfo, finish, fractions

SIZE = 32
GROUPS = ("pair a", "pair/b")
SPLITS = {"pair a": "train", "pair/b": "val"}


def store_info(store_format: str, **changes: object) -> StoreInfo:
    known = {
        "format": store_format,
        "size": SIZE,
        "stride": SIZE,
        "gsd_m": 3.0,
        "scheme": "full",
        "method": "nearest",
        "simulated": True,
        "options": {"seed": 0},
        "command": "test",
    }
    return StoreInfo(**(known | changes))


@dataclass(frozen=True)
class Group:
    """What goes into one group."""

    name: str
    images: npt.NDArray[np.uint16]
    labels: npt.NDArray[np.uint8]
    records: list[PatchRecord]


def group(name: str, info: StoreInfo, *, count: int = 4, seed: int = 0, **changes: object) -> Group:
    """Patches in one column of a scene, a border of each unseen; records as numpy counts them."""
    rng = np.random.default_rng([seed, *name.encode()])
    size = info.size
    images = rng.integers(1, 10_001, (count, 4, size, size)).astype(np.uint16)
    codes = np.arange(201) if info.soft else np.arange(2 if info.scheme == "binary" else 5)
    labels = rng.choice(np.append(codes, 255), (count, size, size)).astype(np.uint8)
    images[:, :, :, :2] = 0
    labels[:, :, :2] = 255
    records = [record(name, info, row, images[row], labels[row], **changes) for row in range(count)]
    return Group(name, images, labels, records)


def record(
    name: str,
    info: StoreInfo,
    place: int,
    image: npt.NDArray[np.uint16],
    label: npt.NDArray[np.uint8],
    *,
    transform: Affine | None = None,
    epsg: int = 32604,
) -> PatchRecord:
    transform = (transform or Affine(3, 0, 500_000, 0, -3, 7_900_000)) @ Affine.translation(
        0, place * info.size
    )
    counts = np.bincount(label[(image > 0).all(axis=0)], minlength=256)
    corners = [
        transform @ corner for corner in ((0, 0), (info.size, 0), (info.size, info.size), (0, info.size))
    ]
    to_polar = pyproj.Transformer.from_crs(epsg, 6931, always_xy=True)
    return PatchRecord(
        patch_id=f"{name}_{place}",
        pair_id=name,
        ps_id="20230601_101112_12_2401",
        l8_id="LC08_L1TP_075011_20230601_20230607_02_T1",
        row=place * info.size,
        col=0,
        dt_s=12.5,
        dt_local_s=-3.5,
        sun_elevation=20.0,
        epsg=epsg,
        transform=tuple(transform)[:6],
        weight=0.5,
        simulated=info.simulated,
        ps_acquired=datetime(2023, 6, 1, 10, 11, 12, 250_000, tzinfo=UTC),
        geometry=shapely.to_wkb(shapely.Polygon([to_polar.transform(*corner) for corner in corners])),
        **asdict(fractions(counts, info.size, scheme=info.scheme, soft=info.soft)),
    )


def write_groups(root: Path, info: StoreInfo, *, count: int = 4) -> Iterator[Group]:
    for name in GROUPS:
        made = group(name, info, count=count)
        with GroupWriter(root, info, name) as writer:
            half = count // 2
            writer.append(made.images[:half], made.labels[:half], made.records[:half])
            writer.append(made.images[half:], made.labels[half:], made.records[half:])
        yield made


def splits_of(groups: list[Group]) -> dict[str, str]:
    return {record.patch_id: SPLITS[made.name] for made in groups for record in made.records}


def make_store(
    root: Path, store_format: str = "geotiff", *, count: int = 4, **changes: object
) -> tuple[PatchStore, list[Group]]:
    """A finished store of two groups, the first for training, the second for validation."""
    info = store_info(store_format, **changes)
    groups = list(write_groups(root, info, count=count))
    return finish(root, info, splits_of(groups)), groups


def files_of(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }
