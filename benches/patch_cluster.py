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

import numpy as np

import patch_rivals as rivals
from catfast.pairs import spark_session
from catfast.patches import PatchesConfig, make_store
from report import Result, show, spread


def master(executors: int) -> str:
    return f"local-cluster[{executors},1,1024]"


def scaling(folder: Path, rounds: int, results: list[Result]) -> None:
    """One executor against two; both clusters stand while the other works, started and warm."""
    with ExitStack() as stack:
        clusters = [stack.enter_context(_program(folder, executors)) for executors in (1, 2)]
        for cluster in clusters:
            _ask(cluster)
        times = [tuple(map(_ask, clusters)) for _ in range(rounds)]
        for cluster in clusters:
            cluster.communicate()  # its end of input
    result = Result(
        name="Spark local-cluster, 1 to 2 executors",
        value=round(float(np.median([two for _, two in times])), 3),
        unit="s",
        rival="one executor",
        **spread([one / two for one, two in times]),
    )
    show(result)
    results.append(result)


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
