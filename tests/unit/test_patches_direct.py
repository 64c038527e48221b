"""Files written past the page cache: the bytes are those of ordinary writes, whatever is refused or held."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catfast.patches.direct import PAGE, DirectFile, page_memory
from catfast.patches.shards import HEADER, ShardFile, header
from catfast.patches.windows import Windows
from catfast.raster import Memory
from tests.stores import group, store_info

SIZES = st.one_of(st.integers(0, 3 * PAGE), st.sampled_from([PAGE - 1, PAGE, 5 * PAGE + 7]))


def written(path: Path, first: bytes, parts: list[bytes], held: int) -> str:
    """Digest that the file told of itself."""
    file = DirectFile(path, len(first), held=held)
    for part in parts:
        file.append(len(part), partial(np.copyto, src=np.frombuffer(part, np.uint8)))
    digest = file.finish(first)
    file.close()
    return digest


# A first part that is no whole page makes the disk refuse what comes after it: a real refusal.
@given(
    sizes=st.lists(SIZES, max_size=6),
    first=st.sampled_from([0, 100, PAGE]),
    held=st.sampled_from([0, PAGE, 4 * PAGE + 5, 1 << 20]),
    seed=st.integers(0, 1 << 16),
)
@settings(max_examples=60, deadline=None)
def test_the_bytes_are_those_of_ordinary_writes(sizes, first, held, seed):
    random = np.random.default_rng(seed)
    parts = [random.bytes(size) for size in sizes]
    whole = random.bytes(first) + b"".join(parts)
    whole = bytes(first) + whole[first:]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("one", "two"):  # the second has the memory of the first
            path = Path(folder) / name
            digest = written(path, bytes(first), parts, held)
            assert path.read_bytes() == whole
            assert digest == hashlib.sha256(whole).hexdigest()


@pytest.mark.skipif(sys.platform != "linux", reason="a file of Linux that cannot be opened past the cache")
def test_a_file_that_cannot_be_opened_past_the_cache_is_opened_as_others_are():
    refusing = "/proc/self/comm"
    with pytest.raises(OSError, match="Invalid argument") as refused:
        os.open(refusing, os.O_RDWR | os.O_DIRECT)
    assert refused.value.errno == errno.EINVAL
    DirectFile(Path(refusing), 0, held=0).close()


def test_what_cannot_be_made_is_an_error_and_no_refusal(tmp_path):
    with pytest.raises(FileNotFoundError):
        DirectFile(tmp_path / "none" / "file", PAGE)
    with pytest.raises(IsADirectoryError):
        DirectFile(tmp_path, PAGE)


def test_an_error_while_bytes_are_made_leaves_the_file_as_it_was(tmp_path):
    file = DirectFile(tmp_path / "file", 0, held=3 * PAGE)

    def fail(memory: np.ndarray) -> None:
        memory[:] = 1
        raise RuntimeError("stop")

    for part in (b"a" * 10, b"b" * PAGE):
        with pytest.raises(RuntimeError, match="stop"):
            file.append(2 * PAGE, fail)
        file.append(len(part), partial(np.copyto, src=np.frombuffer(part, np.uint8)))
    digest = file.finish(b"")
    file.close()
    whole = b"a" * 10 + b"b" * PAGE
    assert (tmp_path / "file").read_bytes() == whole
    assert digest == hashlib.sha256(whole).hexdigest()


def test_memory_begins_at_a_page_and_is_used_again():
    memory = Memory()
    first = page_memory(3 * PAGE + 1, memory)
    place = first.ctypes.data
    assert place % PAGE == 0
    assert len(first) == 3 * PAGE + 1
    assert page_memory(3 * PAGE + 1, memory).ctypes.data != place
    del first
    assert place in {page_memory(3 * PAGE + 1, memory).ctypes.data for _ in range(2)}


@pytest.mark.parametrize("size", [1, 33, 64, 101])
def test_a_shard_is_its_header_its_images_and_its_labels(tmp_path, size):
    """Patches that are no whole pages, one after another, and some at once."""
    info = store_info("safetensors", size=size)
    made = group("g", info, count=5)
    shard = ShardFile(tmp_path / "shard", info)
    digests = []
    for part in (slice(0, 1), slice(1, 1), slice(1, 4), slice(4, 5)):
        digests += shard.write(Windows.of_patches(made.images[part], made.labels[part], size))
    whole = header(5, 4, size) + made.images.astype("<u2").tobytes() + made.labels.tobytes()
    assert len(header(5, 4, size)) == HEADER
    assert shard.finish() == hashlib.sha256(whole).hexdigest()
    assert (tmp_path / "shard").read_bytes() == whole
    for image, label, digest in zip(made.images, made.labels, digests, strict=True):
        assert digest == hashlib.sha256(image.astype("<u2").tobytes() + label.tobytes()).hexdigest()
    shard.discard()
    assert list(tmp_path.iterdir()) == []
