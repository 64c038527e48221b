"""Temporary names, and what killed processes left under them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from catfast.raster import atomic_path
from catfast.temporary import temporary_path


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def other(path, process):
    """The temporary name that another process would use."""
    return temporary_path(path).name.replace(f"-{os.getpid()}.", f"-{process}.")


def test_the_next_writer_removes_what_dead_ones_left(tmp_path, dead):
    final = tmp_path / "mask [1].tif"
    gone = other(final, dead)
    for name in (f"{gone}.tif", f"{gone}.rows.tif", f"{gone}.rows.2.tif"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / f"{gone}.folder").mkdir()
    (tmp_path / f"{gone}.folder" / "part").write_bytes(b"half")
    with atomic_path(final) as temporary:
        assert not list(tmp_path.iterdir())
        temporary.write_bytes(b"whole")
    assert [path.name for path in tmp_path.iterdir()] == [final.name]


def test_what_may_still_be_wanted_stays(tmp_path, dead):
    final = tmp_path / "mask.tif"
    gone = other(final, dead)
    machine = gone.split(".")[3].split("-")[0]
    stay = [
        f"{other(final, os.getppid())}.tif",  # its process lives
        f"{gone.replace(machine, '00000000')}.tif",  # another machine's
        f"{other(tmp_path / 'mask.tif.tif', dead)}.tif",  # of another file
        gone[1:],  # no temporary name
        f"{gone.replace(str(dead), '9' * 40)}.tif",  # no process number
    ]
    for name in stay:
        (tmp_path / name).write_bytes(b"x")
    temporary_path(final)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(stay)


def test_a_folder_that_is_not_there_is_for_the_writer_to_tell(tmp_path):
    assert temporary_path(tmp_path / "no" / "x.tif", ".tif").parent == tmp_path / "no"
