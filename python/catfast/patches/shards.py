"""Format ``safetensors``: uncompressed shards that are read at random through a memory map.

A shard has the tensors ``image`` (n, bands, size, size) uint16 and ``label`` (n, size, size) uint8 after a
header of fixed length (https://github.com/huggingface/safetensors#format), so that rows can be written before
their number is known, and begin on a memory page.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, cast

import numpy as np
import numpy.typing as npt

from catfast import _core
from catfast.errors import InputError
from catfast.patches.direct import DirectFile
from catfast.patches.files import PARTS, file_stem
from catfast.patches.info import StoreInfo
from catfast.patches.records import PatchRecord
from catfast.patches.windows import Windows
from catfast.raster import atomic_path, fsync_folder
from catfast.temporary import temporary_path

SHARDS = "shards"
HEADER = 4096
"""Bytes before the first pixel."""

_COPY = 1 << 24
_LABELS = 1 << 26


def header(count: int, bands: int, size: int) -> bytes:
    """The first ``HEADER`` bytes of a shard of ``count`` patches."""
    image, label = 2 * bands * size * size * count, size * size * count
    tensors = {
        "image": {"dtype": "U16", "shape": [count, bands, size, size], "data_offsets": [0, image]},
        "label": {"dtype": "U8", "shape": [count, size, size], "data_offsets": [image, image + label]},
    }
    text = json.dumps(tensors, separators=(",", ":")).encode()
    return struct.pack("<Q", HEADER - 8) + text.ljust(HEADER - 8)


def patch_bytes(info: StoreInfo) -> int:
    """Bytes that a patch takes in a shard."""
    return (2 * len(info.bands) + 1) * info.size**2


class ShardFile:
    """A shard while it is written: images in their place, labels aside until theirs is known."""

    def __init__(self, path: Path, info: StoreInfo) -> None:
        self.count = 0
        self._path, self._info = path, info
        self._file = DirectFile(path, HEADER)
        self._labels = cast("IO[bytes]", SpooledTemporaryFile(_LABELS, dir=str(path.parent)))  # noqa: SIM115

    def write(self, windows: Windows) -> list[str]:
        """Append patches; digests of their pixels."""
        count, size, bands = len(windows), self._info.size, len(self._info.bands)
        image, labels = 2 * bands * size**2, np.empty((count, size**2), np.uint8)

        def fill(memory: npt.NDArray[np.uint8]) -> list[str]:
            images = memory.reshape(count, image)
            return _core.patch_rows(*windows.arguments(), images, labels, size=size)

        digests = self._file.append(count * image, fill)
        self._labels.write(labels.data)
        self.count += count
        return digests

    def finish(self) -> str:
        """Bring the labels behind the images, write the header, make it last; the digest of the file."""
        self._labels.seek(0)
        while labels := self._labels.read(_COPY):
            self._file.append(len(labels), partial(np.copyto, src=np.frombuffer(labels, np.uint8)))
        return self._file.finish(header(self.count, len(self._info.bands), self._info.size))

    def discard(self) -> None:
        """Remove what is left of it."""
        self._labels.close()
        self._file.close()
        self._path.unlink(missing_ok=True)


class ShardSink:
    """Takes the patches of one group into one shard, which waits among the parts for ``finish``."""

    def __init__(self, root: Path, info: StoreInfo, group: str) -> None:
        self._final = waiting_path(root, group)
        self._final.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = temporary_path(self._final)
        self._shard = f"{SHARDS}/{self._final.name}"
        self._file = ShardFile(self._temporary, info)

    def write(self, windows: Windows, records: Sequence[PatchRecord]) -> list[tuple[str, int, str]]:
        """Append patches; (final name of the shard, place in it, digest of the pixels) of each."""
        first = self._file.count
        digests = self._file.write(windows)
        return [(self._shard, first + index, digest) for index, digest in enumerate(digests)]

    def commit(self) -> dict[str, str]:
        """Give the shard its waiting place; its digest by its later path. Nothing for an empty group."""
        if self._file.count == 0:
            return {}
        digest = self._file.finish()
        self._temporary.replace(self._final)
        fsync_folder(self._final.parent)
        return {self._shard: digest}

    def discard(self) -> None:
        """Remove what is not committed."""
        self._file.discard()


class ShardSource:
    """Reads patches through memory maps, one a shard and process, opened when first used."""

    def __init__(self, root: Path, info: StoreInfo) -> None:
        self._root, self._info = root, info
        self._maps: dict[str, tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]] = {}

    def read(self, shard: str, offset: int) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
        """Image (bands, size, size) and label (size, size) of a patch: read-only views of the file.

        Raises:
            InputError: the shard is missing or damaged.
        """
        if shard not in self._maps:
            self._maps[shard] = map_shard(self._root / shard, self._info)
        images, labels = self._maps[shard]
        if not 0 <= offset < len(images):
            raise InputError(f"{self._root / shard}: has {len(images)} patches, but the index names {offset}")
        return images[offset], labels[offset]

    def digests(self, shard: str, offset: int) -> tuple[str, dict[str, str]]:
        """Digest of a patch as it is stored; its file holds others too, so none of files.

        Raises:
            InputError: the shard is missing or damaged.
        """
        image, label = self.read(shard, offset)
        both = hashlib.sha256(image.data)
        both.update(label.data)
        return both.hexdigest(), {}

    def files_of(self, shard: str) -> set[str]:
        """None: a shard holds many patches."""
        return set()


def map_shard(path: Path, info: StoreInfo) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint8]]:
    """Images (n, bands, size, size) and labels (n, size, size) of a shard, mapped read-only.

    Raises:
        InputError: it is missing, cut short, or of another layout than the store's.
    """
    bands, size = len(info.bands), info.size
    try:
        length = path.stat().st_size
        count, rest = divmod(length - HEADER, patch_bytes(info))
        with path.open("rb") as file:
            whole = rest == 0 and count > 0 and file.read(HEADER) == header(count, bands, size)
        if not whole:
            raise InputError(
                f"{path}: expected a shard of {size} x {size} patches with {bands} bands, found another "
                "layout, or a file cut short"
            )
        images = np.memmap(path, "<u2", "r", HEADER, (count, bands, size, size))
        labels = np.memmap(path, np.uint8, "r", HEADER + images.nbytes, (count, size, size))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    return images.view(np.ndarray), labels.view(np.ndarray)


def waiting_path(root: Path, group: str) -> Path:
    """Where the shard of a group lies until ``finish``."""
    return root / PARTS / f"{file_stem(group)}.safetensors"


def compact(root: Path, info: StoreInfo, shard: str, kept: npt.NDArray[np.int64]) -> bool:
    """Bring a waiting shard to its final place with the patches ``kept`` (ascending) only.

    Returns whether its digest is another now. The waiting shard goes last: until then this can be done again.

    Raises:
        InputError: the waiting shard is damaged.
    """
    final = root / shard
    waiting = root / PARTS / final.name
    if not waiting.exists():
        return True
    images, labels = map_shard(waiting, info)
    if len(kept) == len(images):
        waiting.replace(final)
        fsync_folder(final.parent)
        return False
    with atomic_path(final) as temporary, temporary.open("wb") as file:
        file.write(header(len(kept), len(info.bands), info.size))
        for rows in (images, labels):
            for index in kept:
                file.write(rows[index])
    waiting.unlink()
    return True
