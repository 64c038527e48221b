"""torch: for a GPU, and for a model without ONNX export."""

from __future__ import annotations

import copy
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from catfast.errors import InputError, MissingExtraError, Notice, UsageError
from catfast.mask.runtimes.base import Tiles
from catfast.mask.runtimes.halving import Halving
from catfast.models.spec import ModelConfig

LEAST_ALIKE = 0.999
"""Share of pixels to which 16 bits must give the class of 32."""

TRIED_ON = 8
"""Simulated tiles that this is tried on."""


class TorchRuntime:
    """torch on the processor or a GPU.

    On a CUDA GPU in 16 bits (float16) where those give the classes of 32, else in 32 (TensorFloat-32). Two
    batches are under way there, so that one is copied while the other is computed.
    """

    def __init__(self, folder: Path, device: str, threads: int, *, bf16: bool = False) -> None:
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
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        self._torch = torch
        self._folder = folder
        self._device = torch.device(device)
        self._exact = load(folder).to(self._device)
        self._exact.to(memory_format=torch.channels_last)
        self._network: Any = self._exact
        if bf16:
            self._shorten(torch.bfloat16)
        elif device == "cuda":
            self._shorten(torch.float16)
            if self.alike() < LEAST_ALIKE:
                self._network = self._exact
        self._streams = threading.local()
        at_once = 2 if device == "cuda" else 1
        self._groups = ThreadPoolExecutor(at_once, thread_name_prefix="catfast-network")
        self._batches = Halving(self._run, self._release)
        self.name = f"torch {device}"
        if self._network is not self._exact:
            self.name += f" {str(self._kind).removeprefix('torch.')}"

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`~catfast.mask.runtimes.base.Runtime`: as many tiles a call as the memory holds.

        Raises:
            InputError: the network's answer is not finite.
            UsageError: not a single tile fits into memory.
        """
        return self._batches(tiles)

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """:meth:`predict` in the background."""
        return self._groups.submit(self.predict, tiles)

    def notices(self) -> tuple[Notice, ...]:
        """Whether batches had to be halved since the last call."""
        return self._batches.notices()

    def alike(self) -> float:
        """Share of pixels of simulated tiles that get the class of 32 bits."""
        from catfast.models.samples import simulated_tiles

        tiles = simulated_tiles(ModelConfig.load(self._folder), TRIED_ON)
        with self._torch.inference_mode():
            images = self._torch.from_numpy(tiles).to(self._device)
            exact = self._answer(self._exact, images).argmax(1)
            return float((exact == self.answer(images).argmax(1)).float().mean())

    def answer(self, images: Any) -> Any:
        """Probabilities, a float32 tensor, of tiles (n, bands, h, w) that are on the device already."""
        return self._answer(self._network, images)

    @property
    def _kind(self) -> Any:
        return next(self._network.parameters()).dtype

    def _shorten(self, kind: Any) -> None:
        self._network = copy.deepcopy(self._exact).to(kind)

    def _run(self, tiles: Tiles) -> Tiles:
        run = self._streamed if self._device.type == "cuda" else self._plainly
        with self._torch.inference_mode():
            found = run(self._network, tiles)
            # Probabilities add up to a finite sum, and whatever else there is among them shows in it.
            if self._network is not self._exact and not np.isfinite(found.sum()):
                found = run(self._exact, tiles)
        if not np.isfinite(found.sum()):
            raise InputError(f"{self._folder}: the network's answer is not finite")
        return found

    def _plainly(self, network: Any, tiles: Tiles) -> Tiles:
        images = self._torch.from_numpy(tiles).to(self._device)
        return np.asarray(self._answer(network, images).cpu().numpy())

    def _streamed(self, network: Any, tiles: Tiles) -> Tiles:
        """On a CUDA GPU: through pinned memory there and back, in a stream of this thread's own."""
        torch = self._torch
        if not hasattr(self._streams, "own"):
            self._streams.own = torch.cuda.Stream()
        with torch.cuda.stream(self._streams.own):
            images = torch.from_numpy(tiles).pin_memory().to(self._device, non_blocking=True)
            answer = self._answer(network, images)
            found = torch.empty(answer.shape, dtype=answer.dtype, pin_memory=True)
            found.copy_(answer, non_blocking=True)
            # An event that blocks: waiting for the stream itself would keep a processor busy.
            done = torch.cuda.Event(blocking=True)
            done.record()
            done.synchronize()
        return np.asarray(found.numpy())

    def _answer(self, network: Any, images: Any) -> Any:
        torch = self._torch
        kind = next(network.parameters()).dtype
        logits = network(images.to(kind, memory_format=torch.channels_last))
        return torch.softmax(logits.float(), dim=1).contiguous()

    def _release(self) -> None:
        """Give back what the batch that failed still holds."""
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        elif self._device.type == "mps":
            self._torch.mps.empty_cache()
