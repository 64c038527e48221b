"""onnxruntime: the default, and the only one in the light install."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catfast.errors import InputError
from catfast.mask.runtimes.base import MOST_AT_ONCE, TileRuntime, Tiles
from catfast.models.spec import ONNX_NAME


class OnnxRuntime(TileRuntime):
    """onnxruntime on the processor, in 32 bits."""

    name = "onnxruntime"

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        at_once = min(threads, MOST_AT_ONCE)
        options.intra_op_num_threads = threads // at_once
        options.inter_op_num_threads = 1
        options.log_severity_level = 4
        # Threads that spin between two calls would take the processor from reading and resampling.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                str(folder / ONNX_NAME), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime raises bare classes of its own, all children of Exception
            raise InputError(f"{folder / ONNX_NAME}: onnxruntime cannot load it: {error}") from error
        super().__init__(at_once)

    def _answer(self, tile: Tiles) -> Tiles:
        return np.asarray(self._session.run(None, {"image": tile})[0])
