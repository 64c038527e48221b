"""Which runtime a model gets."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

from catfast.errors import InputError, UsageError
from catfast.mask.runtimes.base import Runtime
from catfast.mask.runtimes.onnx import OnnxRuntime
from catfast.mask.runtimes.openvino import OpenVinoRuntime
from catfast.mask.runtimes.torch import TorchRuntime
from catfast.models.spec import ONNX_NAME

GPUS = ("cuda", "mps")


def choose_runtime(folder: Path, *, device: str, threads: int, runtime: str = "default") -> Runtime:
    """The runtime for a model folder.

    ``default`` is the one whose masks are the same bit for bit wherever it runs on one machine: onnxruntime
    on the processor where the folder has a model.onnx, else torch. ``auto`` is the fastest that is installed
    and gives the same classes: torch on a CUDA GPU, then OpenVINO, then onnxruntime (``bench_runtimes.py``).
    ``openvino-bf16`` and ``torch-bf16`` are faster and give another class to a few pixels in a thousand.

    Args:
        folder: the model.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        threads: processor threads.
        runtime: one of :data:`catfast.mask.config.RUNTIMES`.

    Raises:
        InputError: the model cannot be loaded.
        UsageError: the device is not there, or the runtime does not work on it.
        MissingExtraError: what is asked for is not installed.
    """
    name, device = _named(folder, device, runtime)
    if name in ("torch", "torch-bf16"):
        return TorchRuntime(folder, device, threads, bf16=name == "torch-bf16")
    if device in GPUS:
        raise UsageError(f"--runtime {name} works on the processor: --device {device} is for torch")
    if not (folder / ONNX_NAME).is_file():
        raise InputError(f"{folder} has no {ONNX_NAME}, which {name} needs: catfast export writes it")
    if name == "onnxruntime":
        return OnnxRuntime(folder, threads)
    return OpenVinoRuntime(folder, threads, bf16=name == "openvino-bf16")


def _named(folder: Path, device: str, runtime: str) -> tuple[str, str]:
    """The runtime and the device that are meant."""
    found = device
    if device == "auto":
        found = "cuda" if runtime in ("auto", "torch", "torch-bf16") and _cuda() else "cpu"
    if runtime not in ("default", "auto"):
        return runtime, found
    if found in GPUS or not (folder / ONNX_NAME).is_file():
        return "torch", found
    fast = runtime == "auto" and importlib.util.find_spec("openvino") is not None
    return "openvino" if fast else "onnxruntime", found


def _cuda() -> bool:
    """Whether torch sees a CUDA GPU; torch is imported only where the driver is installed."""
    if shutil.which("nvidia-smi") is None or importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())
