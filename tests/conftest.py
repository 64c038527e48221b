"""Fixtures that many tests share: scenes on disk, a model that is exactly known, and the command line."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import rasterio
from hypothesis import settings
from rasterio.transform import Affine

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read by torch: threads that spin slow what runs beside

settings.register_profile("untimed", deadline=None)  # what a busy machine does to an example is no failure
settings.load_profile("untimed")

UTM_4N = "EPSG:32604"
NORTH_UP = Affine(3, 0, 500_000, 0, -3, 7_900_000)


@dataclass(frozen=True)
class Run:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


def run_catfast(*arguments: object, **environment: str) -> Run:
    """Run the installed command as a user does."""
    command = [sys.executable, "-c", "from catfast.cli import main; main()", *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment}, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def catfast() -> Callable[..., Run]:
    return run_catfast


def cloudy_dn(height: int = 256, width: int = 256, seed: int = 0, border: int = 20) -> npt.NDArray[np.uint16]:
    """Dark ground with one bright ellipse and a nodata border on the left, uint16 x 1e4, 4 bands."""
    rng = np.random.default_rng(seed)
    dn = rng.integers(800, 1200, (4, height, width)).astype(np.uint16)
    row, column = np.mgrid[:height, :width]
    dn[:, ((row - height / 3) / height) ** 2 + ((column - width / 2) / width) ** 2 < 1 / 16] += 6000
    dn[:, :, :border] = 0
    return dn


def write_scene(path: Path, dn: npt.NDArray, **changes: object) -> Path:
    """Write a scene with rasterio itself, so that catfast's own writer is not its own witness."""
    descriptions = changes.pop("descriptions", None)
    profile = {
        "driver": "GTiff",
        "count": dn.shape[0],
        "height": dn.shape[1],
        "width": dn.shape[2],
        "dtype": dn.dtype.name,
        "crs": UTM_4N,
        "transform": NORTH_UP,
        "nodata": 0,
        "tiled": True,
        "blockxsize": 128,
        "blockysize": 128,
        "compress": "deflate",
        **changes,
    }
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(dn)
        if descriptions:
            dataset.descriptions = descriptions
    return path


@pytest.fixture
def scene(tmp_path: Path) -> Path:
    """A surface reflectance scene under a Planet name."""
    return write_scene(tmp_path / "20230601_101112_12_2401_3B_AnalyticMS_SR.tif", cloudy_dn())


def pixel_model(folder: Path, *, tile: int = 64, halo: int = 16, gsd_m: float = 10.0) -> Path:
    """A model folder whose network is known in closed form, pixel by pixel.

    Its probabilities are softmax of (0, 2 x the sum of the normalised bands, -30): tiles, halo and blending
    must not show.
    """
    onnx = pytest.importorskip("onnx", reason='needs the extra "train"')
    from safetensors.numpy import save_file

    from catfast.models import ModelConfig

    folder.mkdir(parents=True, exist_ok=True)
    weight = np.zeros((3, 4, 1, 1), np.float32)
    weight[1] = 2.0
    bias = np.array([0, 0, -30], np.float32)
    helper, numpy_helper, kind = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["image", "weight", "bias"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probability"], axis=1),
        ],
        "pixel",
        [helper.make_tensor_value_info("image", kind, ["n", 4, "h", "w"])],
        [helper.make_tensor_value_info("probability", kind, ["n", 3, "h", "w"])],
        [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(bias, "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    save_file({"weight": weight, "bias": bias}, folder / "model.safetensors")
    ModelConfig(name="pixel", tile=tile, halo=halo, gsd_m=gsd_m).save(folder)
    return folder


@pytest.fixture(scope="session")
def known_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pixel_model(tmp_path_factory.mktemp("model") / "pixel")


@pytest.fixture(scope="session")
def spark() -> Iterator[object]:
    """One Spark session with Sedona for the whole run; only CI insists on having it."""
    pytest.importorskip("pyspark", reason='needs the extra "spark"')
    from catfast.errors import CatfastError
    from catfast.pairs.spark import session

    with contextlib.ExitStack() as stack:
        try:
            opened = stack.enter_context(session("local[2]"))
        except CatfastError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"no Spark with Sedona here: {error}")
        yield opened


@pytest.fixture(scope="session")
def paired_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a simulated ``world`` of four grounds and its ``pairs.parquet``; never to be changed."""
    folder = tmp_path_factory.mktemp("paired")
    for arguments in (
        ("simulate", folder / "world", "--pairs", 4, "--size", 512, "--seed", 3),
        ("catalog", "planet", folder / "world", "-o", folder / "planet.parquet"),
        ("catalog", "landsat", folder / "world", "-o", folder / "landsat.parquet"),
        ("pairs", folder / "planet.parquet", folder / "landsat.parquet", "-o", folder / "pairs.parquet"),
    ):
        done = run_catfast(*arguments)
        assert done.code == 0, done.err
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real files beside the project; the test is skipped where they are not."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real files: ../shared/data is absent")
    return folder
