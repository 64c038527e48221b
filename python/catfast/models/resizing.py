"""Resizing by constant factors, where an exported graph works out sizes.

onnxruntime then keeps its own layout of channels through the whole decoder, instead of leaving it before each
Resize and coming back after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnx

    from catfast.models.spec import ModelConfig

__all__ = ["resize_by_factors"]

_SIZES = ((2, 3), (5, 4))
"""Images that the factors are measured on, in steps of ``multiple_of``."""


def resize_by_factors(proto: onnx.ModelProto, config: ModelConfig, image: str) -> onnx.ModelProto:
    """Give factors to each Resize whose output is the same whole multiple of its input at any size.

    Args:
        proto: a graph that holds its weights; it is changed.
        config: whose bands and ``multiple_of`` the graph takes.
        image: the name of the graph's input.
    """
    from onnx import numpy_helper

    graph = proto.graph
    resizes = [node for node in graph.node if node.op_type == "Resize" and len(node.input) == 4]
    for node, factors in zip(resizes, _factors(proto, resizes, config, image), strict=True):
        if factors is not None:
            name = f"{node.name}.factors"
            graph.initializer.append(numpy_helper.from_array(np.array(factors, np.float32), name))
            node.input[:] = [node.input[0], "", name]
    _drop_unused(graph)
    return proto


def _factors(
    proto: onnx.ModelProto, resizes: list[Any], config: ModelConfig, image: str
) -> list[tuple[int, ...] | None]:
    """Of each Resize, None where there are none: measured on images of two sizes."""
    import onnx
    import onnxruntime

    if not resizes:
        return []
    watched = onnx.ModelProto()
    watched.CopyFrom(proto)
    names = list(dict.fromkeys(name for node in resizes for name in (node.input[0], node.output[0])))
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(watched.SerializeToString(), providers=["CPUExecutionProvider"])
    ratios: list[set[tuple[float, ...]]] = [set() for _ in resizes]
    for size in _SIZES:
        tile = np.zeros((1, len(config.bands), *(config.multiple_of * n for n in size)), np.float32)
        shapes = {
            name: part.shape for name, part in zip(names, session.run(names, {image: tile}), strict=True)
        }
        for node, found in zip(resizes, ratios, strict=True):
            before, after = shapes[node.input[0]], shapes[node.output[0]]
            found.add(tuple(large / small for small, large in zip(before, after, strict=True)))
    return [_whole(found) for found in ratios]


def _whole(ratios: set[tuple[float, ...]]) -> tuple[int, ...] | None:
    """The one ratio that there is, where it is whole."""
    ratio = next(iter(ratios))
    whole = len(ratios) == 1 and all(factor.is_integer() for factor in ratio)
    return tuple(map(int, ratio)) if whole else None


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Drop nodes and constants that nothing reads."""
    kept: list[Any] = list(graph.node)
    wanted = {output.name for output in graph.output}
    read = wanted | {name for node in kept for name in node.input}
    while len(left := [node for node in kept if read.intersection(node.output)]) < len(kept):
        kept = left
        read = wanted | {name for node in kept for name in node.input}
    constants = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(kept)
    graph.initializer.extend(constants)
