"""Format ``geotiff``: two small GeoTIFFs a patch, which GDAL's family of programs reads as they are."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.classes import CATEGORY_TAGS, COLOURS, NODATA
from catfast.patches.files import file_stem
from catfast.patches.info import StoreInfo
from catfast.patches.records import PatchRecord
from catfast.patches.windows import Windows
from catfast.raster import PatchStyle, TiffTemplate, fsync_folder, patch_template, read_patch
from catfast.temporary import own_path

IMAGES, LABELS = "images", "labels"
Linear = tuple[float, float, float, float]
_SYNCERS = 8


class TiffSink:
    """Takes the patches of one group; they get their names by ``commit``."""

    def __init__(self, root: Path, info: StoreInfo, group: str) -> None:
        self._root, self._info = root, info
        self._tried: list[Path] = []
        self._digests: dict[str, str] = {}
        self._flushers = ThreadPoolExecutor(_SYNCERS, thread_name_prefix="catfast-flush")
        self._flushed: list[Future[None]] = []
        for folder in (IMAGES, LABELS):
            (root / folder).mkdir(parents=True, exist_ok=True)

    def write(self, windows: Windows, records: Sequence[PatchRecord]) -> list[tuple[str, int, str]]:
        """Write patches under temporary names; (file of the image, 0, digest of both files) of each."""
        names = [f"{file_stem(record.patch_id)}.tif" for record in records]
        kinds = [(record.epsg, _linear(record)) for record in records]
        written = [("", 0, "")] * len(records)
        for kind in sorted(set(kinds)):
            places = np.flatnonzero([other == kind for other in kinds])
            digests = self._write_alike(
                windows.chosen(places), [records[int(place)] for place in places], *kind
            )
            for place, (image, label, both) in zip(places, digests, strict=True):
                name = names[place]
                made = {f"{IMAGES}/{name}": image, f"{LABELS}/{name}": label}
                self._digests |= made
                # Now, not at the end: the disk works while the next patches are made.
                self._flushed += [self._flushers.submit(_fsync, self._temporary(path)) for path in made]
                written[place] = (f"{IMAGES}/{name}", 0, both)
        return written

    def _write_alike(
        self, windows: Windows, records: Sequence[PatchRecord], epsg: int, linear: Linear
    ) -> list[tuple[str, str, str]]:
        """Patches of one CRS and pixel; digests of the image, of the label, and of one after the other."""
        names = [f"{file_stem(record.patch_id)}.tif" for record in records]
        paths = {
            folder: [self._temporary(f"{folder}/{name}") for name in names] for folder in (IMAGES, LABELS)
        }
        self._tried += [*paths[IMAGES], *paths[LABELS]]
        return _core.write_patch_tiffs(
            *windows.arguments(),
            size=windows.size,
            image_header=astuple(_template(self._info, IMAGES, epsg, linear)),
            label_header=astuple(_template(self._info, LABELS, epsg, linear)),
            corners=np.array([record.transform[2::3] for record in records], np.float64),
            image_paths=[os.fspath(path) for path in paths[IMAGES]],
            label_paths=[os.fspath(path) for path in paths[LABELS]],
        )

    def commit(self) -> dict[str, str]:
        """Make the files last and give them their names; digests by path."""
        for flushed in self._flushed:
            flushed.result()
        for path in self._digests:
            self._temporary(path).replace(self._root / path)
        for folder in (IMAGES, LABELS):
            fsync_folder(self._root / folder)
        return self._digests

    def discard(self) -> None:
        """Remove what has no name yet."""
        self._flushers.shutdown(cancel_futures=True)
        for path in self._tried:
            path.unlink(missing_ok=True)

    def _temporary(self, path: str) -> Path:
        return own_path(self._root / path)


class TiffSource:
    """Reads patches by their names."""

    def __init__(self, root: Path, info: StoreInfo) -> None:
        self._root = root

    def read(self, shard: str, offset: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        """Image (bands, size, size) and label (size, size) of a patch.

        Raises:
            InputError: a file is missing or damaged.
        """
        return read_patch(self._root / shard), read_patch(self._root / label_of(shard))[0]

    def digests(self, shard: str, offset: int) -> tuple[str, dict[str, str]]:
        """Digest of a patch as it is stored, and those of its files by path.

        Raises:
            OSError: a file cannot be read.
        """
        label = label_of(shard)
        both = hashlib.sha256((self._root / shard).read_bytes())
        first = both.hexdigest()
        content = (self._root / label).read_bytes()
        both.update(content)
        return both.hexdigest(), {shard: first, label: hashlib.sha256(content).hexdigest()}

    def files_of(self, shard: str) -> set[str]:
        """The image and the label of a patch."""
        return {shard, label_of(shard)}


def label_of(image: str) -> str:
    """Path of the label beside an image, both relative to the store."""
    return f"{LABELS}/{Path(image).name}"


def _fsync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _linear(record: PatchRecord) -> Linear:
    a, b, _, d, e, _ = record.transform
    return a, b, d, e


def _template(info: StoreInfo, folder: str, epsg: int, linear: Linear) -> TiffTemplate:
    return _cached_template(folder, info.bands, info.size, info.soft, info.simulated, epsg, linear)


@functools.lru_cache(maxsize=64)
def _cached_template(
    folder: str,
    bands: tuple[str, ...],
    size: int,
    soft: bool,
    simulated: bool,
    epsg: int,
    linear: Linear,
) -> TiffTemplate:
    tags = {"CATFAST_SIMULATED": "yes"} if simulated else {}
    if folder == IMAGES:
        style = PatchStyle(count=len(bands), dtype="uint16", nodata=0, descriptions=bands, tags=tags)
    elif soft:
        what = ("cloud fraction, 0-200",)
        style = PatchStyle(count=1, dtype="uint8", nodata=NODATA, descriptions=what, tags=tags)
    else:
        style = PatchStyle(
            count=1,
            dtype="uint8",
            nodata=NODATA,
            descriptions=("label",),
            tags=tags,
            band_tags=CATEGORY_TAGS,
            colours=COLOURS,
        )
    return patch_template(style, size, epsg, linear)
