"""8-bit ONNX by onnxruntime's static quantisation, calibrated on given tiles."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catfast.errors import MissingExtraError
from catfast.models.onnx import INPUT_NAME, float_graph
from catfast.models.spec import ModelConfig

if TYPE_CHECKING:
    from torch import nn

__all__ = ["quantise"]

_PRODUCTS = ("Conv", "MatMul", "Gemm")
_POOLS = ("GlobalAveragePool", "ReduceMean")


def quantise(module: nn.Module, config: ModelConfig, tiles: npt.NDArray[np.float32], output: Path) -> None:
    """Write an ONNX file of its own, with weights and activations of 8 bits where that is safe.

    Convolutions and matrix products are quantised, weights a channel. Those that cost classes and win no
    time stay float: the first, the last four, depthwise ones, and those on pooled features.

    Args:
        module: the network, as :func:`catfast.models.load` gives it.
        config: its configuration.
        tiles: normalised tiles (n, bands, h, w) that show the range of activations.
        output: the file.

    Raises:
        MissingExtraError: the packages of ``catfast[train]`` are not installed.
    """
    try:
        from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError:
        raise MissingExtraError("8-bit export", "train") from None
    proto = float_graph(module, config)
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, prepared = Path(folder) / "plain.onnx", Path(folder) / "prepared.onnx"
        plain.write_bytes(proto.SerializeToString())
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(output),
            _Reader(tiles),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(_PRODUCTS),
            nodes_to_exclude=_delicate(prepared),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )


class _Reader:
    """Gives onnxruntime one tile at a time."""

    def __init__(self, tiles: npt.NDArray[np.float32]) -> None:
        self._tiles: Iterator[Any] = iter(tiles)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        tile = next(self._tiles, None)
        return None if tile is None else {INPUT_NAME: tile[None]}


def _delicate(path: Path) -> list[str]:
    """Names of the convolutions and products that stay float."""
    import onnx

    nodes = onnx.load(path).graph.node
    products = [node for node in nodes if node.op_type in _PRODUCTS]
    named = {node.name for node in [products[0], *products[-4:]]}
    named |= {node.name for node in products if any(a.name == "group" and a.i > 1 for a in node.attribute)}
    pooled: set[str] = set()
    for node in nodes:
        if node.op_type in _POOLS or (node.input and node.input[0] in pooled and node.op_type != "Mul"):
            pooled.update(node.output)
            named.add(node.name)
    return sorted(named)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep onnxruntime's advice, which it logs through the root logger, off stderr."""
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
