"""ONNX export with one copy of the weights: the graph's initializers point into ``model.safetensors``.

ONNX external data is a file name, a byte offset and a length, and safetensors stores plain little-endian
tensors, so the graph can use the weights where they lie. Half-precision weights pass through a Cast to
float32, which onnxruntime folds away, and batch normalisation with it, when it loads the model.
"""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, MissingExtraError
from catfast.models.folder import WEIGHTS_NAME, load
from catfast.models.resizing import resize_by_factors
from catfast.models.spec import ONNX_NAME, ModelConfig
from catfast.models.tensors import TensorPlace, layout
from catfast.raster import atomic_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx
    from torch import nn

__all__ = ["INPUT_NAME", "ONNX_NAME", "OUTPUT_NAME", "Parity", "compare", "export", "float_graph"]

INPUT_NAME = "image"
OUTPUT_NAME = "probability"
_PREFIX = "network."
_OPSET = 18
_ZEROS = 64 * 1024
"""Largest constant folded into the graph, bytes: the zero biases that torch writes, never a weight."""


@dataclass(frozen=True, slots=True)
class Parity:
    """How closely onnxruntime repeats torch."""

    argmax_agreement: float
    """Share of pixels given the same class, 0-1."""
    largest_difference: float
    """Largest difference of any probability."""


def export(folder: str | os.PathLike[str], *, tolerance: float = 1e-3) -> Parity:
    """Write ``model.onnx`` beside ``model.safetensors`` and compare it with torch.

    The graph maps ``image``, normalised reflectance float32 (N, bands, H, W), to ``probability``, float32
    (N, classes, H, W) that sums to one; N, H and W are free, H and W multiples of ``multiple_of``.

    Raises:
        InputError: the folder holds no sound model, or onnxruntime differs from torch by over ``tolerance``.
        OutputError: the disk did not take it.
        MissingExtraError: the packages of ``catfast[train]`` are not installed.
    """
    folder = Path(folder)
    config = ModelConfig.load(folder)
    module = load(folder)
    proto = float_graph(module, config)
    _point_into(proto, layout(folder / WEIGHTS_NAME))
    with atomic_path(folder / ONNX_NAME) as temporary:
        temporary.write_bytes(proto.SerializeToString())
        parity = compare(module, temporary, _noise(config))
        if parity.largest_difference > tolerance:
            found = f"{parity.largest_difference:.2g}, over {tolerance:g}"
            raise InputError(f"{folder}: onnxruntime differs from torch by {found}")
    return parity


def float_graph(module: nn.Module, config: ModelConfig) -> onnx.ModelProto:
    """Trace to ONNX, weights inside; only shape sums and the like are folded: weights keep names and values.

    Raises:
        MissingExtraError: the packages of ``catfast[train]`` are not installed.
    """
    try:
        import torch
        from onnxscript import optimizer
    except ImportError:
        raise MissingExtraError("ONNX export", "train") from None
    dim, step = torch.export.Dim, config.multiple_of
    sizes = {0: dim("batch"), 2: step * dim("tall"), 3: step * dim("wide")}
    example = torch.zeros(2, len(config.bands), 4 * step, 5 * step)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            _probability(module),
            (example,),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=(sizes,),
            opset_version=_OPSET,
            dynamo=True,
            optimize=False,
            verbose=False,
        )
    if program is None:  # only when torch is told to write a file itself
        raise RuntimeError("torch.onnx.export gave no program")
    optimizer.fold_constants(program.model, input_size_limit=64, output_size_limit=_ZEROS)
    optimizer.remove_unused_nodes(program.model)
    proto = resize_by_factors(_without_notes(program.model_proto), config, INPUT_NAME)
    return _shapes_after_norm(proto)


def _probability(module: nn.Module) -> nn.Module:
    import torch

    class Probability(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = module

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            # Softmax in its parts: over few classes onnxruntime's own takes eight times as long.
            logits = self.network(image)
            weights = torch.exp(logits - logits.amax(1, keepdim=True))
            return weights / weights.sum(1, keepdim=True)

    return Probability().eval()


def _without_notes(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's stack traces, which name paths of the machine and outweigh the graph."""
    graph = proto.graph
    for holder in (proto, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del holder.metadata_props[:]
        holder.doc_string = ""
    del graph.value_info[:]
    return proto


def _shapes_after_norm(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Take sizes after batch normalisation, not before: onnxruntime only folds what one node alone reads."""
    nodes = list(proto.graph.node)
    made = {name for node in nodes for name in node.output}
    norms = {n.input[0]: n for n in nodes if n.op_type == "BatchNormalization" and n.input[0] in made}
    ordered = []
    for node in nodes:
        if node.op_type == "BatchNormalization" and node.input[0] in norms:
            continue
        if node.op_type == "Shape" and node.input[0] in norms:
            node.input[0] = norms[node.input[0]].output[0]
        ordered += [node, *(norms[name] for name in node.output if name in norms)]
    del proto.graph.node[:]
    proto.graph.node.extend(ordered)
    return proto


def _point_into(proto: onnx.ModelProto, places: dict[str, TensorPlace]) -> None:
    """Replace initializers by references into the safetensors file, cast to float32 where stored as fp16."""
    from onnx import helper

    graph = proto.graph
    casts, renamed = [], {}
    for tensor in graph.initializer:
        name = tensor.name.removeprefix(_PREFIX)
        if name not in places:
            continue
        renamed[tensor.name] = name
        if places[name].dtype == "F16":
            renamed[tensor.name] = f"{name}.float32"
            cast = helper.make_node("Cast", [name], [f"{name}.float32"], name=f"cast.{name}", to=1)
            casts.append(cast)
        _refer(tensor, name, places[name])
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _refer(tensor: onnx.TensorProto, name: str, place: TensorPlace) -> None:
    from onnx import TensorProto

    kinds: dict[str, Any] = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}
    tensor.Clear()
    tensor.name = name
    tensor.data_type = kinds[place.dtype]
    tensor.dims.extend(place.shape)
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in (("location", WEIGHTS_NAME), ("offset", place.offset), ("length", place.length)):
        entry = tensor.external_data.add()
        entry.key, entry.value = key, str(value)


def compare(module: nn.Module, path: Path, images: npt.NDArray[np.float32]) -> Parity:
    """Run an ONNX file and torch on normalised images (n, bands, h, w), one at a time."""
    import numpy as np
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    same, largest = 0, 0.0
    for image in images[:, None]:
        (found,) = session.run([OUTPUT_NAME], {INPUT_NAME: image})
        with torch.no_grad():
            expected = torch.softmax(module(torch.from_numpy(image)), dim=1).numpy()
        same += int((found.argmax(1) == expected.argmax(1)).sum())
        largest = max(largest, float(np.abs(found - expected).max()))
    pixels = len(images) * images.shape[2] * images.shape[3]
    return Parity(argmax_agreement=same / pixels, largest_difference=largest)


def _noise(config: ModelConfig) -> npt.NDArray[np.float32]:
    import numpy as np

    shape = (2, len(config.bands), 4 * config.multiple_of, 4 * config.multiple_of)
    return np.random.default_rng(0).normal(0.0, 1.0, shape).astype(np.float32)
