"""What runs a network: onnxruntime (light install) or torch (extra ``train``)."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catfast.errors import InputError, MissingExtraError, UsageError
from catfast.models import ModelConfig

Tiles = npt.NDArray[np.float32]

ONNX_NAME = "model.onnx"

MOST_AT_ONCE = 4
"""Tiles that are in the network at once, at most: each takes memory of its own."""


def reason(error: Exception) -> str:
    """The error of a network's library on one line, and no longer than a sentence."""
    return " ".join(str(error).split())[:300]


class Runtime(Protocol):
    """Runs a network on normalised tiles."""

    def predict(self, tiles: Tiles) -> Tiles:
        """Class probabilities, (n, classes, h, w) float32, of tiles (n, bands, h, w) float32."""
        ...

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """:meth:`predict` in the background."""
        ...


class OnnxRuntime:
    """onnxruntime on the processor: the default, and the only one in the light install.

    Threads work on tiles of their own rather than on parts of one: they never wait for each other.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        self._path = folder / ONNX_NAME
        config = ModelConfig.load(folder)
        self._bands, self._classes = len(config.bands), len(config.classes)

        options = onnxruntime.SessionOptions()
        at_once = min(threads, MOST_AT_ONCE)
        options.intra_op_num_threads = threads // at_once
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Threads that spin between two calls would take the processor from reading and resampling.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(self._path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own, all children of Exception
            raise InputError(f"{self._path}: onnxruntime cannot load it: {reason(error)}") from error
        self._check()
        self._workers = ThreadPoolExecutor(at_once, thread_name_prefix="catfast-network")
        self._groups = ThreadPoolExecutor(2, thread_name_prefix="catfast-tiles")

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`Runtime`. One tile a call: results then cannot depend on the batch size."""
        return np.concatenate(list(self._workers.map(self._answer, np.split(tiles, len(tiles)))))

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """See :class:`Runtime`."""
        return self._groups.submit(self.predict, tiles)

    def _check(self) -> None:
        """Refuse a graph that is not what the folder's configuration says."""
        found = [(node.name, node.type, len(node.shape or ())) for node in self._session.get_inputs()]
        if found != [("image", "tensor(float)", 4)]:
            raise InputError(f"{self._path}: expected one input, image, of 4 float axes, found {found}")
        answers = self._session.get_outputs()
        sides = (
            (self._session.get_inputs()[0], self._bands, "bands"),
            (answers[0], self._classes, "classes"),
        )
        for node, wanted, what in sides:
            if len(node.shape) != 4 or (isinstance(node.shape[1], int) and node.shape[1] != wanted):
                raise InputError(
                    f"{self._path}: expected {wanted} {what} as its configuration says, found an "
                    f"{'input' if what == 'bands' else 'answer'} of shape {node.shape}"
                )

    def _answer(self, tile: Tiles) -> Tiles:
        try:
            answer = np.asarray(self._session.run(None, {"image": tile})[0])
        except Exception as error:  # as above
            raise InputError(f"{self._path}: cannot be run: {reason(error)}") from error
        expected = (len(tile), self._classes, *tile.shape[2:])
        if answer.shape != expected or answer.dtype != np.float32 or not np.isfinite(answer).all():
            raise InputError(
                f"{self._path}: expected finite float32 answers of shape {expected}, found "
                f"{answer.dtype} of shape {answer.shape}"
            )
        return answer


class TorchRuntime:
    """torch on the processor or a GPU: for a model without ONNX export, and for ``--device``."""

    def __init__(self, folder: Path, device: str, threads: int) -> None:
        try:
            import torch
        except ImportError:
            raise MissingExtraError(f"running {folder.name} with torch", "train") from None

        from catfast.models import load

        if device == "cuda" and not torch.cuda.is_available():
            raise UsageError("--device cuda: torch finds no CUDA GPU on this machine")
        if device == "mps" and not torch.backends.mps.is_available():
            raise UsageError("--device mps: torch finds no Apple GPU on this machine")
        torch.set_num_threads(threads)
        self._torch = torch
        self._device = torch.device(device)
        self._network = load(folder).eval().to(self._device)
        self._groups = ThreadPoolExecutor(1, thread_name_prefix="catfast-network")

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`Runtime`."""
        torch = self._torch
        with torch.inference_mode():
            logits = self._network(torch.from_numpy(tiles).to(self._device))
            answer: Any = torch.softmax(logits.float(), dim=1).cpu().numpy()
        return np.ascontiguousarray(answer, dtype=np.float32)

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """See :class:`Runtime`."""
        return self._groups.submit(self.predict, tiles)


def choose_runtime(folder: Path, *, device: str, threads: int) -> Runtime:
    """The runtime for a model folder.

    Raises:
        InputError: the model cannot be loaded.
        UsageError: the device is not there.
        MissingExtraError: torch is needed and not installed.
    """
    if device in ("auto", "cpu") and (folder / ONNX_NAME).is_file():
        return OnnxRuntime(folder, threads)
    return TorchRuntime(folder, "cpu" if device == "auto" else device, threads)
