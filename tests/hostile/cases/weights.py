"""Model folders in ``mask``, ``models``, ``export`` and ``train``: configurations, safetensors, pickles."""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.box import Box
from tests.hostile.case import Made, accepted, refused


class _Planted:
    """Unpickling this makes a file called PWNED."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("open('PWNED', 'w').close()",))


PICKLE = pickle.dumps(_Planted())


def spoilt(box: Box, spoil: Callable[[Path], None]) -> list[object]:
    """The command that masks a scene with a spoilt copy of the model."""
    return ["mask", box.scene(), "-o", box.out / "m.tif", "--model", box.model(spoil)]


def _config(**changes: object) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def _text(text: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "config.json").write_text(text) and None


@refused(3, "no bundled model")
def model_of_no_name(box: Box) -> Made:
    return ["mask", box.scene(), "-o", box.out / "m.tif", "--model", "nothing"]


@refused(3, "is not a model folder")
def model_that_is_an_empty_folder(box: Box) -> Made:
    (box.inputs / "model").mkdir()
    return ["mask", box.scene(), "-o", box.out / "m.tif", "--model", box.inputs / "model"]


@refused(3, "unknown entry 'auto_map'")
def model_that_names_remote_code(box: Box) -> Made:
    code = {"AutoModel": "evil/repo--modeling.Evil"}
    return spoilt(box, _config(auto_map=code, trust_remote_code=True))


@refused(3, "unknown|builder|not one of|architecture")
def model_of_an_architecture_that_is_a_module(box: Box) -> Made:
    def spoil(folder: Path) -> None:
        _config(architecture={"type": "os.system"})(folder)
        (folder / "model.onnx").unlink()

    return spoilt(box, spoil)


@refused(3, "plain name of an encoder")
def model_of_an_encoder_from_a_hub(box: Box) -> Made:
    """A network library would fetch the encoder of such a name."""

    def spoil(folder: Path) -> None:
        _config(architecture={"type": "unet", "encoder": "tu-hf-hub:evil/repo"})(folder)
        (folder / "model.onnx").unlink()

    return spoilt(box, spoil)


@refused(3, "no SegFormer variant")
def model_of_a_segformer_from_a_hub(box: Box) -> Made:
    def spoil(folder: Path) -> None:
        _config(architecture={"type": "segformer", "variant": "evil/repo"})(folder)
        (folder / "model.onnx").unlink()

    return spoilt(box, spoil)


@refused(3, "bands must be distinct names")
def model_of_other_bands(box: Box) -> Made:
    return spoilt(box, _config(bands=["vv", "vh"]))


@refused(3, "unknown class 'fog'")
def model_of_other_classes(box: Box) -> Made:
    return spoilt(box, _config(classes=["clear", "cloud", "fog"]))


@refused(3, "class")
def model_of_four_classes_that_answers_three(box: Box) -> Made:
    return spoilt(box, _config(classes=["clear", "cloud", "shadow", "snow"]))


@refused(3, "class")
def model_of_two_classes_that_answers_three(box: Box) -> Made:
    return spoilt(box, _config(classes=["clear", "cloud"]))


@refused(3, "bands|input|model.onnx")
def model_of_three_bands_whose_graph_takes_four(box: Box) -> Made:
    three = ["blue", "green", "red"]
    return spoilt(box, _config(bands=three, mean=[0.3] * 3, std=[0.3] * 3))


@refused(3, "tile must be")
def model_of_a_tile_of_a_gigapixel(box: Box) -> Made:
    return spoilt(box, _config(tile=32768 * 32, halo=32))


@refused(3, "finite")
def model_whose_numbers_are_not(box: Box) -> Made:
    return spoilt(box, _config(mean=[float("nan")] * 4))


@refused(3, "describe a model|configuration|bands|text|numbers")
def model_whose_entries_are_of_other_types(box: Box) -> Made:
    return spoilt(box, _config(bands=7, mean={"a": 1}, tile="x"))


@refused(3, "classes|names|describe a model")
def model_whose_classes_are_lists(box: Box) -> Made:
    return spoilt(box, _config(classes=[["cloud"], ["clear"]]))


@refused(3, "describe a model|clip|gsd_m|numbers|too large")
def model_whose_numbers_are_huge(box: Box) -> Made:
    return spoilt(
        box,
        _text(json.dumps({"format": 1, "name": "x", "gsd_m": 1})[:-1] + ', "clip": [0, 1' + "0" * 400 + "]}"),
    )


@refused(3, "JSON")
def model_of_deeply_nested_json(box: Box) -> Made:
    return spoilt(box, _text("[" * 200_000))


@refused(3, "JSON|format")
def model_whose_config_is_binary(box: Box) -> Made:
    return spoilt(box, lambda folder: (folder / "config.json").write_bytes(bytes(range(256))) and None)


@refused(3, "not a regular file|no config.json|cannot be read|is not a model folder")
def model_whose_config_is_dev_zero(box: Box) -> Made:
    def spoil(folder: Path) -> None:
        (folder / "config.json").unlink()
        (folder / "config.json").symlink_to("/dev/zero")

    return spoilt(box, spoil)


@refused(3, "pickle")
def model_that_is_a_pt_file(box: Box) -> Made:
    return ["mask", box.scene(), "-o", box.out / "m.tif", "--model", box.write("model.pt", PICKLE)]


@refused(3, "pickle|not a model folder")
def model_that_is_a_bin_file_in_a_folder(box: Box) -> Made:
    def spoil(folder: Path) -> None:
        (folder / "model.onnx").unlink()
        (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
        (folder / "pytorch_model.bin").write_bytes(PICKLE)

    return spoilt(box, spoil)


@refused(3, "onnxruntime cannot load it|pickle")
def model_whose_onnx_is_a_pickle(box: Box) -> Made:
    return spoilt(box, lambda folder: (folder / "model.onnx").write_bytes(PICKLE) and None)


def weights(content: bytes) -> Callable[[Path], None]:
    """Spoils the weights of a model that has no ONNX file: they are what is loaded."""

    def spoil(folder: Path) -> None:
        (folder / "model.onnx").unlink(missing_ok=True)
        (folder / "model.safetensors").write_bytes(content)

    return spoil


def tensors(header: object, body: int = 64, length: int | None = None) -> bytes:
    """A safetensors file of this header, whatever it says."""
    text = header.encode() if isinstance(header, str) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(body)


def _tensor(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


BROKEN = "safetensors|cut short|damaged|broken|does not fit"


@refused(3, "holds a Python pickle")
def safetensors_that_are_a_pickle(box: Box) -> Made:
    return spoilt(box, weights(PICKLE))


@refused(3, "holds a Python pickle")
def safetensors_that_are_a_zip_of_torch(box: Box) -> Made:
    return spoilt(box, weights(b"PK\x03\x04" + bytes(1000)))


@refused(3, BROKEN)
def safetensors_cut_short(box: Box) -> Made:
    whole = (box.sound.model / "model.safetensors").read_bytes()
    return spoilt(box, weights(whole[:-5]))


@refused(3, BROKEN)
def safetensors_of_no_bytes(box: Box) -> Made:
    return spoilt(box, weights(b""))


@refused(3, BROKEN)
def safetensors_with_a_header_of_2_to_the_63(box: Box) -> Made:
    return spoilt(box, weights(tensors({}, length=1 << 63)))


@refused(3, BROKEN)
def safetensors_with_a_header_longer_than_the_file(box: Box) -> Made:
    return spoilt(box, weights(tensors({}, length=90_000_000)))


@refused(3, BROKEN)
def safetensors_with_a_deep_header(box: Box) -> Made:
    return spoilt(box, weights(tensors('{"a":' * 100_000)))


def listed(box: Box, content: bytes) -> list[object]:
    """The command that shows a model folder with these weights."""
    return ["models", box.model(weights(content))]


@refused(3, BROKEN)
def safetensors_with_overlapping_tensors(box: Box) -> Made:
    header = {"a": _tensor(0, 64, [16]), "b": _tensor(32, 64, [8])}
    return spoilt(box, weights(tensors(header)))


@refused(3, BROKEN)
def safetensors_with_overlaps_in_models(box: Box) -> Made:
    header = {"a": _tensor(0, 64, [16]), "b": _tensor(32, 64, [8])}
    return listed(box, tensors(header))


@refused(3, BROKEN)
def safetensors_with_holes_in_models(box: Box) -> Made:
    return listed(box, tensors({"a": _tensor(0, 16, [4]), "b": _tensor(48, 64, [4])}))


@refused(3, BROKEN)
def safetensors_with_negative_offsets_in_models(box: Box) -> Made:
    return listed(box, tensors({"a": _tensor(-64, 64, [32])}))


@refused(3, BROKEN)
def safetensors_whose_shapes_do_not_fit_in_models(box: Box) -> Made:
    return listed(box, tensors({"a": _tensor(0, 64, [1 << 40, 1 << 40])}))


@refused(3, BROKEN)
def safetensors_of_text_for_numbers_in_models(box: Box) -> Made:
    return listed(box, tensors({"a": {"dtype": "F32", "shape": ["x"], "data_offsets": ["0", "64"]}}))


@refused(3, BROKEN)
def safetensors_of_an_unknown_type_in_models(box: Box) -> Made:
    return listed(box, tensors({"a": _tensor(0, 64, [16], "Q99")}))


@refused(3, BROKEN)
def safetensors_in_export(box: Box) -> Made:
    return ["export", box.model(weights(PICKLE)), "-o", box.out / "exported"]


@refused(3, f"{BROKEN}|no model.safetensors|pickle")
def pickle_to_start_training_from(box: Box) -> Made:
    folder = box.model(weights(PICKLE))
    return ["train", box.take("store"), "-o", box.out / "run", "--init", folder, "--max-steps", 1]


@refused(3, "not a patch store|pickle")
def training_on_a_pickle(box: Box) -> Made:
    return ["train", box.write("store.pt", PICKLE), "-o", box.out / "run", "--max-steps", 1]


@refused(4, "holds no run of catfast train")
def training_resumed_from_a_pickled_checkpoint(box: Box) -> Made:
    """A checkpoint where the state should be: nothing of it is read."""
    run = box.out / "run"
    run.mkdir()
    (run / "last.ckpt").write_bytes(PICKLE)
    (run / "state.safetensors").write_bytes(PICKLE)
    store = box.take("store")
    return ["train", store, "-o", run, "--resume", "--max-steps", 1, "--encoder", "mobilenet_v2"]


@accepted()
def models_of_a_sound_folder(box: Box) -> Made:
    return ["models", box.model()]
