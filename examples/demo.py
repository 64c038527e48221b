"""What ``make demo`` runs: mask a simulated scene, or the one given, and show the quicklook."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

DEMO = Path("demo")


def run(*arguments: str | Path) -> None:
    """Run a catfast command, shown as a user would type it."""
    words = [str(argument) for argument in arguments]
    print("$ catfast", *words, flush=True)
    done = subprocess.run([sys.executable, "-c", "from catfast.cli import main; main()", *words], check=False)
    if done.returncode:
        sys.exit(done.returncode)


def simulated_scene() -> Path:
    """Make one simulated pair of scenes; return its PlanetScope side."""
    world = DEMO / "simulated"
    run("simulate", world, "--pairs", "1", "--size", "2048", "--overwrite", "-q")
    return next(world.glob("PSScene/*_AnalyticMS*.tif"))


def show(picture: Path) -> None:
    """Open a picture where there is a desktop to open it on."""
    opener = {"darwin": "open", "win32": "explorer"}.get(sys.platform, "xdg-open")
    desktop = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    if desktop and shutil.which(opener):
        subprocess.run([opener, str(picture)], check=False)


def main() -> None:
    """Mask ``argv[1]``, or a simulated scene."""
    DEMO.mkdir(exist_ok=True)
    scene = Path(sys.argv[1]) if len(sys.argv) > 1 else simulated_scene()
    kind = "your" if len(sys.argv) > 1 else "a simulated"
    mask, picture = DEMO / f"{scene.stem}_mask.tif", DEMO / f"{scene.stem}_mask.png"
    run("mask", scene, "-o", mask, "--quicklook", picture, "--overwrite")
    print(f"The mask of {kind} scene, for QGIS: {mask.resolve()}")
    print(f"Image and mask side by side:    {picture.resolve()}")
    show(picture)


if __name__ == "__main__":
    main()
