"""The folder of a run: who may write it, what it may be gone on with, and what a failure says and leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import rasterio
from filelock import FileLock

pytest.importorskip("torch", reason='needs pip install "catfast[train]"')

from catfast.errors import InputError, OutputError, UsageError
from catfast.models import ModelConfig, build, save
from catfast.patches import PatchDataset, open_store
from catfast.train import TrainConfig, train
from recipes.simulated_store import write_store
from tests.interruptions.strike import signals_by_default

ENCODER = "tu-mobilenetv3_small_050"


def half_cloud(path, count=24, size=32, **changes):
    """A store of patches that are half cloud, half clear."""
    image = np.full((count, 4, size, size), 0.2, np.float32)
    label = np.zeros((count, size, size), np.uint8)
    image[:, :, : size // 2], label[:, : size // 2] = 0.7, 1
    return write_store(path, image, label, **changes).path


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return half_cloud(tmp_path_factory.mktemp("stores") / "store")


def config(**options):
    return TrainConfig(**{"encoder": ENCODER, "max_steps": 2, "batch_size": 4, **options})


def stop_at(step):
    """A progress callback that ends the run as Ctrl-C does."""

    def told(done, steps):
        if done >= step:
            raise KeyboardInterrupt

    return told


def files_of(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_step_asked_for_is_taken_and_the_last_round_gone_on_with(store, tmp_path):
    """Rounds of 16, 9 at the end, where it is broken off at 20; its state is of 18."""
    options = config(max_steps=25, validate_every=16, checkpoint_every=3, accumulate=2, batch_size=2)
    for name in ("whole", "broken"):
        (tmp_path / name).mkdir()
    whole = train([store], tmp_path / "whole" / "run", options)
    assert whole.steps == 25
    log = (tmp_path / "whole" / "run" / "log.jsonl").read_text()
    assert [line.split(",")[0] for line in log.splitlines() if "val/loss" in line] == [
        '{"step": 16',
        '{"step": 25',
    ]
    broken = tmp_path / "broken" / "run"
    with pytest.raises(KeyboardInterrupt):
        train([store], broken, options, progress=stop_at(20))
    assert train([store], broken, options, resume=True).steps == 25
    for name in ("model.safetensors", "log.jsonl"):
        assert (broken / name).read_bytes() == (tmp_path / "whole" / "run" / name).read_bytes()


def test_one_process_at_a_time_writes_a_run(store, tmp_path):
    run = tmp_path / "run"
    train([store], run, config())
    with FileLock(run / ".lock"):
        before = files_of(run)
        with pytest.raises(OutputError, match="another catfast is writing it"):
            train([store], run, config(), resume=True)
        assert files_of(run) == before
    assert train([store], run, config(), resume=True).status == "skipped"


def test_a_store_that_is_another_now_is_not_gone_on_with(tmp_path):
    path, run = half_cloud(tmp_path / "store"), tmp_path / "run"
    train([path], run, config())
    index = pq.read_table(path / "index.parquet")
    pq.write_table(index.slice(1), path / "index.parquet")
    with pytest.raises(UsageError, match="other patches now"):
        train([path], run, config(), resume=True)


def test_a_run_and_its_store_may_move(tmp_path):
    path = half_cloud(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        train([path], tmp_path / "run", config(max_steps=21, validate_every=7), progress=stop_at(20))
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    path.rename(tmp_path / "patches")
    again = train(
        [tmp_path / "patches"], tmp_path / "elsewhere", config(max_steps=21, validate_every=7), resume=True
    )
    assert (again.status, again.steps) == ("done", 21)
    other = half_cloud(tmp_path / "other", count=30)
    with pytest.raises(UsageError, match="was begun with the stores"):
        train([other], tmp_path / "elsewhere", config(max_steps=21, validate_every=7), resume=True)


@pytest.mark.parametrize("start", [{"encoder": ENCODER}, {"model": "deeplabv3plus", "encoder": ENCODER}])
def test_a_patch_that_comes_down_to_one_pixel_is_not_learnt_from_alone(store, tmp_path, start):
    with pytest.raises(UsageError, match="--batch-size must be at least 2: this network"):
        train([store], tmp_path / "run", config(**start, batch_size=1))
    assert not (tmp_path / "run").exists()


def test_a_mean_is_no_architecture_to_begin_with(store, tmp_path):
    with pytest.raises(UsageError, match="--model mean is put together of trained networks"):
        train([store], tmp_path / "run", config(model="mean"))


def test_as_many_devices_go_on_as_began(store, tmp_path):
    run = tmp_path / "run"
    train([store], run, config())
    text = (run / "train.toml").read_text()
    assert "devices = 1\n" in text
    (run / "train.toml").write_text(text.replace("devices = 1\n", "devices = 2\n"))
    with pytest.raises(UsageError, match="begun on 2 devices, not 1"):
        train([store], run, config(), resume=True)


def test_better_weights_end_an_export_of_earlier_ones(store, tmp_path):
    """Its graph holds some of those; a card that a person wrote stays."""
    run = tmp_path / "run"
    options = config(max_steps=24, validate_every=24, checkpoint_every=3)
    with pytest.raises(KeyboardInterrupt):
        train([store], run, options, progress=stop_at(20))
    for name in ("model.onnx", "item.json", "README.md"):
        (run / name).write_text("of earlier weights")
    assert train([store], run, options, resume=True).best_step == 24
    assert {"model.onnx", "item.json", "README.md"} & {path.name for path in run.iterdir()} == {"README.md"}


def test_weights_to_start_from_keep_what_they_were_fed(store, tmp_path):
    fed = {"mean": (0.2, 0.2, 0.2, 0.1), "std": (0.1,) * 4, "clip": (0.0, 2.0), "tile": 64, "halo": 8}
    start = ModelConfig(name="other", architecture={"type": "unet", "encoder": ENCODER}, gsd_m=20.0, **fed)
    folder = save(build(start), start, tmp_path / "start")
    run = train([store], tmp_path / "run", config(encoder=None, init=str(folder))).run
    found = ModelConfig.load(run)
    assert {name: getattr(found, name) for name in fed} == fed
    assert (found.name, found.gsd_m) == ("run", 10.0)


def of_other_type(path, dtype, nan):
    with rasterio.open(path) as dataset:
        profile, pixels = dataset.profile, dataset.read().astype(dtype)
    if nan:
        pixels[0, 3, 3] = np.nan
    profile = {key: profile[key] for key in ("driver", "width", "height", "count", "crs", "transform")}
    with rasterio.open(path, "w", **profile, dtype=dtype) as dataset:
        dataset.write(pixels)


@pytest.mark.parametrize(
    ("kind", "dtype", "says"),
    [
        ("images", "float32", "float32 with NaN pixels"),
        ("labels", "float32", "float32 with NaN pixels"),
        ("labels", "int16", "found int16"),
        ("images", None, "No such file"),
    ],
)
def test_a_reading_process_says_it_in_one_sentence(tmp_path, kind, dtype, says):
    """A patch of the validation split, which is read while training only."""
    path = half_cloud(tmp_path / "store", format="geotiff")
    index = open_store(path).index
    row = index["split"].to_pylist().index("val")
    damaged = path / kind / index["shard"][row].as_py().split("/")[1]
    if dtype is None:
        damaged.unlink()
    else:
        of_other_type(damaged, dtype, nan=dtype == "float32")
    with pytest.raises(InputError, match=says) as caught:
        train([path], tmp_path / "run", config(num_workers=1))
    assert str(caught.value).startswith(str(path))
    assert "Traceback" not in str(caught.value)
    assert not (tmp_path / "run").exists()
    with pytest.raises(InputError, match=says):
        PatchDataset(path, "val")[0]


def many(store, run, *more):
    """Two processes, started as a shell does."""
    code = "from catfast.cli import main; main()"
    options = ("--encoder", ENCODER, "--batch-size", "2", "--validate-every", "1", "-q", "--devices", "2")
    command = [sys.executable, "-c", code, "train", store, "-o", run, *options, *more]
    return subprocess.Popen(
        [str(part) for part in command],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=signals_by_default,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process):
    """Exit code, and what was said."""
    told = process.communicate()[1]
    return process.returncode, [line for line in told.splitlines() if line]


def test_several_processes_fail_as_one_does(store, tmp_path):
    code, lines = ended(many(tmp_path / "none", tmp_path / "run"))
    assert code == 3
    said = f"catfast: {tmp_path / 'none'} is not a patch store: no such folder"
    assert lines.count(said) == 1
    assert set(lines) <= {said, "catfast: terminated"}  # the one that was behind the other


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 4), (signal.SIGINT, 130)])
def test_several_processes_end_when_one_is_killed_or_all_are_stopped(store, tmp_path, number, code):
    run = tmp_path / "run"
    process = many(store, run, "--max-steps", "100000")
    while process.poll() is None and not (run / "state.safetensors").exists():
        time.sleep(0.02)
    if number == signal.SIGKILL:
        children = subprocess.run(
            ["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True
        )
        os.kill(int(children.stdout.split()[-1]), number)
    else:
        os.killpg(process.pid, number)
    found, lines = ended(process)
    assert found == code
    assert not any("Traceback" in line for line in lines), lines
    if number == signal.SIGKILL:
        assert any("was killed by signal 9: --resume goes on" in line for line in lines), lines
