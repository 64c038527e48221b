"""Training: patches a second of the loader, of the model, and of both; peak memory; a resumed run.

"Model alone" is forward, backward and optimiser step over one batch that stays on the device; "both" is the
whole loop of ``catfast train`` (Lightning, reading, augmentation, running mean). All patches are simulated.
On a GPU: --device cuda (bf16, compiled). On two cores the loader has to be faster than the model.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch
from lightning.pytorch import Callback, Trainer

from catfast.models import ModelConfig, build
from catfast.patches import PatchDataset
from catfast.simulate import batch as simulate
from catfast.train import TrainConfig, World
from catfast.train.augment import identity
from catfast.train.data import AHEAD, PatchReader, loader
from catfast.train.loop import quietly, trainer_options
from catfast.train.module import Learner
from catfast.train.source import Source, open_source
from catfast.train.stream import TrainStream, plan
from recipes.simulated_store import write_store
from report import Result, interleaved, options, seconds, show, spread, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One network at one size."""

    name: str
    architecture: dict[str, Any]
    goal: float | None
    """Megapixels a second that the issue names for the model alone on an H100."""


ENDLESS = 1_000_000
"""Steps of a loader whose workers are never begun anew: that is not what a training run does either."""
LOADED = 60
"""Batches of one timing of a loader."""

GPU = (
    Case(name="UNet-r34", architecture={"type": "unet", "encoder": "resnet34"}, goal=189.0),
    Case(name="SegFormer-B0", architecture={"type": "segformer", "variant": "b0"}, goal=150.0),
)
CPU = (
    Case(name="UNet-mobilenet_v2", architecture={"type": "unet", "encoder": "mobilenet_v2"}, goal=None),
    Case(name="SegFormer-B0", architecture={"type": "segformer", "variant": "b0"}, goal=None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a bench runs on."""

    device: torch.device
    size: int
    batch: int
    workers: int
    steps: int
    """Of one timing."""

    @property
    def cuda(self) -> bool:
        return self.device.type == "cuda"

    @property
    def pixels(self) -> float:
        """Megapixels a step."""
        return self.batch * self.size**2 / 1e6

    def config(self, **more: Any) -> TrainConfig:
        options = {"batch_size": self.batch, "compile": self.cuda, "patience": 0, "device": self.device.type}
        return TrainConfig(**options | more)

    def wait(self) -> None:
        if self.cuda:
            torch.cuda.synchronize()


def simulated(root: Path, count: int, size: int, device: torch.device) -> Path:
    """A store of simulated patches, made on the device that is there."""
    images, labels = [], []
    for first in range(0, count, 64):
        image, label = simulate(min(64, count - first), size, seed=first, xp=torch, device=device)
        images.append(image.cpu().numpy())
        labels.append(label.cpu().numpy())
    return write_store(root, np.concatenate(images), np.concatenate(labels), format="safetensors").path


def endless(source: Source, setting: Setting) -> Iterator[Any]:
    """Batches of the loader that training uses."""
    outline = plan(len(source.train), setting.batch, 1, 1, ENDLESS, ENDLESS)
    stream = TrainStream(len(source.train), setting.batch, outline, 0, 0, 1)
    reader = PatchReader(source, source.train, gsd_m=source.gsd_m, seed=0, augment=True)
    yield from loader(reader, stream, setting.workers, pin=setting.cuda)


class Flow:
    """Runs a loader for a while, workers kept."""

    def __init__(self, batches: Any, setting: Setting) -> None:
        self._batches, self._setting = batches, setting

    def __call__(self) -> None:
        for _ in range(LOADED):
            for value in next(self._batches).values():
                if isinstance(value, torch.Tensor):
                    value.to(self._setting.device, non_blocking=True)
        self._setting.wait()


def plain(path: Path, setting: Setting) -> Iterator[Any]:
    """The usual way: float32 images and int64 masks, stacked by torch's own loader; workers never end."""
    rows = PatchDataset(path, "train")
    amount = ENDLESS * setting.batch
    yield from torch.utils.data.DataLoader(
        rows,
        batch_size=setting.batch,
        sampler=torch.utils.data.RandomSampler(rows, replacement=True, num_samples=amount),
        num_workers=setting.workers,
        pin_memory=setting.cuda,
        prefetch_factor=AHEAD if setting.workers else None,
    )


class Model:
    """Forward, backward and step over one batch on the device."""

    def __init__(self, learner: Learner, setting: Setting) -> None:
        self._learner, self._setting = learner.to(setting.device), setting
        self._optimiser = learner.configure_optimizers()["optimizer"]
        rng = np.random.default_rng(0)
        shape = (setting.batch, 4, setting.size, setting.size)
        raw = {
            "image": torch.from_numpy(rng.integers(500, 9000, shape, dtype=np.uint16)),
            "label": torch.from_numpy(rng.integers(0, 3, (shape[0], *shape[2:]), dtype=np.uint8)),
            "facts": torch.tensor([1e-4, 1.0, *identity()]).repeat(setting.batch, 1),
        }
        self._learner.eval()
        moved = {name: tensor.to(setting.device) for name, tensor in raw.items()}
        self._batch = self._learner.on_after_batch_transfer(moved, 0)
        self._learner.train()

    def __call__(self) -> None:
        for _ in range(self._setting.steps):
            kind = self._setting.device.type
            with torch.autocast(kind, torch.bfloat16, enabled=self._setting.cuda):
                loss = self._learner.training_step(self._batch, 0)
            loss.backward()
            self._optimiser.step()
            self._optimiser.zero_grad(set_to_none=True)
        self._setting.wait()


class Clock(Callback):
    """Times rounds of the loop, and between them the model alone.

    After each pause as many steps go untimed as batches may lie ready by then.
    """

    def __init__(self, alone: Model, setting: Setting) -> None:
        self._alone, self._setting = alone, setting
        self._skip = 2 + AHEAD * setting.workers
        self._round = self._skip + setting.steps
        self._began = 0.0
        self.both: list[float] = []
        self.alone: list[float] = []

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        place = trainer.global_step % self._round
        if place == self._skip:
            self._setting.wait()
            self._began = time.perf_counter()
        elif place == 0:
            self._setting.wait()
            self.both.append(time.perf_counter() - self._began)
            if not self.alone:
                self._alone()
            self.alone.append(seconds(self._alone))


def timed(case: Case, source: Source, setting: Setting, rounds: int) -> tuple[list[float], list[float]]:
    """Seconds of each round of the model alone, and of the whole loop."""
    model = ModelConfig(name=case.name, architecture=case.architecture)
    steps = rounds * (2 + AHEAD * setting.workers + setting.steps)
    outline = plan(len(source.train), setting.batch, 1, 1, steps, steps)
    learner = Learner(build(model), model, setting.config(max_steps=steps), outline, soft=False)
    clock = Clock(Model(learner, setting), setting)
    chosen = trainer_options(setting.config(), World(rank=0, size=1, here=1), cuda=setting.cuda)
    stream = TrainStream(len(source.train), setting.batch, outline, 0, 0, 1)
    reader = PatchReader(source, source.train, gsd_m=source.gsd_m, seed=0, augment=True)
    with quietly():
        trainer = Trainer(max_epochs=1, callbacks=[clock], enable_checkpointing=False, **chosen)
        trainer.fit(learner, loader(reader, stream, setting.workers, pin=setting.cuda))
    return clock.alone, clock.both


def rates(case: Case, source: Source, setting: Setting, rounds: int, note: str) -> list[Result]:
    """The model alone and the whole loop, in turns."""
    if setting.cuda:
        torch.cuda.reset_peak_memory_stats()
    alone, whole = timed(case, source, setting, rounds)
    amount = setting.pixels * setting.steps
    model, loop = amount / statistics.median(alone), amount / statistics.median(whole)
    shares = [one / taken for one, taken in zip(alone, whole, strict=True)]
    patches = f"{loop * 1e6 / setting.size**2:.1f} patches/s; {note}"
    found = [
        Result(
            name=f"{case.name}: model alone", value=model, unit="Mpx/s",
            goal=case.goal if setting.cuda else None,
            note=f"{model * 1e6 / setting.size**2:.1f} patches/s; {note}",
        ),
        Result(
            name=f"{case.name}: both", value=loop, unit="Mpx/s", rival="the model alone",
            **spread(shares), goal=0.7 if setting.cuda else None, note=patches,
        ),
    ]  # fmt: skip
    if setting.cuda:
        peak = torch.cuda.max_memory_allocated() / 2**20
        found.append(Result(name=f"{case.name}: GPU memory", value=peak, unit="MiB", note=note))
    return found


def loading(source: Source, setting: Setting, rounds: int) -> list[Result]:
    """The loader alone, beside torch's own over float32 items."""
    ours = Flow(endless(source, setting), setting)
    theirs = Flow(plain(source.stores[0].path, setting), setting)
    took, rival, ratios = interleaved(ours, {"PatchDataset + DataLoader": theirs}, rounds)
    value = setting.pixels * LOADED / took
    note = f"{value * 1e6 / setting.size**2:.0f} patches/s, {setting.workers} workers, to the device"
    return [Result(name="loader alone", value=value, unit="Mpx/s", rival=rival, **spread(ratios), note=note)]


def limits(results: list[Result], cuda: bool) -> list[Result]:
    """How many times faster than each model the loader is."""
    ours = next(result for result in results if result.name == "loader alone")
    return [
        Result(
            name=f"loader over {result.name.split(':')[0]}", value=ours.value / result.value, unit="x",
            rival="the model alone", ratio=round(ours.value / result.value, 2),
            low=round(ours.value / result.value, 2), high=round(ours.value / result.value, 2), goal=1.0,
            note="over 1: the loader is not what limits" + ("" if cuda else " on these cores"),
        )
        for result in results
        if result.name.endswith("model alone")
    ]  # fmt: skip


COMMAND = [sys.executable, "-c", "from catfast.cli import main; main()", "train"]


def peak(store: Path, run: Path, setting: Setting) -> float:
    """Peak resident megabytes of a short run in a process of its own, its reading process left out."""
    command = [*COMMAND, str(store), "-o", str(run), "--max-steps", "4", "--batch-size", str(setting.batch)]
    command += ["--device", setting.device.type, "--num-workers", "0", "-q"]
    probe = f"import resource, subprocess; c = subprocess.run({command!r})"
    probe += "; print(c.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    code, kilobytes = map(int, done.stdout.split())
    if code:
        raise SystemExit(f"failed: {' '.join(command)}\n{done.stderr}")
    return kilobytes / 1024


def memory(folder: Path, setting: Setting, small: int) -> list[Result]:
    """Peak memory over a store and over one four times as large."""
    peaks = []
    for count in (small, 4 * small):
        store = simulated(folder / f"memory{count}", count, setting.size, setting.device)
        peaks.append(peak(store, folder / f"run{count}", setting))
    note = f"{peaks[0]:.0f} MB over {small} patches of {setting.size}², {peaks[1]:.0f} MB over {4 * small}"
    growth = round(peaks[0] / peaks[1], 2)
    return [
        Result(
            name="peak memory", value=peaks[1], unit="MB", rival="a quarter of the patches", ratio=growth,
            low=growth, high=growth, goal=0.9, note=note,
        )
    ]  # fmt: skip


def resumed(folder: Path) -> Result:
    """Tensors of the state in which a killed and resumed run differs from an unbroken one, on a processor."""
    from safetensors.torch import load_file

    store = simulated(folder / "resume", 24, 64, torch.device("cpu"))
    flags = ["--max-steps", "8", "--validate-every", "4", "--batch-size", "2", "--checkpoint-every", "3"]
    flags += ["--encoder", "resnet18", "--device", "cpu", "--num-workers", "0", "-q"]
    paths = [folder / "killed" / "run", folder / "run"]
    state = paths[0] / "state.safetensors"
    running = subprocess.Popen([*COMMAND, str(store), "-o", str(paths[0]), *flags])
    while running.poll() is None and not state.exists():
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    for path in paths:
        subprocess.run([*COMMAND, str(store), "-o", str(path), *flags, "--resume"], check=True)
    ours, theirs = (load_file(path / "state.safetensors") for path in paths)
    differing = sum(not torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
    return Result(
        name="resumed run", value=differing, unit="tensors", goal=0,
        note=f"of {len(theirs)} that differ from an unbroken run; SIGKILL in mid-round, processor",
    )  # fmt: skip


def setting_of(device: str, quick: bool) -> Setting:
    if device == "cuda":
        workers = min(16, os.cpu_count() or 1)
        return Setting(
            device=torch.device(device), size=512, batch=32, workers=workers, steps=20 if quick else 40
        )
    torch.set_num_threads(2)
    size, steps = (128, 2) if quick else (256, 5)
    return Setting(device=torch.device(device), size=size, batch=4, workers=1, steps=steps)


def main() -> None:
    chooser = argparse.ArgumentParser(add_help=False)
    chooser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    chosen, sys.argv[1:] = chooser.parse_known_args()
    parsed = options(f"{__doc__.splitlines()[0]} --device cpu|cuda.")
    setting = setting_of(chosen.device, parsed.quick)
    rounds = 2 if parsed.quick else 5
    note = f"{setting.batch} x {setting.size}², " + ("bf16, compiled" if setting.cuda else "fp32, 2 threads")
    results: list[Result] = []

    def keep(found: list[Result]) -> None:
        results.extend(found)
        for result in found:
            show(result)
        write(results, parsed.json)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        count = 256 if setting.cuda else 64
        source = open_source([simulated(folder / "store", count, setting.size, setting.device)], None)
        keep(loading(source, setting, rounds))
        for case in GPU if setting.cuda else CPU:
            keep(rates(case, source, setting, rounds, note))
        keep(limits(results, setting.cuda))
        keep(memory(folder, setting, 16 if parsed.quick or not setting.cuda else 64))
        keep([resumed(folder)])


if __name__ == "__main__":
    main()
