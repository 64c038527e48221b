"""What goes wrong in Lightning's loop is told as an error of ours."""

from __future__ import annotations

import errno
import os

import pytest

pytest.importorskip("torch")

from catfast.errors import OutputError
from catfast.train.run import _in_one_sentence


def fail_while_tidying_up(first: Exception) -> None:
    try:
        raise first
    except type(first):
        raise RuntimeError("no loader")  # noqa: B904 - as Lightning does


def test_an_error_of_the_disk_outlives_a_failure_to_tidy_up(tmp_path):
    broken = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(OutputError, match="training stopped: Input/output error"), _in_one_sentence(tmp_path):
        fail_while_tidying_up(broken)


def test_a_fault_stays_a_fault(tmp_path):
    with pytest.raises(RuntimeError, match="no loader"), _in_one_sentence(tmp_path):
        fail_while_tidying_up(ValueError("something else"))
