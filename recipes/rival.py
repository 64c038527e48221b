"""Score ukis-csmask 1.0.0 (DLR, Apache-2.0), its network of four bands, on the chips of the recipe.

    python -m pip install ukis-csmask==1.0.0 && python -m recipes.rival --chips DATA -o rival.json

It is fed reflectance at the chips' own pixels (10-30 m; the PlanetScope check at 9 m), as its authors advise.
Some of the chips may be among those that it was trained or chosen on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catfast.classes import BANDS
from recipes.chips import load_checks, load_chips
from recipes.score import Counts, summary

__all__ = ["cloud_of_ukis", "score_rival"]


def cloud_of_ukis(image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Where it says cloud in reflectance (4, h, w); images under its tile of 256 are mirrored out to that.

    Raises:
        ImportError: ukis-csmask is not installed.
    """
    from ukis_csmask.mask import CSmask

    height, width = image.shape[1:]
    padding = ((0, 0), (0, max(0, 256 - height)), (0, max(0, 256 - width)))
    seen = np.pad(image, padding, mode="symmetric").transpose(1, 2, 0)
    answer = CSmask(np.ascontiguousarray(seen), list(BANDS), "l1c", providers=["CPUExecutionProvider"])
    found: npt.NDArray[np.bool_] = answer.csm[:height, :width, 0] == 1
    return found


def score_rival(folder: Path) -> dict[str, Any]:
    """Counts by chip, figures pooled by source, and the share called cloud in each check image."""
    by_chip = {}
    for chip in load_chips(folder):
        counts = Counts()
        counts.add(cloud_of_ukis(chip.image), chip)
        found = [counts.tp, counts.fp, counts.fn, counts.tn]
        by_chip[chip.name] = {"source": chip.source, "model": found, "rule": found}
    checks = {check.name: float(cloud_of_ukis(check.image).mean()) for check in load_checks(folder)}
    pooled = {source: entry["model"] for source, entry in summary(by_chip).items()}
    counts_only = {name: entry["model"] for name, entry in by_chip.items()}
    return {"pooled": pooled, "by_chip": counts_only, "checks": checks}


def main() -> None:
    """Score it and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    scores = score_rival(options.chips)
    options.output.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(scores["pooled"], indent=1))


if __name__ == "__main__":
    main()
