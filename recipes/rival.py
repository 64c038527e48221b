"""Score ukis-csmask 1.0.0 (DLR, Apache-2.0), its network of four bands, on the chips of the recipe.

    python -m pip install ukis-csmask==1.0.0 && python -m recipes.rival --chips DATA -o rival.json

It is fed reflectance at the chips' own pixels (10-30 m; the PlanetScope check at 9 m), as its authors advise.
Some of the chips may be among those that it was trained or chosen on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from recipes.chips import load_checks, load_chips
from recipes.score import Counts, summary

__all__ = ["score_rival", "ukis"]

Masker = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.bool_]]


def ukis() -> Masker:
    """Its network as a function from reflectance (4, h, w) to cloud, tiles of its size half over the next.

    Raises:
        SystemExit: ukis-csmask is not installed.
    """
    found = importlib.util.find_spec("ukis_csmask")
    if found is None or found.origin is None:
        raise SystemExit("ukis-csmask is not installed: python -m pip install ukis-csmask==1.0.0")
    path = Path(found.origin).with_name("model_4b_l1c.onnx")
    data = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["data"]
    mean, std = (np.asarray(part, np.float32)[:, None, None] for part in data["dataset_statistics"]["img"])
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name, side = session.get_inputs()[0].name, data["target_size"][0]

    def cloud(image: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
        height, width = image.shape[1:]
        padding = [(0, 0), *((0, _beyond(length, side)) for length in (height, width))]
        seen = np.pad((image - mean) / std, padding, mode="symmetric")
        total = np.zeros((3, *seen.shape[1:]), np.float32)
        for top, left in product(*(range(0, length - side // 2, side // 2) for length in seen.shape[1:])):
            window = (slice(None), slice(top, top + side), slice(left, left + side))
            (logits,) = session.run(None, {name: seen[window][None]})
            share = np.exp(logits[0] - logits[0].max(0))
            total[window] += share / share.sum(0)
        answer: npt.NDArray[np.bool_] = total.argmax(0)[:height, :width] == 1
        return answer

    return cloud


def _beyond(length: int, side: int) -> int:
    """Pixels to add so that tiles half over the next end where the image does."""
    return max(side, -(-length // (side // 2)) * (side // 2)) - length


def score_rival(cloud: Masker, folder: Path) -> dict[str, Any]:
    """Counts by chip, figures pooled by source, and the share called cloud in each check image."""
    by_chip = {}
    for chip in load_chips(folder):
        counts = Counts()
        counts.add(cloud(chip.image), chip)
        found = [counts.tp, counts.fp, counts.fn, counts.tn]
        by_chip[chip.name] = {"source": chip.source, "model": found, "rule": found}
    checks = {check.name: float(cloud(check.image).mean()) for check in load_checks(folder)}
    pooled = {source: entry["model"] for source, entry in summary(by_chip).items()}
    counts_only = {name: entry["model"] for name, entry in by_chip.items()}
    return {"pooled": pooled, "by_chip": counts_only, "checks": checks}


def main() -> None:
    """Score it and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chips", type=Path, required=True, help="folder of the real data")
    parser.add_argument("-o", "--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args()
    scores = score_rival(ukis(), options.chips)
    options.output.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(scores["pooled"], indent=1))


if __name__ == "__main__":
    main()
