"""OpenVINO: faster than onnxruntime on processors of today, and faster still in bfloat16."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from catfast.errors import InputError, MissingExtraError, UsageError
from catfast.mask.runtimes.base import MOST_AT_ONCE, TileRuntime, Tiles, reason


class OpenVinoRuntime(TileRuntime):
    """OpenVINO on the processor, in 32 bits or in bfloat16.

    bfloat16 has 8 bits of precision: the bundled model then gives another class to 0.3 % of pixels.
    """

    def __init__(self, folder: Path, threads: int, *, bf16: bool = False) -> None:
        try:
            import openvino
        except ImportError:
            raise MissingExtraError("--runtime openvino", "openvino") from None

        core = openvino.Core()
        if bf16 and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise UsageError("--runtime openvino-bf16: this processor has neither AVX512_BF16 nor AMX")
        at_once = min(threads, MOST_AT_ONCE)
        super().__init__(folder, at_once)
        options = {
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": at_once,
        }
        try:
            self._compiled = core.compile_model(str(self._path), "CPU", options)
        except RuntimeError as error:
            raise InputError(f"{self._path}: OpenVINO cannot load it: {reason(error)}") from error
        self.name = "openvino-bf16" if bf16 else "openvino"
        self._requests = threading.local()

    def _answer(self, tile: Tiles) -> Tiles:
        request = getattr(self._requests, "own", None)
        if request is None:
            request = self._requests.own = self._compiled.create_infer_request()
        # A copy: the next tile of this thread is answered into the same memory.
        return np.array(request.infer({0: tile})[0])
