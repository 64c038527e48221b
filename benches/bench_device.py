"""Masking on one GPU: scenes a minute, share of the network's own rate, and how long the GPU waits.

Scenes of 32 Mpx (4 bands, deflate tiles, about 70 % valid), links to one file that is read before, go through
``catfast mask --workers N``. The rate is that of the masks after the first N, by when they were finished, so
that the start of the processes does not count. After all of them the network alone runs on tiles that are on
the device, at last compiled, which takes minutes. Each result is printed, and in the JSON, once it is known;
what does not fit into ``--minutes`` is left out, with a line that says so, and a run over scenes is cut to
its share of them. ``--device cpu --quick`` tries the bench itself where there is no GPU.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from bench_mask import write_scene
from catfast.mask.masker import processors
from catfast.mask.runtimes.torch import TorchRuntime
from catfast.models import ModelConfig, build, bundled, save
from report import Result, options, show, write

SMI = "nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 100"

LEAST_SECONDS = 15.0
"""No step is begun with less time than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A network, and the ground sampling distance it works at."""

    name: str
    folder: Path
    runtime: str
    gsd: float


def unet_r34(folder: Path) -> Path:
    """A model folder of U-Net with ResNet-34, its weights random: they cost the same time."""
    architecture = {"type": "unet", "encoder": "resnet34"}
    config = replace(ModelConfig.load(bundled()), name="unet-r34", architecture=architecture)
    return save(build(config), config, folder)


def alone(job: Job, device: str, quick: bool, compiled: bool) -> tuple[str, float]:
    """How the network runs alone, and its Mpx/s on tiles that are on the device."""
    import torch

    runtime = TorchRuntime(job.folder, device, processors(), bf16=job.runtime == "torch-bf16")
    config, count, side = ModelConfig.load(job.folder), 2 if quick else 16, 128 if quick else 576
    images = torch.rand(count, len(config.bands), side, side).to(device)
    way = torch.compile(runtime.answer) if compiled else runtime.answer
    rate = images[:, 0].numel() / _seconds(way, images, 3 if quick else 30) / 1e6
    return f"{runtime.name}{', compiled' if compiled else ''}", rate


def _alone(found, *arguments) -> None:
    """:func:`alone` in a process, which can be ended while torch compiles."""
    try:
        found.put(alone(*arguments))
    except Exception as error:  # compiling needs more than torch: a compiler, and its headers
        found.put(" ".join(str(error).split())[:200])


def within(seconds: float, *arguments) -> tuple[str, float] | str:
    """What :func:`alone` found, or why it found nothing."""
    spawn = multiprocessing.get_context("spawn")
    found = spawn.Queue()
    process = spawn.Process(target=_alone, args=(found, *arguments))
    process.start()
    try:
        return found.get(timeout=seconds)
    except queue.Empty:
        return f"not done within {seconds:.0f} s"
    finally:
        process.kill()
        process.join()


def _seconds(way, images, rounds: int) -> float:
    """Of one call, after three to warm up."""
    import torch

    wait = torch.cuda.synchronize if images.is_cuda else (lambda: None)
    with torch.inference_mode():
        for turn in range(3 + rounds):
            if turn == 3:
                wait()
                started = time.perf_counter()
            way(images)
        wait()
    return (time.perf_counter() - started) / rounds


@contextmanager
def watched() -> Iterator[list[tuple[float, float, float]]]:
    """Time, per cent that the GPU computes, and its memory in use, ten times a second."""
    found: list[tuple[float, float, float]] = []
    if shutil.which("nvidia-smi") is None:
        yield found
        return
    with subprocess.Popen(SMI.split(), stdout=subprocess.PIPE, text=True) as smi:

        def listen() -> None:
            for line in smi.stdout or ():
                busy, memory = line.split(",")
                found.append((time.time(), float(busy), float(memory)))

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        try:
            yield found
        finally:
            smi.terminate()
            listener.join()


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """One run over many scenes."""

    job: Job
    workers: int
    started: float
    ends: list[float]
    """When each mask was finished."""
    busy: float | None
    """Per cent of time that the GPU computed."""

    @property
    def name(self) -> str:
        return f"{self.job.name} at {self.job.gsd:g} m, {self.workers} workers"

    @property
    def each(self) -> float:
        """Seconds a scene, once all workers run."""
        first = min(self.workers, len(self.ends) - 1)
        return (self.ends[-1] - self.ends[first - 1]) / (len(self.ends) - first)


def masked(job: Job, scenes: Path, device: str, workers: int, seconds: float) -> Masked | None:
    """Mask them, or as many as that time allows; None for fewer than two."""
    out = scenes.parent / "masks"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", "from catfast.cli import main; main()", "mask", str(scenes)]
    command += ["--out-dir", str(out), "--model", str(job.folder), "--device", device]
    command += ["--workers", str(workers)]
    command += ["--runtime", job.runtime, "--gsd", f"{job.gsd:g}", "--reflectance-scale", "1e-4", "-q"]
    started = time.time()
    with watched() as samples, (scenes.parent / "errors.txt").open("w+") as errors:
        with subprocess.Popen(command, stderr=errors) as run:
            cut = _ended(run, seconds)
        errors.seek(0)
        if not cut and run.returncode:
            raise SystemExit(f"failed: {errors.read().strip()[-600:]}")
    ends = sorted(path.stat().st_mtime for path in out.glob("*_mask.tif"))
    if cut:
        print(f"cut: {job.name} at {job.gsd:g} m: {len(ends)} scenes in {seconds:.0f} s", flush=True)
    if len(ends) < 2:
        return None
    busy = [percent for at, percent, _ in samples if ends[min(workers, len(ends)) - 1] <= at <= ends[-1]]
    most = max((memory for _, _, memory in samples), default=0.0)
    if most:
        print(f"  most memory of the GPU in use: {most / 1024:.1f} GiB", flush=True)
    share = float(np.mean(busy)) if busy else None
    return Masked(job=job, workers=workers, started=started, ends=ends, busy=share)


def _ended(run: subprocess.Popen, seconds: float) -> bool:
    """Wait for the end; whether it had to be brought about."""
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGINT)
        try:
            run.wait(20)
        except subprocess.TimeoutExpired:
            run.kill()
        return True
    return False


def measured(run: Masked, pixels: float) -> Iterator[Result]:
    """Of one run over scenes of so many million pixels."""
    note = f"{len(run.ends)} scenes of {pixels:.1f} Mpx, {pixels / run.each:.0f} Mpx/s; "
    first, last = run.ends[0] - run.started, run.ends[-1] - run.started
    note += f"the first mask after {first:.1f} s, the last after {last:.1f} s"
    yield Result(name=f"{run.name}: scenes", value=round(60 / run.each, 1), unit="a min", note=note)
    if run.busy is not None:
        note = "of the time, by nvidia-smi, while all workers ran"
        yield Result(name=f"{run.name}: GPU waits", value=round(100 - run.busy, 1), unit="%", note=note)


def shares(runs: Iterable[Masked], pixels: float, name: str, way: str, rate: float) -> Iterator[Result]:
    """The rate of a network alone, and which share of it each run over scenes reached."""
    yield Result(name=f"{name} alone", value=round(rate, 1), unit="Mpx/s", note=way)
    for run in runs:
        if run.job.name == name:
            network = pixels * (3 / run.job.gsd) ** 2 / run.each
            share = round(100 * network / rate, 2)
            yield Result(name=f"{run.name}: share", value=share, unit="%", note=f"of {way} alone")


def jobs(folder: Path, chosen: argparse.Namespace) -> list[Job]:
    """The bundled network and U-Net with ResNet-34, each at every ground sampling distance."""
    networks = {"bundled": (bundled, "torch"), "unet-r34": (lambda: unet_r34(folder / "r34"), "torch-bf16")}
    made = {name: (networks[name][0](), networks[name][1]) for name in chosen.networks.split(",")}
    return [
        Job(name=name, folder=model, runtime=runtime, gsd=gsd)
        for gsd in map(float, chosen.gsd.split(","))
        for name, (model, runtime) in made.items()
    ]


class Bench:
    """Runs one step after the other, each within its share of the time left."""

    def __init__(self, chosen: argparse.Namespace, folder: Path) -> None:
        self._chosen, self._folder = chosen, folder
        self._until = time.monotonic() + 60 * float(chosen.minutes)
        self._side = 1000 if chosen.quick else 5700
        self._results: list[Result] = []
        self._runs: list[Masked] = []

    def run(self) -> None:
        """Scenes first, then each network alone, then compiled."""
        chosen = self._chosen
        found = jobs(self._folder, chosen)
        networks = list({job.name: job for job in found}.values())
        steps = [
            (3, f"{job.name} at {job.gsd:g} m, {workers} workers", partial(self._mask, job, workers))
            for job in found
            for workers in map(int, chosen.workers.split(","))
        ]
        for compiled in (False,) if chosen.quick else (False, True):
            for job in networks:
                name = f"{job.name} alone{', compiled' if compiled else ''}"
                steps.append((2 if compiled else 1, name, partial(self._alone, job, compiled)))
        for number, (share, name, step) in enumerate(steps):
            left = self._until - time.monotonic()
            if left < LEAST_SECONDS:
                print(f"left out: {name}: {max(left, 0):.0f} s left of {chosen.minutes} minutes", flush=True)
                continue
            step(max(LEAST_SECONDS, left * share / sum(share for share, _, _ in steps[number:])))
        write(self._results, chosen.json)

    def _add(self, found: Iterable[Result]) -> None:
        for result in found:
            self._results.append(result)
            show(result)
        write(self._results, self._chosen.json)

    @property
    def _pixels(self) -> float:
        return self._side * self._side / 1e6

    def _mask(self, job: Job, workers: int, seconds: float) -> None:
        scene = self._folder / "scene.tif"
        if not scene.exists():
            write_scene(scene, self._side, self._side)
        scenes = linked(scene, int(self._chosen.scenes) or 6 * workers)
        run = masked(job, scenes, self._chosen.device, workers, seconds)
        if run is not None:
            self._runs.append(run)
            self._add(measured(run, self._pixels))

    def _alone(self, job: Job, compiled: bool, seconds: float) -> None:
        found = within(seconds, job, self._chosen.device, self._chosen.quick, compiled)
        if isinstance(found, str):
            print(f"left out: {job.name} alone{', compiled' if compiled else ''}: {found}", flush=True)
        else:
            self._add(shares(self._runs, self._pixels, job.name, *found))


def main() -> None:
    chosen = options(
        __doc__,
        texts={
            "device": ("cuda", "cuda, mps or cpu"),
            "workers": (str(processors()), "processes: 8,16,24 makes a run of each"),
            "networks": ("bundled,unet-r34", "which"),
            "gsd": ("10,3", "metres a pixel to work at"),
            "scenes": ("0", "how many a run, 0: six a worker"),
            "minutes": ("8", "time for all of it"),
        },
    )
    with tempfile.TemporaryDirectory() as name:
        Bench(chosen, Path(name)).run()


def linked(scene: Path, count: int) -> Path:
    """A folder of ``count`` names of one scene, which is read once."""
    folder = scene.parent / "scenes"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number in range(count):
        os.link(scene, folder / f"{number:03}.tif")
    scene.read_bytes()
    return folder


if __name__ == "__main__":
    main()
