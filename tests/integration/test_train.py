"""Training end to end on simulated stores: models, resume, several processes, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from catfast.errors import InputError, OutputError, UsageError
from catfast.models import ModelConfig, load, save
from catfast.patches import open_store
from catfast.train import TrainConfig, train
from recipes.simulated_store import simulated_store, write_store
from tests.conftest import cloudy_dn, run_catfast, write_scene
from tests.interruptions.strike import signals_by_default

ENCODER = "tu-mobilenetv3_small_050"
QUICK = ("--encoder", ENCODER, "--max-steps", "8", "--validate-every", "4", "--batch-size", "2", "-q")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Enough simulated patches to learn from."""
    return simulated_store(tmp_path_factory.mktemp("stores") / "store", 600, 64, seed=5).path


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return simulated_store(tmp_path_factory.mktemp("stores") / "small", 40, 32, seed=6).path


def split_of(path, name):
    store = open_store(path)
    rows = [row for row, split in enumerate(store.index["split"].to_pylist()) if split == name]
    images, labels = zip(*(store.read(row) for row in rows), strict=True)
    return np.stack(images) * store.info.scale, np.stack(labels)


def cloud_iou(called, label):
    cloud = label == 1
    return (called & cloud).sum() / (called | cloud).sum()


def predict(folder, reflectance):
    config, network = ModelConfig.load(folder), load(folder)
    mean, std = (np.array(v)[:, None, None] for v in (config.mean, config.std))
    image = torch.from_numpy((np.clip(reflectance, *config.clip) - mean) / std).float()
    with torch.no_grad():
        return torch.cat([network(part).argmax(1) for part in image.split(16)]).numpy()


@pytest.mark.parametrize(
    ("model", "size", "rate", "steps"),
    [("unet", {"encoder": ENCODER}, 5e-3, 240), ("segformer", {"variant": "b0"}, 2e-3, 240)],
    ids=["unet", "segformer"],
)
def test_a_model_beats_constant_and_threshold(store, tmp_path, model, size, rate, steps):
    """Both baselines get the best that the training split can tell them."""
    config = TrainConfig(
        model=model, max_steps=steps, validate_every=steps // 2, batch_size=8, learning_rate=rate, ema=0.98,
        augment=model == "segformer", **size,
    )  # fmt: skip
    result = train([store], tmp_path / "run", config)
    images, labels = split_of(store, "train")
    rules = [(band, level) for band in range(4) for level in np.arange(0.05, 1, 0.03)]
    band, level = max(rules, key=lambda rule: cloud_iou(images[:, rule[0]] > rule[1], labels))
    images, labels = split_of(store, "test")
    ours = cloud_iou(predict(tmp_path / "run", images) == 1, labels)
    assert ours > cloud_iou(images[:, band] > level, labels)
    assert ours > cloud_iou(np.ones_like(labels, bool), labels)
    assert result.status == "done"
    assert result.steps == steps
    assert result.simulated


def test_a_run_is_a_model_folder(small, tmp_path):
    """What was said of the run is so, and masking works with it right away."""
    run = tmp_path / "run"
    config = TrainConfig(
        encoder=ENCODER, max_steps=4, validate_every=2, batch_size=2, gsd_m=20.0, precision="bf16"
    )
    result = train([small], run, config)
    assert ModelConfig.load(run).gsd_m == 20.0
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "val/loss" in line] == [2, 4]
    assert any((run / "tensorboard").iterdir())
    pictures = sorted(path.name for path in (run / "samples").iterdir())
    assert pictures == ["step_000002.png", "step_000004.png"]
    best = next(line for line in lines if "val/loss" in line and line["step"] == result.best_step)
    assert best["val/cloud_iou"] == result.metrics["cloud_iou"]
    assert not [path for path in run.rglob("*") if path.suffix in (".ckpt", ".pt", ".pth", ".pkl", ".bin")]
    scene = write_scene(tmp_path / "scene.tif", cloudy_dn(), descriptions=("blue", "green", "red", "nir"))
    from catfast import MaskConfig, mask_scene

    masked = mask_scene(scene, None, MaskConfig(model=str(run), reflectance_scale=1e-4))
    assert masked.status == "done"
    assert sum(masked.classes.values()) == pytest.approx(100, abs=0.1)
    again = train([small], run, config, resume=True)
    assert again.status == "skipped"
    assert again.metrics == result.metrics


def steps_behind(state: Path) -> int:
    """The step of a state, by the bare format: its length, its header."""
    if not state.exists():
        return 0
    with state.open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return json.loads(header["__metadata__"]["tree"])["global_step"]


def started(store, run, *more):
    code = "from catfast.cli import main; main()"
    command = [sys.executable, "-c", code, "train", store, "-o", run, *QUICK, *more]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([str(part) for part in command], env=environment, preexec_fn=signals_by_default)


def test_a_killed_run_ends_as_an_unbroken_one(small, tmp_path):
    """Killed in the middle of a round, gone on with other workers; bit for bit."""
    unbroken, broken = tmp_path / "run", tmp_path / "broken" / "run"
    whole = started(small, unbroken, "--checkpoint-every", 3, "--num-workers", 0)
    first = started(small, broken, "--checkpoint-every", 3, "--num-workers", 2, "--resume")
    while first.poll() is None and not steps_behind(broken / "state.safetensors"):
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert 3 <= steps_behind(broken / "state.safetensors") < 8
    last = started(small, broken, "--checkpoint-every", 3, "--resume")
    assert (whole.wait(), last.wait()) == (0, 0)
    ours, theirs = (load_file(folder / "state.safetensors") for folder in (broken, unbroken))
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    for name in ("model.safetensors", "log.jsonl"):
        assert (broken / name).read_bytes() == (unbroken / name).read_bytes()


def test_two_processes_train_as_one(small, tmp_path):
    """Two gloo processes give the weights of one that accumulates two passes."""
    options = ("--model", "segformer", "--max-steps", 4, "--validate-every", 2, "--batch-size", 2, "-q")
    alone = {"OMP_NUM_THREADS": "1"}
    two = run_catfast("train", small, "-o", tmp_path / "two", "--devices", 2, *options, **alone)
    assert two.code == 0, two.err
    one = run_catfast("train", small, "-o", tmp_path / "one", "--accumulate", 2, *options, **alone)
    assert one.code == 0, one.err
    ours, theirs = (load_file(tmp_path / name / "state.safetensors") for name in ("two", "one"))
    weights = [
        name
        for name in theirs
        if name.startswith(("state_dict", "optimizer"))
        and "running" not in name
        and "num_batches" not in name
    ]
    assert len(weights) > 500
    for name in weights:
        torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-5)


def ground(count=8, size=32, **changes):
    """Half of every patch cloud, half clear."""
    image = np.full((count, 4, size, size), 0.2, np.float32)
    label = np.zeros((count, size, size), np.uint8)
    image[:, :, : size // 2], label[:, : size // 2] = 0.7, 1
    return image, label


def fails(error, says, tmp_path, *stores, **options):
    with pytest.raises(error, match=says) as caught:
        train(stores, tmp_path / "run", TrainConfig(encoder=ENCODER, max_steps=1, batch_size=2, **options))
    assert "\n" not in str(caught.value)


def test_one_class_is_refused(tmp_path):
    image, label = ground()
    clear, cloud = (write_store(tmp_path / f"{k}", image, np.full_like(label, k)).path for k in (0, 1))
    fails(InputError, "has no cloud", tmp_path, clear)
    fails(InputError, "has only cloud", tmp_path, cloud)


def test_an_empty_split_is_refused(tmp_path):
    image, label = ground(count=1)
    fails(InputError, "val split is empty", tmp_path, write_store(tmp_path / "s", image, label).path)


def test_other_bands_are_refused(tmp_path):
    path = write_store(tmp_path / "s", *ground()).path
    content = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(content | {"bands": ["blue", "green", "red"]}))
    fails(InputError, "4 bands", tmp_path, path)
    (path / "store.json").write_text(json.dumps(content | {"bands": ["red", "green", "blue", "nir"]}))
    fails(InputError, "expected the 4 bands blue, green, red, nir", tmp_path, path)


def test_nan_pixels_are_refused(tmp_path):
    """Found by a reading process while training, and still one sentence."""
    import rasterio

    path = write_store(tmp_path / "s", *ground(), format="geotiff").path
    for name in path.glob("images/**/*.tif"):
        with rasterio.open(name) as dataset:
            profile, image = dataset.profile, dataset.read().astype(np.float32)
        image[0, 3, 3] = np.nan
        profile |= {"dtype": "float32", "predictor": 3}
        with rasterio.open(name, "w", **profile) as dataset:
            dataset.write(image)
    fails(InputError, "uint16", tmp_path, path, num_workers=1)
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".mine").write_text("kept")
    fails(InputError, "uint16", tmp_path, path)
    assert [path.name for path in (tmp_path / "run").iterdir()] == [".mine"]


def test_stores_that_differ_are_refused(tmp_path):
    first = write_store(tmp_path / "a", *ground()).path
    fails(InputError, "gsd_m 3.0", tmp_path, first, write_store(tmp_path / "b", *ground(), gsd_m=3.0).path)
    fails(InputError, "size 64", tmp_path, first, write_store(tmp_path / "c", *ground(size=64)).path)
    fails(InputError, "not a patch store", tmp_path, tmp_path / "nothing")


def test_a_binary_store_teaches_cloud_and_clear(tmp_path):
    path = write_store(tmp_path / "s", *ground(count=16), scheme="binary").path
    fails(InputError, "no shadow to learn", tmp_path, path, classes=("clear", "cloud", "shadow"))
    result = train([path], tmp_path / "r", TrainConfig(encoder=ENCODER, max_steps=2, batch_size=4))
    assert ModelConfig.load(result.run).classes == ("clear", "cloud")


def test_soft_labels_are_learnt(tmp_path):
    """Half cloud, and a quarter: the network is brought to say so."""
    image, label = ground(count=16)
    label = np.where(label == 1, 150, 20).astype(np.uint8)
    label[:, :2] = 255
    path = write_store(tmp_path / "s", image, label, soft=True, method="fraction", scheme="binary").path
    options = TrainConfig(
        model="segformer", max_steps=80, validate_every=80, batch_size=4, learning_rate=3e-3, ema=0.9,
        dice=0.0, augment=False, score="loss", patience=0,
    )  # fmt: skip
    run = train([path], tmp_path / "r", options).run
    config, network = ModelConfig.load(run), load(run)
    with torch.no_grad():
        cloud = network((torch.from_numpy(image[:1]) - 0.3) / 0.3).softmax(1)[
            0, config.classes.index("cloud")
        ]
    assert cloud[6:10].mean().item() == pytest.approx(0.75, abs=0.08)
    assert cloud[22:28].mean().item() == pytest.approx(0.10, abs=0.08)


def test_init_must_fit(small, tmp_path):
    other = ModelConfig(
        name="o", classes=("clear", "cloud"), architecture={"type": "unet", "encoder": ENCODER}
    )
    from catfast.models import build

    folder = save(build(other), other, tmp_path / "init")
    with pytest.raises(InputError, match="tells clear, cloud apart, but this run clear, cloud, shadow"):
        train([small], tmp_path / "run", TrainConfig(init=str(folder), max_steps=1))
    options = {"init": str(folder), "classes": ("clear", "cloud"), "max_steps": 1}
    with pytest.raises(InputError, match="has type unet, not segformer"):
        train([small], tmp_path / "run", TrainConfig(model="segformer", **options))
    ModelConfig(
        name="s", classes=("clear", "cloud"), architecture={"type": "segformer", "variant": "b0"}
    ).save(tmp_path / "segformer")
    (tmp_path / "segformer" / "model.safetensors").touch()
    options["init"] = str(tmp_path / "segformer")
    with pytest.raises(InputError, match="is a segformer, which has no encoder resnet18"):
        train([small], tmp_path / "run", TrainConfig(encoder="resnet18", **options))
    (tmp_path / "model.pt").write_bytes(b"\x80\x04K\x01.")
    with pytest.raises(InputError, match="pickled checkpoint"):
        train([small], tmp_path / "run", TrainConfig(init=str(tmp_path / "model.pt"), max_steps=1))
    (folder / "model.safetensors").write_bytes(b"\x80\x04K\x01." + b"\0" * 64)
    with pytest.raises(InputError, match="pickle"):
        train(
            [small], tmp_path / "run", TrainConfig(init=str(folder), classes=("clear", "cloud"), max_steps=1)
        )
    result = train([small], tmp_path / "tuned", TrainConfig(init="default", max_steps=2, batch_size=2))
    assert ModelConfig.load(result.run).architecture["encoder"] == "tu-mobilenetv3_small_100"


def test_a_run_is_never_overwritten(small, tmp_path):
    config = TrainConfig(encoder=ENCODER, max_steps=2, batch_size=2)
    train([small], tmp_path / "run", config)
    with pytest.raises(OutputError, match="holds a run already"):
        train([small], tmp_path / "run", config)
    other = TrainConfig(encoder=ENCODER, max_steps=2, batch_size=2, seed=1)
    with pytest.raises(UsageError, match="begun with seed 0, not 1"):
        train([small], tmp_path / "run", other, resume=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        train([small], tmp_path / "full", config)


def test_the_command_says_it_in_one_line(tmp_path):
    failed = run_catfast("train", tmp_path / "none", "-o", tmp_path / "run", "--json")
    assert failed.code == 3
    assert failed.objects[0]["status"] == "failed"
    assert len(failed.err.strip().splitlines()) == 1
    usage = run_catfast("train", tmp_path / "none", "-o", tmp_path / "run", "--loss", "mse")
    assert (usage.code, len(usage.err.strip().splitlines())) == (2, 1)


def test_a_network_that_cannot_be_built_leaves_nothing(small, tmp_path):
    for options, says in (
        ({"model": "vgg"}, "no architecture 'vgg'"),
        ({"encoder": "resnet1"}, "resnet1"),
        ({"model": "segformer", "variant": "b9"}, "no SegFormer variant 'b9'"),
    ):
        with pytest.raises(InputError, match=says) as caught:
            train([small], tmp_path / "run", TrainConfig(max_steps=1, **options))
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_ctrl_c_ends_it_as_other_commands(small, tmp_path):
    """Exit code 130 and a word, and the state so far is there to go on from."""
    run = started(small, tmp_path / "run", "--checkpoint-every", 1, "--max-steps", 4000)
    while run.poll() is None and not (tmp_path / "run" / "state.safetensors").exists():
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    assert run.wait() == 130
    assert steps_behind(tmp_path / "run" / "state.safetensors") >= 1


def test_patience_ends_a_run_for_good(small, tmp_path):
    """At no learning rate nothing gets better; a run that stopped so stays stopped."""
    config = TrainConfig(
        encoder=ENCODER, max_steps=30, validate_every=1, batch_size=2, patience=2, learning_rate=1e-12,
        ema=0.0, weight_decay=0.0, score="loss", augment=False,
    )  # fmt: skip
    result = train([small], tmp_path / "run", config)
    assert result.status == "stopped"
    assert result.best_step < result.steps < 30
    again = train([small], tmp_path / "run", config, resume=True)
    assert (again.status, again.steps) == ("skipped", result.steps)


def test_without_torch_it_names_the_extra(small, tmp_path):
    """A real absence: an import hook in a fresh interpreter hides torch, as on the light install."""
    hook = (
        "import sys, importlib.abc\n"
        "class Hide(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'lightning'):\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
    )
    call = f"import catfast.cli; catfast.cli.main(['train', {str(small)!r}, '-o', {str(tmp_path / 'r')!r}])"
    done = subprocess.run([sys.executable, "-c", hook + call], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith('pip install "catfast[train]"')
    assert len(done.stderr.strip().splitlines()) == 1
