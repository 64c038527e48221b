"""Other ways to mask a scene, a process each: ``python mask_rivals.py WAY SCENE MODEL OUTPUT THREADS``.

All read the whole scene at 10 m by GDAL's average, and write the classes back at 3 m as deflate tiles,
without overviews, checks of the input or a look at the result.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

Image = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
COARSER = 0.3


def read(scene: Path, threads: int) -> tuple[Image, Codes, dict[str, Any]]:
    """Reflectance (4, h, w) at 10 m; 1 where the scene has data at 3 m; the scene's profile."""
    with rasterio.open(scene, num_threads=threads) as source:
        shape = (4, round(source.height * COARSER), round(source.width * COARSER))
        image = source.read(out_shape=shape, out_dtype="float32", resampling=Resampling.average)
        return image * np.float32(1e-4), (source.read(1) != 0).view(np.uint8), source.profile


def write(output: Path, codes: Codes, valid: Codes, profile: dict[str, Any], threads: int) -> None:
    """Codes at 10 m, by the nearest at 3 m, 255 where nothing was seen."""
    rows, columns = (
        np.minimum((np.arange(size) * COARSER).astype(int), coarse - 1)
        for size, coarse in zip(valid.shape, codes.shape, strict=True)
    )
    mask = np.where(valid, codes[rows[:, None], columns], 255).astype(np.uint8)
    profile.update(count=1, dtype="uint8", nodata=255)
    with rasterio.open(output, "w", **profile, num_threads=threads) as target:
        target.write(mask, 1)


def tiled(image: Image, folder: Path, network: Callable[[Image], npt.NDArray[Any]]) -> Codes:
    """Our network on tiles side by side: no overlap, nothing blended."""
    config = json.loads((folder / "config.json").read_text())
    mean, std = (np.array(config[name], np.float32)[:, None, None] for name in ("mean", "std"))
    image = (np.clip(image, *config["clip"]) - mean) / std
    tile, (height, width) = config["tile"], image.shape[1:]
    padded = np.pad(image, ((0, 0), (0, -height % tile), (0, -width % tile)), mode="reflect")
    codes = np.zeros(padded.shape[1:], np.uint8)
    for top in range(0, height, tile):
        for left in range(0, width, tile):
            part = padded[None, :, top : top + tile, left : left + tile]
            answer = network(np.ascontiguousarray(part, np.float32))
            codes[top : top + tile, left : left + tile] = answer[0].argmax(0)
    return codes[:height, :width]


def plain_onnx(image: Image, folder: Path, threads: int) -> Codes:
    """onnxruntime in a loop."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    return tiled(image, folder, lambda part: session.run(None, {"image": part})[0])


def plain_torch(image: Image, folder: Path, threads: int) -> Codes:
    """torch in a loop."""
    import torch

    from catfast.models import load

    torch.set_num_threads(threads)
    network = load(folder).eval()
    with torch.inference_mode():
        return tiled(image, folder, lambda part: network(torch.from_numpy(part)).numpy())


def omnicloudmask(image: Image, folder: Path, threads: int) -> Codes:
    """OmniCloudMask's own code with its defaults (patch 1000, overlap 300, two networks of version 4); the
    weights are random: its own cannot be had without a network, and cost the same time."""
    import segmentation_models_pytorch as smp
    import torch
    from omnicloudmask import predict_from_array

    torch.set_num_threads(threads)
    encoders = ("tu-regnety_004", "tu-edgenext_small")
    networks = [smp.Unet(name, encoder_weights=None, in_channels=3, classes=4).eval() for name in encoders]
    scaled = (image[[2, 1, 3]] * 1e4).astype(np.float32)
    return np.asarray(predict_from_array(scaled, custom_models=networks)[0], np.uint8)


def csmask(image: Image, folder: Path, threads: int) -> Codes:
    """ukis-csmask's own code and network, 4 bands."""
    from ukis_csmask.mask import CSmask

    bands = ["blue", "green", "red", "nir"]
    found = CSmask(np.ascontiguousarray(image.transpose(1, 2, 0)), bands, "l2a", intra_op_num_threads=threads)
    return np.asarray(found.csm[..., 0], np.uint8)


WAYS: dict[str, tuple[str | None, Callable[[Image, Path, int], Codes]]] = {
    "rasterio + onnxruntime, no overlap": (None, plain_onnx),
    "rasterio + torch, no overlap": (None, plain_torch),
    "omnicloudmask, 10 m": ("omnicloudmask", omnicloudmask),
    "ukis-csmask, 10 m": ("ukis_csmask", csmask),
}
"""Name: the package that it needs, if any, and the way."""


if __name__ == "__main__":
    way, scene, folder, output, threads = sys.argv[1:]
    image, valid, profile = read(Path(scene), int(threads))
    codes = WAYS[way][1](image, Path(folder), int(threads))
    write(Path(output), codes, valid, profile, int(threads))
