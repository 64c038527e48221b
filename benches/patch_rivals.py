"""Other ways to cut patches, a process a scene: rasterio reads, numpy and GDAL's nearest warp label.

They do the same work, but for digests, an index and comparing checksums of the scenes' blocks.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.transform import Affine
from rasterio.warp import reproject

from catfast import _core

SIZE = 512
Scene = tuple[Path, Path]
Patch = tuple[str, np.ndarray, np.ndarray, Affine]
Way = Callable[[Path, Scene], int]
TABLE = np.empty((1, 65536), np.uint8)
_core.decode_qa(np.arange(65536, dtype=np.uint16)[None], TABLE)


def rival_patches(scene: Scene) -> Iterator[Patch]:
    """Patches of one scene by rasterio and numpy, with the filter on valid pixels and all shares."""
    image, qa = scene
    with rasterio.open(image) as source, rasterio.open(qa) as quality:
        codes = np.full(source.shape, 255, np.uint8)
        reproject(
            TABLE[0][quality.read(1)],
            codes,
            src_transform=quality.transform,
            src_crs=quality.crs,
            dst_transform=source.transform,
            dst_crs=source.crs,
            resampling=Resampling.nearest,
            src_nodata=255,
            dst_nodata=255,
        )
        for row in range(0, source.height - SIZE + 1, SIZE):
            window = rasterio.windows.Window(0, row, source.width, SIZE)
            dn, labels = source.read(window=window), codes[row : row + SIZE]
            valid = (dn != 0).any(axis=0)
            labels[~valid] = 255
            for column in range(0, source.width - SIZE + 1, SIZE):
                tile = np.s_[:, column : column + SIZE]
                if valid[tile].mean() < 0.5:
                    continue
                np.bincount(labels[tile].ravel(), minlength=256)
                moved = source.transform @ Affine.translation(column, row)
                yield f"{image.stem}_{row}_{column}", dn[:, *tile], labels[tile], moved


def geotiffs(out: Path, scene: Scene) -> int:
    """Two GeoTIFFs a patch, zstd 1 and predictor 2."""
    profile = {"driver": "GTiff", "width": SIZE, "height": SIZE, "crs": "EPSG:32604", "compress": "zstd"}
    profile |= {"zstd_level": 1, "predictor": 2}
    count = 0
    for name, dn, labels, transform in rival_patches(scene):
        for folder, array, nodata in (("images", dn, 0), ("labels", labels[None], 255)):
            with rasterio.open(
                out / folder / f"{name}.tif", "w", count=len(array), dtype=array.dtype, nodata=nodata,
                transform=transform, **profile,
            ) as dataset:  # fmt: skip
                dataset.write(array)
        count += 1
    return count


def tars(out: Path, scene: Scene) -> int:
    """WebDataset's writer, a tar a scene."""
    import webdataset

    count = 0
    with webdataset.TarWriter(str(out / f"{scene[0].stem}.tar")) as sink:
        for name, dn, labels, _ in rival_patches(scene):
            sink.write({"__key__": name, "image.npy": dn, "label.npy": labels})
            count += 1
    return count


def plain_shards(out: Path, scene: Scene) -> int:
    """The safetensors package, a file a scene."""
    from safetensors.numpy import save_file

    found = list(rival_patches(scene))
    images, labels = (np.stack([patch[k] for patch in found]) for k in (1, 2))
    save_file({"image": images, "label": labels}, out / f"{scene[0].stem}.safetensors")
    return len(found)


def run(pool: ProcessPoolExecutor, way: Way, scenes: list[Scene], out: Path) -> int:
    """One of the above over all scenes; the number of patches."""
    for folder in ("images", "labels"):
        (out / folder).mkdir(parents=True)
    return sum(pool.map(partial(way, out), scenes))


def kept(pool: ProcessPoolExecutor, way: Way, scenes: list[Scene], out: Path) -> int:
    """The same, with the digest of every file, and each brought to the disk, as ours are."""
    count = run(pool, partial(_and_digests, way), scenes, out)
    with ThreadPoolExecutor(8) as flushers:
        list(flushers.map(_flush, [path for path in out.rglob("*") if path.is_file()]))
    return count


def _and_digests(way: Way, out: Path, scene: Scene) -> int:
    count = way(out, scene)
    for path in out.rglob(f"{scene[0].stem}*"):
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    return count


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def put_away(folder: Path, trash: Path) -> None:
    """Empty what a run made and move it aside: a file system is slow to make files where many just went."""
    if folder.exists():
        for path in folder.rglob("*"):
            if path.is_file():
                os.truncate(path, 0)
        trash.mkdir(exist_ok=True)
        shutil.move(folder, trash / f"{folder.name}{len(list(trash.iterdir()))}")
