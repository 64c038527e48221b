"""Spark's ``local-cluster`` for bench_patches: executors of one core each, as processes of their own.

Run as a program it starts one cluster and answers each line of its input with the seconds of one run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import patch_rivals as rivals
from catfast.pairs import spark_session
from catfast.patches import PatchesConfig, make_store


def master(executors: int) -> str:
    return f"local-cluster[{executors},1,1024]"


def times(folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Seconds of one executor and of two; both clusters stand while the other works, started and warm."""
    with ExitStack() as stack:
        one, two = (stack.enter_context(_program(folder, executors)) for executors in (1, 2))
        for cluster in (one, two):
            _ask(cluster)
        found = [(_ask(one), _ask(two)) for _ in range(rounds)]
        for cluster in (one, two):
            cluster.communicate()  # its end of input
    return found


def _program(folder: Path, executors: int) -> subprocess.Popen[str]:
    words = [sys.executable, __file__, str(folder), str(executors)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _ask(cluster: subprocess.Popen[str]) -> float:
    print("go", file=cluster.stdin, flush=True)
    return float(next(iter(cluster.stdout or ())))


def main(folder: Path, executors: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder) as name, spark_session(master(executors)):
        out, trash = Path(name, "store"), Path(name, "trash")
        config = PatchesConfig(output=out, scenes=(folder,), engine="spark", master=master(executors))
        run = partial(make_store, folder / "pairs.parquet", config)
        for _ in sys.stdin:
            start = time.perf_counter()
            run()
            print(time.perf_counter() - start, flush=True)
            rivals.put_away(out, trash)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
