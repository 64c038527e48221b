"""onnxruntime: the default, and the only one in the light install."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catfast.errors import InputError
from catfast.mask.runtimes.base import MOST_AT_ONCE, TileRuntime, Tiles, reason


class OnnxRuntime(TileRuntime):
    """onnxruntime on the processor, in 32 bits."""

    name = "onnxruntime"

    def __init__(self, folder: Path, threads: int) -> None:
        import onnxruntime

        at_once = min(threads, MOST_AT_ONCE)
        super().__init__(folder, at_once)
        options = onnxruntime.SessionOptions()
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
        return np.asarray(self._session.run(None, {"image": tile})[0])
