"""ONNX files that reach outside their folder, or that are not the network they should be."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.hostile.box import Box, mask_is_of
from tests.hostile.case import Made, accepted, refused
from tests.hostile.cases.weights import spoilt

onnx = pytest.importorskip("onnx", reason='needs the extra "train"')
TensorProto, helper, numpy_helper = onnx.TensorProto, onnx.helper, onnx.numpy_helper

LOAD = "onnxruntime cannot load it"


def _external(
    location: str | Callable[[Path], str], offset: int = 0, length: int = 48
) -> Callable[[Path], None]:
    """Move the weights of the graph, 12 float32, to a file of this name."""

    def spoil(folder: Path) -> None:
        model = onnx.load(folder / "model.onnx")
        tensor = next(t for t in model.graph.initializer if t.name == "weight")
        (folder / "weight.bin").write_bytes(numpy_helper.to_array(tensor).tobytes())
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        name = location if isinstance(location, str) else location(folder)
        for key, value in (("location", name), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        (folder / "model.onnx").write_bytes(model.SerializeToString())

    return spoil


def _moved(folder: Path) -> Path:
    """The weights, beside the folder instead of in it."""
    return Path(shutil.move(folder / "weight.bin", folder.parent / "outside.bin"))


@accepted(mask_is_of())
def onnx_with_weights_in_its_folder(box: Box) -> Made:
    return spoilt(box, _external("weight.bin"))


@refused(3, LOAD)
def onnx_with_weights_at_an_absolute_path(box: Box) -> Made:
    return spoilt(box, _external(lambda folder: str(_moved(folder))))


@refused(3, LOAD)
def onnx_with_weights_above_its_folder(box: Box) -> Made:
    return spoilt(box, _external(lambda folder: f"../{_moved(folder).name}"))


@refused(3, LOAD)
def onnx_with_weights_above_by_way_of_a_folder(box: Box) -> Made:
    def through(folder: Path) -> str:
        (folder / "sub").mkdir()
        return f"sub/../../{_moved(folder).name}"

    return spoilt(box, _external(through))


@refused(3, LOAD)
def onnx_with_weights_behind_a_link(box: Box) -> Made:
    def linked(folder: Path) -> str:
        (folder / "link.bin").symlink_to(_moved(folder))
        return "link.bin"

    return spoilt(box, _external(linked))


@refused(3, LOAD)
def onnx_with_weights_behind_a_linked_folder(box: Box) -> Made:
    def linked(folder: Path) -> str:
        (folder / "sub").symlink_to(_moved(folder).parent, target_is_directory=True)
        return "sub/outside.bin"

    return spoilt(box, _external(linked))


@refused(3, LOAD)
def onnx_with_weights_in_dev_zero(box: Box) -> Made:
    return spoilt(box, _external("/dev/zero"))


@refused(3, LOAD)
def onnx_with_weights_at_a_url(box: Box) -> Made:
    return spoilt(box, _external(f"{box.sound.url}/weights.bin"))


@refused(3, LOAD)
def onnx_with_weights_in_a_fifo(box: Box) -> Made:
    def fifo(folder: Path) -> str:
        os.mkfifo(folder / "pipe.bin")
        return "pipe.bin"

    return spoilt(box, _external(fifo))


@refused(3, LOAD)
def onnx_with_weights_beyond_the_end(box: Box) -> Made:
    return spoilt(box, _external("weight.bin", offset=1 << 40))


@refused(3, LOAD)
def onnx_with_weights_before_the_beginning(box: Box) -> Made:
    return spoilt(box, _external("weight.bin", offset=-48))


@refused(3, LOAD)
def onnx_with_fewer_weights_than_it_says(box: Box) -> Made:
    return spoilt(box, _external("weight.bin", length=4))


def _graph(
    nodes: list[Any], *initializers: Any, classes: int = 3, name: str = "image"
) -> Callable[[Path], None]:
    """Another graph in the model's place."""
    kind = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "other",
        [helper.make_tensor_value_info(name, kind, ["n", 4, "h", "w"])],
        [helper.make_tensor_value_info("probability", kind, ["n", classes, "h", "w"])],
        list(initializers),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return lambda folder: (folder / "model.onnx").write_bytes(model.SerializeToString()) and None


def _conv(classes: int, value: float, name: str = "image") -> Callable[[Path], None]:
    weight = numpy_helper.from_array(np.full((classes, 4, 1, 1), value, np.float32), "weight")
    node = helper.make_node("Conv", [name, "weight"], ["probability"])
    return _graph([node], weight, classes=classes, name=name)


@refused(3, LOAD)
def onnx_of_random_bytes(box: Box) -> Made:
    noise = np.random.default_rng(0).bytes(5000)
    return spoilt(box, lambda folder: (folder / "model.onnx").write_bytes(noise) and None)


@refused(3, LOAD)
def onnx_cut_short(box: Box) -> Made:
    def spoil(folder: Path) -> None:
        path = folder / "model.onnx"
        path.write_bytes(path.read_bytes()[:-40])

    return spoilt(box, spoil)


@refused(3, LOAD)
def onnx_of_an_operator_of_its_own(box: Box) -> Made:
    return spoilt(box, _graph([helper.make_node("Evil", ["image"], ["probability"], domain="evil.ops")]))


@refused(3, "model.onnx.*(class|answer)")
def onnx_that_answers_two_classes(box: Box) -> Made:
    return spoilt(box, _conv(2, 0.1))


@refused(3, "model.onnx.*(input|image)")
def onnx_that_takes_another_input(box: Box) -> Made:
    return spoilt(box, _conv(3, 0.1, name="pixels"))


@refused(3, "model.onnx")
def onnx_that_answers_nan(box: Box) -> Made:
    return spoilt(box, _conv(3, float("nan")))


@refused(3, "model.onnx")
def onnx_that_answers_in_another_size(box: Box) -> Made:
    pool = helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[2, 2], strides=[2, 2])
    weight = numpy_helper.from_array(np.full((3, 4, 1, 1), 0.1, np.float32), "weight")
    return spoilt(box, _graph([pool, helper.make_node("Conv", ["small", "weight"], ["probability"])], weight))


@refused(3, "model.onnx")
def onnx_that_asks_for_a_terabyte(box: Box) -> Made:
    size = numpy_helper.from_array(np.array([1 << 38], np.int64), "size")
    axis = numpy_helper.from_array(np.array([0], np.int64), "axis")
    weight = numpy_helper.from_array(np.full((3, 4, 1, 1), 0.1, np.float32), "weight")
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        helper.make_node("ReduceSum", ["huge", "axis"], ["nothing"], keepdims=0),
        helper.make_node("Add", ["image", "nothing"], ["same"]),
        helper.make_node("Conv", ["same", "weight"], ["probability"]),
    ]
    return spoilt(box, _graph(nodes, size, axis, weight))
