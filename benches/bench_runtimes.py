"""How fast each installed runtime runs the bundled network on this processor, and how alike its classes are.

Tiles of simulated scenes, two threads, interleaved rounds; the rival is onnxruntime, the default. A ratio
above 1 means that the runtime is faster than onnxruntime.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import numpy as np

from catfast.errors import CatfastError
from catfast.mask.runtimes import Runtime, choose_runtime
from catfast.models import ModelConfig, bundled
from catfast.simulate import batch
from report import Result, interleaved, options, show, spread, write

THREADS = 2
PACKAGES = {"openvino": "openvino", "openvino-bf16": "openvino", "torch": "torch"}


def simulated_tiles(count: int, size: int) -> np.ndarray:
    """Tiles (count, bands, size, size) as the network sees them."""
    model = ModelConfig.load(bundled())
    images, _ = batch(count, size, seed=7)
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (model.mean, model.std))
    return ((images.clip(*model.clip) - mean) / std).astype(np.float32)


def installed() -> Iterator[tuple[str, Runtime]]:
    """The runtimes that work here."""
    for name, package in PACKAGES.items():
        try:
            if importlib.util.find_spec(package):
                yield name, choose_runtime(bundled(), device="cpu", threads=THREADS, runtime=name)
                continue
            print(f"left out: {name}: not installed", flush=True)
        except CatfastError as error:
            print(f"left out: {name}: {error}", flush=True)


def main() -> None:
    chosen = options(__doc__)
    rounds, tiles = (3, simulated_tiles(4, 320)) if chosen.quick else (15, simulated_tiles(8, 576))
    pixels = len(tiles) * tiles.shape[-1] ** 2 / 1e6
    default = choose_runtime(bundled(), device="cpu", threads=THREADS)
    expected = default.predict(tiles).argmax(axis=1)
    results = []
    for name, runtime in installed():
        same = 100 * (runtime.predict(tiles).argmax(axis=1) == expected).mean()
        took, rival, ratios = interleaved(
            lambda runtime=runtime: runtime.predict(tiles),  # type: ignore[misc]
            {"onnxruntime": lambda: default.predict(tiles)},
            rounds,
        )
        note = f"same class on {same:.2f} % of pixels, {THREADS} threads, {rounds} rounds"
        value = round(pixels / took, 2)
        results.append(Result(name=name, value=value, unit="Mpx/s", rival=rival, **spread(ratios), note=note))
        show(results[-1])
    write(results, chosen.json)


if __name__ == "__main__":
    main()
