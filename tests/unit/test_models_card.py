"""Cards, the list of models, and the STAC item, without torch."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from catfast.models import ModelConfig, Parity, bundled, bundled_names, model_card, resolve, sha256
from catfast.models.card import is_written_by_hand, scores, write_card
from catfast.models.folder import parameters
from catfast.models.stac import item_of
from tests.conftest import run_catfast

GOLDEN = Path(__file__).parents[1] / "golden"
SCHEMA = GOLDEN / "mlm_item.schema.json"
PROPERTIES = GOLDEN / "mlm_properties.schema.json"
CARD = """# x

## Scores

| chips | | IoU | recall |
| --- | --- | --- | --- |
| A (24) | held out | 0.829 | 0.9 |
|  | rule | 0.5 | 1 |

| image | model |
| --- | --- |
| sea | 3 % |
"""


@pytest.fixture
def folder(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy", reason='needs the extra "train"')
    ModelConfig(name="Best U-Net!", classes=("clear", "cloud", "snow")).save(tmp_path)
    weights = {"kernel": np.ones((2, 4, 3, 3), np.float16), "norm.running_mean": np.ones(2, np.float32)}
    numpy.save_file(weights, tmp_path / "model.safetensors")
    return tmp_path


def test_scores_are_read_from_the_table_of_a_card():
    found = [(score.data, score.who, score.figures) for score in scores(CARD)]
    assert found == [
        ("A (24)", "held out", {"IoU": 0.829, "recall": 0.9}),
        ("A (24)", "rule", {"IoU": 0.5, "recall": 1.0}),
    ]
    assert scores("# no table\n") == []


@pytest.mark.parametrize(
    ("rows", "figures"),
    [
        ("| a | 0.84 (0.80-0.88) | 0.9 |", {"F1": 0.9}),
        ("| a | - | nan |", {}),
        ("| a | 0.84 |", {"IoU": 0.84}),
        ("| a | 0.84 | 0.9 | 7 |", {"IoU": 0.84, "F1": 0.9}),
    ],
)
def test_cells_without_a_number_are_left_out(rows, figures):
    (found,) = scores(f"| data | IoU | F1 |\n|---|---|---|\n{rows}\n")
    assert (found.data, found.figures) == ("a", figures)


def test_a_card_of_other_shape_or_letters_is_shown_as_it_is(folder):
    (folder / "README.md").write_bytes("| IoU |\n|---|\n| 0.5 |\nAlbiñana\n".encode("latin-1"))
    assert [score.figures for score in model_card(folder).scores] == [{"IoU": 0.5}]
    run = run_catfast("models", folder)
    assert (run.code, "Albi" in run.out) == (0, True)


def test_running_statistics_are_no_parameters(folder):
    assert parameters(folder) == 72


def test_a_graph_that_holds_its_weights_is_what_the_digest_names(folder):
    weights = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    assert sha256(folder) == weights
    (folder / "model.onnx").write_bytes(b"graph ... model.safetensors ...")
    assert sha256(folder) == weights
    (folder / "model.onnx").write_bytes(b"graph and weights")
    assert sha256(folder) == hashlib.sha256(b"graph and weights").hexdigest()
    (folder / "model.safetensors").unlink()
    assert resolve(folder) == folder


def test_a_card_that_a_person_wrote_is_kept_in_an_export(folder, tmp_path):
    (folder / "README.md").write_text("# Mine\n\nTrained on my own chips.\n")
    out = tmp_path / "out"
    out.mkdir()
    for name in ("config.json", "model.safetensors"):
        (out / name).write_bytes((folder / name).read_bytes())
    parity = Parity(argmax_agreement=0.9991, largest_difference=0.012)
    text = write_card(out, run=folder, precision="int8", parity=parity, checked_on="5 patches").read_text()
    assert text.startswith("# Mine\n\nTrained on my own chips.\n\n## Export\n")
    assert "int8; same class as torch in 99.9100% of the pixels of 5 patches" in text
    assert is_written_by_hand(out / "README.md")


def test_an_export_of_an_export_still_says_that_images_were_simulated(folder, tmp_path):
    (folder / "train.toml").write_text("simulated = true\nseed = 7\n")
    parity = Parity(argmax_agreement=1.0, largest_difference=0.0)
    told, run = [], folder
    for name in ("first", "second", "third"):
        out = tmp_path / name
        out.mkdir()
        for file in ("config.json", "model.safetensors"):
            (out / file).write_bytes((folder / file).read_bytes())
        path = write_card(out, run=run, precision="stored", parity=parity, checked_on="5 patches")
        told.append(path.read_text())
        run = out
    assert "**Simulated images** are among the training data." in told[0]
    assert "seed = 7" in told[0]
    assert told[1:] == [told[0]] * 2


class TestList:
    def test_every_bundled_model_is_listed(self):
        run = run_catfast("models")
        assert run.code == 0, run.err
        for name in bundled_names():
            assert f"{name}: " in run.out
            assert sha256(bundled(name)) in run.out

    def test_json_says_the_same(self):
        for entry, name in zip(run_catfast("models", "--json").objects, bundled_names(), strict=True):
            config = ModelConfig.load(bundled(name))
            files = [path.stat().st_size for path in bundled(name).iterdir() if path.is_file()]
            assert (entry["name"], entry["bytes"], entry["gsd_m"]) == (name, sum(files), config.gsd_m)
            assert entry["classes"] == list(config.classes)
            assert entry["scores"]
            assert "card" not in entry

    def test_a_name_prints_its_card(self):
        assert run_catfast("models", "default").out.strip() == (bundled() / "README.md").read_text().strip()
        (entry,) = run_catfast("models", "default", "--json").objects
        assert entry["card"] == (bundled() / "README.md").read_text()

    def test_a_folder_without_a_card_says_so(self, folder):
        assert "has no card" in run_catfast("models", folder).out
        assert model_card(folder).scores == ()

    def test_an_unknown_name_is_one_sentence(self):
        run = run_catfast("models", "nonesuch")
        assert run.code == 3
        assert run.err.strip().splitlines() == [
            "catfast: no bundled model, and no folder, is called 'nonesuch'; "
            f"bundled: {', '.join(bundled_names())}"
        ]


class TestItem:
    @pytest.fixture(params=["bundled", "made"])
    def item(self, request, folder) -> dict:
        if request.param == "bundled":
            folder = bundled()
        else:
            (folder / "model.onnx").write_bytes(b"model.safetensors")
        return json.loads(json.dumps(item_of(folder, folder)))

    def test_it_fits_the_schema_of_the_extension(self, item):
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads(SCHEMA.read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.validate(item, schema, cls=jsonschema.Draft7Validator)
        for broken in ("mlm:name", "mlm:input", "bands"):
            properties = {key: value for key, value in item["properties"].items() if key != broken}
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate({**item, "properties": properties}, schema)

    def test_it_fits_the_schema_of_the_package_of_the_extensions_authors(self, item):
        jsonschema = pytest.importorskip("jsonschema")
        schema = json.loads(PROPERTIES.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        validator.validate(item["properties"])
        for change in (
            lambda found: found.pop("mlm:output"),
            lambda found: found["mlm:input"][0]["value_scaling"][0].update(type="zscore"),
            lambda found: found["mlm:input"][0]["input"].update(data_type="real"),
            lambda found: found.update({"mlm:tasks": ["masking"]}),
        ):
            broken = json.loads(json.dumps(item["properties"]))
            change(broken)
            assert not validator.is_valid(broken)

    def test_it_is_a_stac_item_for_pystac(self, item):
        pystac = pytest.importorskip("pystac")
        mlm = pytest.importorskip("pystac.extensions.mlm")
        read = pystac.Item.from_dict(item)
        assert read.to_dict(include_self_link=False)["properties"] == item["properties"]
        extended = mlm.MLMExtension.ext(read)
        assert extended.input[0].bands == ["blue", "green", "red", "nir"]
        assert extended.output[0].result.shape == [-1, 3, -1, -1]
        assert extended.total_parameters == item["properties"]["mlm:total_parameters"]

    def test_it_fits_the_core_schema_that_pystac_ships(self, item):
        pytest.importorskip("jsonschema")
        pystac = pytest.importorskip("pystac")
        validation = pytest.importorskip("pystac.validation.stac_validator")
        core = validation.JsonSchemaSTACValidator()
        core.validate_core(item, pystac.STACObjectType.ITEM, "1.1.0")
        with pytest.raises(pystac.STACValidationError):
            core.validate_core({**item, "id": 5}, pystac.STACObjectType.ITEM, "1.1.0")
