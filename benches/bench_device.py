"""Masking on one GPU: scenes a minute, share of the network's own rate, and how long the GPU waits.

Scenes of 32 Mpx (4 bands, deflate tiles, about 70 % valid), links to one file that is read before, go through
``catfast mask --workers N``. The rate is that of the masks after the first N, by when they were finished, so
that the start of the processes does not count. The network alone runs on tiles that are on the device.
``--device cpu --quick`` tries the bench itself where there is no GPU.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bench_mask import write_scene
from catfast.mask.masker import processors
from catfast.mask.runtimes.torch import TorchRuntime
from catfast.models import ModelConfig, build, bundled, save
from report import Result, options, show, write

SMI = "nvidia-smi --query-gpu=utilization.gpu,memory.used --format=csv,noheader,nounits -lms 100"


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


def alone(job: Job, device: str, quick: bool) -> dict[str, float]:
    """Network Mpx/s on tiles that are on the device: as masking runs it, and compiled."""
    import torch

    runtime = TorchRuntime(job.folder, device, processors(), bf16=job.runtime == "torch-bf16")
    config, count, side = ModelConfig.load(job.folder), 2 if quick else 16, 128 if quick else 576
    images = torch.rand(count, len(config.bands), side, side).to(device)
    ways = {runtime.name: runtime.answer}
    if not quick:
        ways[f"{runtime.name}, compiled"] = torch.compile(runtime.answer)
    found = {}
    for name, way in ways.items():
        try:
            found[name] = images[:, 0].numel() / _seconds(way, images, 3 if quick else 30) / 1e6
        except Exception as error:  # compiling needs more than torch: a compiler, and its headers
            print(f"left out: {name}: {' '.join(str(error).split())[:200]}", flush=True)
    return found


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


def masked(job: Job, scenes: Path, device: str, workers: int) -> tuple[list[float], float, float | None]:
    """When each mask was finished, when the run began, and per cent of time that the GPU computed."""
    out = scenes.parent / "masks"
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-c", "from catfast.cli import main; main()", "mask", str(scenes)]
    command += ["--out-dir", str(out), "--model", str(job.folder), "--device", device]
    command += ["--workers", str(workers)]
    command += ["--runtime", job.runtime, "--gsd", f"{job.gsd:g}", "--reflectance-scale", "1e-4", "-q"]
    started = time.time()
    with watched() as samples:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"failed: {done.stderr.strip()[-600:]}")
    ends = sorted(path.stat().st_mtime for path in out.glob("*_mask.tif"))
    busy = [percent for at, percent, _ in samples if ends[min(workers, len(ends)) - 1] <= at <= ends[-1]]
    most = max((memory for _, _, memory in samples), default=0.0)
    if most:
        print(f"  most memory of the GPU in use: {most / 1024:.1f} GiB", flush=True)
    return ends, started, float(np.mean(busy)) if busy else None


def measured(
    job: Job, scenes: Path, pixels: float, device: str, workers: int, rates: dict[str, float]
) -> list[Result]:
    """Of one run over scenes of so many million pixels."""
    ends, started, busy = masked(job, scenes, device, workers)
    first = min(workers, len(ends) - 1)
    each = (ends[-1] - ends[first - 1]) / (len(ends) - first)
    network = pixels * (3 / job.gsd) ** 2 / each
    name = f"{job.name} at {job.gsd:g} m, {workers} workers"
    note = f"{len(ends)} scenes of {pixels:.1f} Mpx, {pixels / each:.0f} Mpx/s; "
    note += f"the first mask after {ends[0] - started:.1f} s, all after {ends[-1] - started:.1f} s"
    found = [Result(name=f"{name}: scenes", value=round(60 / each, 1), unit="a min", note=note)]
    found += [
        Result(name=f"{name}: share", value=round(100 * network / rate, 2), unit="%", note=f"of {way} alone")
        for way, rate in rates.items()
    ]
    if busy is not None:
        note = "of the time, by nvidia-smi, while all workers ran"
        found.append(Result(name=f"{name}: GPU waits", value=round(100 - busy, 1), unit="%", note=note))
    return found


def jobs(folder: Path, chosen: argparse.Namespace) -> Iterator[Job]:
    """The bundled network and U-Net with ResNet-34, each at every ground sampling distance."""
    networks = {"bundled": (bundled(), "torch"), "unet-r34": (unet_r34(folder / "r34"), "torch-bf16")}
    for gsd in map(float, chosen.gsd.split(",")):
        for name in chosen.networks.split(","):
            model, runtime = networks[name]
            yield Job(name=name, folder=model, runtime=runtime, gsd=gsd)


def main() -> None:
    chosen = options(
        __doc__,
        texts={
            "device": ("cuda", "cuda, mps or cpu"),
            "workers": (str(processors()), "processes: 8,16,24 makes a run of each"),
            "networks": ("bundled,unet-r34", "which"),
            "gsd": ("10,3", "metres a pixel to work at"),
            "scenes": ("0", "how many a run, 0: six a worker"),
        },
    )
    side, results = 1000 if chosen.quick else 5700, []

    def add(found: Iterable[Result]) -> None:
        for result in found:
            results.append(result)
            show(result)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = write_scene(folder / "scene.tif", side, side)
        rates: dict[str, dict[str, float]] = {}
        for job in jobs(folder, chosen):
            if job.name not in rates:
                rates[job.name] = alone(job, chosen.device, chosen.quick)
                add(told(job, rates[job.name]))
            for workers in map(int, chosen.workers.split(",")):
                scenes = linked(scene, int(chosen.scenes) or 6 * workers)
                add(measured(job, scenes, side * side / 1e6, chosen.device, workers, rates[job.name]))
    write(results, chosen.json)


def told(job: Job, rates: dict[str, float]) -> Iterator[Result]:
    """The rates of the network alone."""
    for way, rate in rates.items():
        yield Result(name=f"{job.name} alone", value=round(rate, 1), unit="Mpx/s", note=way)


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
