"""A new user's way from ``git clone`` to a first mask, timed part by part (``make newuser``).

Clones the last commit of this repository, makes an empty environment, installs catfast without extras (its
compiled part is built), makes a simulated scene and masks it. What pip and cargo have in their caches
shortens it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from catfast.mask.masker import processors
from report import Result, options, show, write

ROOT = Path(__file__).parents[1]


def steps(folder: Path) -> dict[str, list[str]]:
    """Commands by name, as a user would type them."""
    clone, binaries = folder / "catfast", folder / "venv" / "bin"
    return {
        "clone": ["git", "clone", "--quiet", "--depth", "1", ROOT.as_uri(), str(clone)],
        "environment": [sys.executable, "-m", "venv", str(folder / "venv")],
        "install": [
            *(str(binaries / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("-c", str(clone / "constraints.txt"), str(clone)),
        ],
        "simulated scene": [
            *(str(binaries / "catfast"), "simulate", str(folder / "world"), "--quiet"),
            *("--pairs", "1", "--size", "2048"),
        ],
        "first mask": [str(binaries / "catfast"), "mask", str(folder / "world" / "PSScene"), "--quiet"],
    }


def walk(folder: Path) -> dict[str, float]:
    """Seconds of each step."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    took = {}
    for name, command in steps(folder).items():
        started = time.perf_counter()
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed: {' '.join(command)}: {done.stderr.strip()[-800:]}")
        took[name] = time.perf_counter() - started
        print(f"{name}: {took[name]:.1f} s", flush=True)
    return took


def told(took: dict[str, float]) -> str:
    """The sentence that a README may quote."""
    minutes, seconds = divmod(round(sum(took.values())), 60)
    parts = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took.items())
    return f"From git clone to the first mask: {minutes} min {seconds} s on {processors()} cores ({parts})."


def main() -> None:
    chosen = options(__doc__)
    with tempfile.TemporaryDirectory() as name:
        took = walk(Path(name))
    sentence = told(took)
    took["in all"] = sum(took.values())
    results = [
        Result(name=f"new user: {name}", value=round(seconds, 1), unit="s") for name, seconds in took.items()
    ]
    for result in results:
        show(result)
    print(sentence, flush=True)
    write(results, chosen.json)


if __name__ == "__main__":
    main()
