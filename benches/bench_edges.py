"""What edges guided by the image gain over plain bilinear ones on simulated scenes, and what they cost.

Boundary IoU (Cheng et al., CVPR 2021) within 3 pixels of the true boundary, of cloud and of shadow, pooled
over simulated scenes with known truth: of the bundled network at 10 m with guided and with plain edges, of
the same network at the scenes' own 3 m, and of a network that is never wrong: the truth itself, as shares of
each 10 m pixel, and the same smoothed over 3 x 3 pixels. None of it is an accuracy for PlanetScope. The
constants of the edge step were chosen on seed 1; this runs on others. Cost: masking in memory, interleaved.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from catfast import _core
from catfast.mask import MaskConfig, Masker
from catfast.mask.predict import Mosaic, Rules
from catfast.mask.rows import SceneRows
from catfast.mask.tiling import Tile, plan_axes
from catfast.planet import describe_scene
from catfast.raster import open_raster
from catfast.simulate import WorldConfig, simulate_world
from report import Result, interleaved, options, show, spread, write

CLASSES = {"cloud": 1, "shadow": 2}
WITHIN = 3
GSD = 10.0
Codes = np.ndarray
Pooled = dict[str, np.ndarray]


def eroded(mask: Codes, times: int) -> Codes:
    """``mask`` less all within ``times`` pixels of what it leaves out; the frame leaves out nothing."""
    for axis in (0, 1):
        padded = np.pad(mask, [(times, times) if k == axis else (0, 0) for k in (0, 1)], constant_values=True)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * times + 1, axis=axis)
        mask = windows.all(axis=-1)
    return mask


def boundary(codes: Codes, code: int, valid: Codes) -> Codes:
    """Pixels of a class within :data:`WITHIN` pixels of where it ends."""
    return (codes == code) & valid & ~eroded((codes == code) | ~valid, WITHIN)


def shared(found: Codes, truth: Codes) -> np.ndarray:
    """(classes, 2): pixels in both boundaries, and in either."""
    valid = truth != 255
    pairs = [(boundary(truth, code, valid), boundary(found, code, valid)) for code in CLASSES.values()]
    return np.array([[(a & b).sum(), (a | b).sum()] for a, b in pairs])


def masked(scene: Path, masker: Masker) -> Codes:
    """Codes of a scene."""
    with open_raster(scene) as raster, closing(masker.classified(raster, describe_scene(raster))) as parts:
        return np.concatenate([part.mask for _, part in parts])


def area_weights(scene: int, factor: float) -> np.ndarray:
    """(network, scene): how much of each scene pixel lies in each network pixel."""
    network = int(np.ceil(scene / factor))
    low, high = np.arange(network) * factor, (np.arange(network) + 1) * factor
    pixel = np.arange(scene)
    return np.clip(np.minimum(high[:, None], pixel + 1) - np.maximum(low[:, None], pixel), 0, None)


def smoothed(cells: np.ndarray) -> np.ndarray:
    """Means over 3 x 3 cells."""
    padded = np.pad(cells, [(0, 0), (1, 1), (1, 1)], mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    return windows.mean(axis=(-1, -2))


def without_error(scene: Path, truth: Codes, *, blurred: bool) -> Iterator[tuple[str, Codes]]:
    """Codes from the truth as 10 m probabilities, by the kind of edges."""
    with open_raster(scene) as raster:
        described, (height, width) = describe_scene(raster), truth.shape
        gsd = described.gsd_m or (GSD, GSD)
        factor = (GSD / gsd[0], GSD / gsd[1])
        # One tile over the whole scene.
        whole = {"tile": 1 << 16, "halo": 0, "multiple_of": 1}
        down, across = plan_axes(scene=(height, width), factor=factor, **whole)
        with closing(SceneRows(raster, described, down, across, guided=True)) as rows:
            image = rows.take(down.network)
            valid, bright = rows.take_validity(height), rows.take_brightness(height)
    weigh = area_weights(height, factor[0]), area_weights(width, factor[1])
    shares = np.stack([weigh[0] @ (truth == code) @ weigh[1].T for code in (0, 1, 2)])
    shares /= np.maximum(weigh[0] @ (valid > 0) @ weigh[1].T, 1e-9)
    answer = np.ascontiguousarray(smoothed(shares) if blurred else shares, np.float32)[None]
    for edges in ("guided", "plain"):
        mosaic = Mosaic(3, down, across, guided=True)
        mosaic.guide(image, down.network)
        mosaic.add(answer, [Tile(row=0, column=0, size=answer.shape[2:])])
        rules = Rules(codes=(0, 1, 2), cloud=1, threshold=None, confidence=False, guided=edges == "guided")
        yield edges, mosaic.classify(valid, 0, factor, rules, bright if rules.guided else None).mask


def scored(world: Path, maskers: dict[str, Masker]) -> Iterator[dict[str, np.ndarray]]:
    """Pixels of :func:`shared` of every way, scene by scene."""
    for told in sorted((world / "truth").glob("*_truth.tif")):
        name = told.name.removesuffix("_truth.tif")
        (scene,) = (path for path in (world / "PSScene").glob(f"{name}_3B_Analytic*.tif"))
        with open_raster(told) as raster:
            truth = raster.read_rows([1], 0, raster.info.grid.height)[0]
        truth = np.where((truth == 3) | (truth == 4), 0, truth)
        found = {way: shared(masked(scene, masker), truth) for way, masker in maskers.items()}
        for blurred, kind in ((False, "truth at 10 m"), (True, "truth at 10 m, smoothed")):
            for edges, codes in without_error(scene, truth, blurred=blurred):
                found[f"{kind}, {edges}"] = shared(codes, truth)
        yield found


def gains(scenes: list[dict[str, np.ndarray]]) -> Iterator[Result]:
    """Boundary IoU over all scenes, guided; the ratio to its rival, its spread over scenes drawn again."""
    rng = np.random.default_rng(0)
    draws = [np.arange(len(scenes)), *rng.integers(0, len(scenes), (200, len(scenes)))]

    def iou(way: str, which: np.ndarray, row: int) -> float:
        both, either = sum(scenes[k][way][row] for k in which)
        return float(both / max(either, 1))

    pairs = [("network at 10 m, guided", rival) for rival in ("network at 10 m, plain", "network at 3 m")]
    pairs += [(f"{kind}, guided", f"{kind}, plain") for kind in ("truth at 10 m", "truth at 10 m, smoothed")]
    for row, name in enumerate(CLASSES):
        for ours, rival in pairs:
            ratios = [iou(ours, which, row) / max(iou(rival, which, row), 1e-9) for which in draws]
            low, high = np.percentile(ratios[1:], [5, 95])
            yield Result(
                name=f"boundary IoU, {name}",
                value=round(iou(ours, draws[0], row), 3),
                unit="",
                rival=rival,
                ratio=round(ratios[0], 2),
                low=round(float(low), 2),
                high=round(float(high), 2),
                note=f"{ours}; rival {iou(rival, draws[0], row):.3f}; simulated, {len(scenes)} scenes",
            )


def cost(scene: Path, maskers: dict[str, Masker], rounds: int) -> Result:
    """Time of masking with guided edges, beside plain ones."""
    ways = {name: maskers[f"network at 10 m, {name}"] for name in ("guided", "plain")}
    took, rival, ratios = interleaved(
        lambda: masked(scene, ways["guided"]), {"plain edges": lambda: masked(scene, ways["plain"])}, rounds
    )
    share = 100 * (1 - statistics.median(ratios))
    return Result(
        name="masking with guided edges",
        value=round(took, 2),
        unit="s",
        rival=rival,
        **spread(ratios),
        note=f"{share:.0f} % of the time is for edges, {rounds} rounds, in memory, no COG written",
    )


def main() -> None:
    chosen = options(__doc__)
    threads = min(2, os.cpu_count() or 1)
    _core.set_threads(threads)
    maskers = {
        "network at 10 m, guided": Masker(MaskConfig(threads=threads)),
        "network at 10 m, plain": Masker(MaskConfig(threads=threads, edges="plain")),
        "network at 3 m": Masker(MaskConfig(threads=threads, gsd_m=3.0)),
    }
    seeds, pairs, side = ((101,), 3, 700) if chosen.quick else ((101, 102, 103), 8, 1500)
    scenes: list[dict[str, np.ndarray]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            world = Path(folder) / str(seed)
            simulate_world(world, WorldConfig(pairs=pairs, size_px=side, seed=seed))
            scenes += scored(world, maskers)
        results = list(gains(scenes))
        largest = max((world / "PSScene").glob("*Analytic*.tif"), key=lambda path: path.stat().st_size)
        results.append(cost(largest, maskers, 3 if chosen.quick else 9))
    for result in results:
        show(result)
    write(results, chosen.json)


if __name__ == "__main__":
    main()
