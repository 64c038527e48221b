"""Whether this installation can do its work, and what to do where it cannot."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from catfast import _core
from catfast.errors import InputError
from catfast.mask import MaskConfig, Masker
from catfast.models import bundled, bundled_names, sha256
from catfast.raster import Grid, file_sha256, parse_crs, versions, write_geotiff
from catfast.sums import SUMS_NAME, read_sums

__all__ = ["Finding", "examine"]

EXTRAS = {
    "pairs": ("pyarrow", "shapely", "sedonadb", "pystac_client", "matplotlib", "safetensors"),
    "spark": ("pyspark", "sedona"),
    "train": ("torch", "transformers", "segmentation_models_pytorch", "lightning", "onnx"),
    "openvino": ("openvino",),
    "report": ("jinja2", "pystac"),
    "xarray": ("xarray",),
}
"""Modules that each extra brings."""

DISK_GB = 2.0
"""Room below which a scene's mask may not fit beside its temporary copy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    """What."""
    status: str
    """``ok``, ``absent`` (something optional is not installed) or ``bad``."""
    text: str
    """What was found."""
    advice: str = ""
    """What to do about it."""

    def as_dict(self) -> dict[str, str]:
        """The object that ``--json`` prints."""
        return {"name": self.name, "status": self.status, "text": self.text, "advice": self.advice}


def examine() -> Iterator[Finding]:
    """Look at everything that catfast stands on, one finding after the other; nothing raises."""
    looks: list[Callable[[], Finding]] = [_python, _kernels, _gdal, _model, _mask, _disk, _gpu, _java]
    looks += [lambda extra=extra: _extra(extra) for extra in EXTRAS]  # type: ignore[misc]
    for look in looks:
        try:
            yield look()
        except Exception as error:
            name = getattr(look, "__name__", "check").strip("_")
            yield Finding(
                name=name, status="bad", text=f"{type(error).__name__}: {error}", advice="reinstall catfast"
            )


def _python() -> Finding:
    versions_ = {name: importlib.metadata.version(name) for name in ("catfast", "numpy", "onnxruntime")}
    told = ", ".join(f"{name} {version}" for name, version in versions_.items())
    return Finding(name="python", status="ok", text=f"{platform.python_version()} on {sys.platform}; {told}")


def _kernels() -> Finding:
    qa, out = np.array([[1, 21824, 22280]], np.uint16), np.empty((1, 3), np.uint8)
    _core.decode_qa(qa, out)
    right = out.tolist() == [[255, 0, 1]]
    features = ", ".join(_core.cpu_features()) or "no vector instructions"
    slow = _core.BUILD_PROFILE != "release"
    return Finding(
        name="kernels",
        status="ok" if right and not slow else "bad",
        text=f"{_core.BUILD_PROFILE} build, {features}" + ("" if right else "; a QA code is decoded wrongly"),
        advice="" if right and not slow else "reinstall catfast: pip install --force-reinstall catfast",
    )


def _gdal() -> Finding:
    found = versions()
    lacking = [name for name in ("GTiff", "COG") if name not in found.drivers]
    return Finding(
        name="gdal",
        status="bad" if lacking else "ok",
        text=f"rasterio {found.rasterio}, GDAL {found.gdal}, PROJ {found.proj}",
        advice=f"reinstall rasterio: it lacks the driver {lacking[0]}" if lacking else "",
    )


def _model() -> Finding:
    """Compare the files of every bundled model with the digests that they were shipped with."""
    names = dict.fromkeys(("default", *bundled_names()))
    changed = [f"{name}/{file}" for name in names for file in _changed(bundled(name))]
    return Finding(
        name="model",
        status="bad" if changed else "ok",
        text=f"{', '.join(changed)}: not as it was shipped"
        if changed
        else ", ".join(f"{name} (sha256 {sha256(bundled(name))[:16]})" for name in names),
        advice="reinstall catfast: the files of a model were changed" if changed else "",
    )


def _changed(folder: Path) -> list[str]:
    """The files of a bundled model that are not what its list of digests says."""
    try:
        listed = read_sums(folder)
    except InputError:
        listed = {}
    changed = [
        name
        for name, digest in listed.items()
        if not (folder / name).is_file() or file_sha256(folder / name) != digest
    ]
    return changed if listed else [SUMS_NAME]


def _mask() -> Finding:
    """Mask a small simulated scene from file to file."""
    rng = np.random.default_rng(0)
    dn = rng.integers(500, 900, (4, 128, 128)).astype(np.uint16)
    from affine import Affine

    grid = Grid(width=128, height=128, transform=Affine(3, 0, 5e5, 0, -3, 7.9e6), crs=parse_crs("EPSG:32604"))
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "scene.tif"
        write_geotiff(scene, dn, grid, nodata=0)
        result = Masker(MaskConfig()).mask(scene)
    return Finding(name="mask", status="ok", text=f"a simulated scene was masked in {result.seconds:.2f} s")


def _disk() -> Finding:
    free = {
        name: shutil.disk_usage(path).free / 1e9
        for name, path in (("here", "."), ("temporary", tempfile.gettempdir()))
    }
    low = min(free.values()) < DISK_GB
    return Finding(
        name="disk",
        status="bad" if low or not os.access(".", os.W_OK) else "ok",
        text=", ".join(f"{value:.1f} GB free {name}" for name, value in free.items()),
        advice=f"make room: a run needs {DISK_GB:g} GB and a folder that can be written to" if low else "",
    )


def _gpu() -> Finding:
    if importlib.util.find_spec("torch") is None:
        advice = 'for a GPU: pip install "catfast[train]"'
        return Finding(name="gpu", status="absent", text="torch is not installed", advice=advice)
    import torch

    if torch.cuda.is_available():
        return Finding(name="gpu", status="ok", text=f"{torch.cuda.get_device_name()}: --device cuda")
    if torch.backends.mps.is_available():
        return Finding(name="gpu", status="ok", text="Apple GPU: --device mps")
    return Finding(name="gpu", status="absent", text="torch sees none: masks are made on the processor")


def _java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else shutil.which("java")
    if java and Path(java).exists():
        return Finding(name="java", status="ok", text=str(java))
    return Finding(name="java", status="absent", text="no Java", advice="--engine spark needs Java 17")


def _extra(extra: str) -> Finding:
    lacking = [name for name in EXTRAS[extra] if importlib.util.find_spec(name) is None]
    return Finding(
        name=f"extra {extra}",
        status="absent" if lacking else "ok",
        text=f"without {', '.join(lacking)}" if lacking else "installed",
        advice=f'pip install "catfast[{extra}]"' if lacking else "",
    )
