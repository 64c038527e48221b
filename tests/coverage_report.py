"""Prints line coverage of Python and Rust, and why what is not covered is not.

``python -m tests.coverage_report tests/unit tests/property`` (``make coverage``); all tests by default.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "python/catfast/"

WHY = {
    "_core.pyi": "types only",
    "__main__.py": "two lines, run by `python -m catfast`",
    "mask/spark.py": "executors are processes of Spark's own",
    "patches/spark.py": "executors are processes of Spark's own",
    "workers.py": "what a worker does ends in os._exit",
    "cli/interrupts.py": "the last word before os._exit, and signals during imports",
    "train/loop.py": "branches for GPUs and several devices",
    "mask/runtimes/torch.py": "branches for GPUs",
    "models/quantise.py": "branches for GPUs",
    "locks.py": "folders that cannot be written to: root may write to all",
}
"""Files that are not covered in full, with the reason."""


def python_lines(tests: list[str], data: Path) -> tuple[int, dict[str, dict[str, object]]]:
    """Exit code of the tests, and what they covered, a file each."""
    coverage = [sys.executable, "-m", "coverage"]
    environment = {**os.environ, "COVERAGE_FILE": str(data / "coverage")}
    tested = subprocess.run(
        [*coverage, "run", "-m", "pytest", "-q", *tests], cwd=ROOT, env=environment, check=False
    )
    subprocess.run([*coverage, "combine", "-q"], cwd=ROOT, env=environment, check=False)
    report = data / "report.json"
    subprocess.run([*coverage, "json", "-q", "-o", str(report)], cwd=ROOT, env=environment, check=True)
    return tested.returncode, json.loads(report.read_text())["files"]


def print_python(files: dict[str, dict[str, object]]) -> None:
    """A line a room, a line a file that lacks some, and the sum."""
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    lacking = []
    for path, found in sorted(files.items()):
        name, summary = path.split(PACKAGE)[-1], found["summary"]
        for room in (name.split("/")[0], "all"):
            rooms[room][0] += summary["covered_lines"]
            rooms[room][1] += summary["num_statements"]
        if found["missing_lines"]:
            lacking.append((name, found["missing_lines"]))
    print("\nPython, lines not covered:")
    for name, lines in lacking:
        print(f"  {name}: {_spans(lines)}{' - ' + WHY[name] if name in WHY else ''}")
    print("\nPython, lines covered, by room:")
    for room, (covered, lines) in rooms.items():
        print(f"  {room:<16} {covered:6d} of {lines:6d}  {100 * covered / max(lines, 1):5.1f} %")


def _spans(lines: list[int]) -> str:
    spans: list[list[int]] = []
    for line in lines:
        if spans and line <= spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in spans)


def print_rust() -> None:
    """Lines of the kernels that their own tests reach; Python's tests reach them too, uncounted."""
    if shutil.which("cargo-llvm-cov") is None:
        print("\nRust: not measured; cargo install cargo-llvm-cov && rustup component add llvm-tools")
        return
    print("\nRust (catfast-core, by cargo test alone: Python's tests reach more):", flush=True)
    words = ["cargo", "llvm-cov", "-p", "catfast-core", "--locked", "--summary-only", "--quiet"]
    subprocess.run(words, cwd=ROOT, check=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--no-rust", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        code, files = python_lines(given.tests, Path(name))
    print_python(files)
    if not given.no_rust:
        print_rust()
    sys.exit(code)


if __name__ == "__main__":
    main()
