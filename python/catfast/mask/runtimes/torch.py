"""torch: for a GPU, and for a model without ONNX export."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from catfast.errors import MissingExtraError, Notice, UsageError
from catfast.mask.runtimes.base import Tiles
from catfast.mask.runtimes.halving import Halving


class TorchRuntime:
    """torch on the processor or a GPU, in 32 bits."""

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
        self._network.to(memory_format=torch.channels_last)
        self._groups = ThreadPoolExecutor(1, thread_name_prefix="catfast-network")
        self._batches = Halving(self._run, self._release)
        self.name = f"torch {device}"

    def predict(self, tiles: Tiles) -> Tiles:
        """See :class:`~catfast.mask.runtimes.base.Runtime`: as many tiles a call as the memory holds.

        Raises:
            UsageError: not a single tile fits into memory.
        """
        return self._batches(tiles)

    def submit(self, tiles: Tiles) -> Future[Tiles]:
        """:meth:`predict` in the background."""
        return self._groups.submit(self.predict, tiles)

    def notices(self) -> tuple[Notice, ...]:
        """Whether batches had to be halved since the last call."""
        return self._batches.notices()

    def _run(self, tiles: Tiles) -> Tiles:
        torch = self._torch
        with torch.inference_mode():
            images = torch.from_numpy(tiles).to(self._device, memory_format=torch.channels_last)
            answer: Any = torch.softmax(self._network(images).float(), dim=1).cpu().numpy()
        return np.ascontiguousarray(answer, dtype=np.float32)

    def _release(self) -> None:
        """Give back what the batch that failed still holds."""
        if self._device.type == "cuda":
            self._torch.cuda.empty_cache()
        elif self._device.type == "mps":
            self._torch.mps.empty_cache()
