"""What goes wrong in Lightning's loop is told as an error of ours."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest

pytest.importorskip("torch")

import torch
from torch.utils.data import DataLoader, Dataset

from catfast.errors import OutputError, ResourceError, UsageError
from catfast.train import TrainConfig
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


class Killed(Dataset):
    """Patches of which reading one ends the process, as the kernel does where memory is short."""

    def __getitem__(self, index):
        os.kill(os.getpid(), signal.SIGKILL)

    def __len__(self):
        return 1


def test_a_reading_process_that_is_killed_is_one_sentence(tmp_path):
    with pytest.raises(ResourceError, match="a reading process was killed"), _in_one_sentence(tmp_path):
        list(DataLoader(Killed(), num_workers=1))


def test_a_network_that_cannot_be_compiled_is_one_sentence(tmp_path):
    """Without a compiler of C++, that is; a GPU wants Triton's."""
    from torch._inductor import config

    nowhere = {"cpp.cxx": (None, "no-such-compiler"), "force_disable_caches": True}
    with (
        config.patch(nowhere),
        pytest.raises(UsageError, match=r"--compile: torch cannot compile .*No working C\+\+ compiler"),
        _in_one_sentence(tmp_path),
    ):
        torch.compile(lambda x: x.sin() + 1)(torch.ones(64))


@pytest.mark.parametrize(
    ("option", "value"),
    [("num_workers", 100_000), ("batch_size", 10**8), ("seed", 2**64), ("epochs", 10**18)],
)
def test_numbers_without_measure_are_refused(option, value):
    with pytest.raises(UsageError, match=f"must be a whole number from . to .*, not {value}"):
        TrainConfig(**{option: value})


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("sys.exit(3 if rank == 1 else time.sleep(60))", "3"),
        ("os.kill(os.getpid(), 9) if rank == 1 else time.sleep(60)", "process 1 of 2 was killed by signal 9"),
        ("sys.exit(0)", "0"),
    ],
)
def test_the_process_that_failed_first_is_told_of(what, says):
    child = f"import os, sys, time; rank = int(os.environ['RANK']); {what}"
    code = (
        "import sys\nfrom catfast.errors import ResourceError\nfrom catfast.train import launch\n"
        f"try:\n    print(launch(2, [sys.executable, '-c', {child!r}]))\n"
        "except ResourceError as error:\n    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.startswith(says)
    assert "Traceback" not in run.stderr


def test_what_all_processes_have_to_say_is_said_once():
    child = (
        "import os; from catfast.train import said_by_another as said; "
        "print(said('of all'), said('of ' + os.environ['RANK']), flush=True)"
    )
    code = (
        "import sys\nfrom catfast.train import launch, said_by_another\n"
        f"launch(2, [sys.executable, '-c', {child!r}])\nprint(said_by_another('of all'))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert sorted(run.stdout.splitlines()) == ["False", "False False", "True False"]
