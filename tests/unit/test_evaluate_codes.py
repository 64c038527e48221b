"""Tables of mask codes, UDM2 and facts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catfast.errors import InputError, UsageError
from catfast.evaluate.codes import CODE_TABLES, code_table, fraction_table
from catfast.evaluate.config import EvaluateConfig
from catfast.evaluate.contenders import contenders_of
from catfast.evaluate.strata import Facts, read_facts, strata_of
from catfast.evaluate.tally import Tally
from tests.conftest import write_scene

HERE = Path("mask.tif")


def translated(text: str, values: list[int], thin: str = "cloud") -> list[int]:
    return code_table(text, thin).translate(np.array(values, np.uint8), HERE).tolist()


class TestTables:
    def test_l8_biome(self):
        assert translated("l8biome", [0, 64, 128, 192, 255]) == [255, 2, 0, 5, 1]

    def test_thin_cloud_is_what_the_user_says(self):
        assert translated("l8biome", [192], "clear") == [0]
        assert translated("cloudsen12", [0, 1, 2, 3], "ignore") == [0, 1, 255, 2]

    def test_a_table_of_ones_own(self):
        table = code_table("7=clear,8=thick,9=thin,10=shadow,11=snow,12=ignore")
        assert table.translate(np.arange(7, 13).astype(np.int32), HERE).tolist() == [0, 1, 5, 2, 3, 255]
        assert table.classes == ("clear", "cloud", "shadow", "snow")

    def test_a_value_that_is_in_no_table_is_named_with_its_file(self):
        with pytest.raises(InputError, match=r"mask.tif: mask value 3 .*'on-cloud-n'"):
            translated("on-cloud-n", [0, 1, 3])

    def test_masks_of_other_numbers_are_refused(self):
        with pytest.raises(InputError, match="whole numbers, found float32"):
            code_table("catfast").translate(np.zeros(2, np.float32), HERE)
        with pytest.raises(InputError, match="0 to 65535, found -1"):
            code_table("catfast").translate(np.array([-1], np.int16), HERE)

    @pytest.mark.parametrize(
        "text", ["", "5", "1=fog", "x=cloud", "70000=cloud", "1=cloud", "0=clear,2=shadow"]
    )
    def test_what_is_no_table(self, text):
        with pytest.raises(UsageError, match="--codes"):
            code_table(text)

    def test_every_known_table_has_clear_and_cloud(self):
        assert all({"clear", "cloud"} <= set(code_table(name).classes) for name in CODE_TABLES)

    def test_fractions_are_cloud_from_a_half_on(self):
        values = np.array([0, 99, 100, 200, 255], np.uint8)
        assert fraction_table().translate(values, HERE).tolist() == [0, 0, 1, 1, 255]


class TestStrata:
    def test_parts_by_value(self):
        facts = Facts(sun_elevation=10.0, latitude=59.99, dt_s=-12.0)
        parts = strata_of(facts, Tally().confusion, ("clear", "cloud"))
        assert parts == ("unknown", "10 to 20 degrees", "under 60 degrees", "10 to 20 s", "unknown")
        assert strata_of(Facts(dt_s=1e3), Tally().confusion, ())[3] == "30 s and more"

    @pytest.mark.parametrize(
        ("snow", "water", "name"), [(60, 0, "snow/ice"), (0, 60, "water"), (30, 30, "other")]
    )
    def test_surface_is_that_of_half_the_ground(self, snow, water, name):
        tally = Tally()
        tally.confusion[[0, 1, 3, 4], 0] = [100 - snow - water, 500, snow, water]
        assert strata_of(Facts(), tally.confusion, ("clear", "cloud", "snow", "water"))[0] == name

    def test_facts_are_read(self, tmp_path):
        path = tmp_path / "facts.csv"
        path.write_text("name,scene,latitude,other,seen\na,s1,70.5,x,yes\nb,,,,\n")
        assert read_facts(path) == {"a": Facts(scene="s1", latitude=70.5, seen="yes"), "b": Facts()}

    @pytest.mark.parametrize("text", ["id\na\n", "name,dt_s\na,soon\n", ""])
    def test_what_are_no_facts(self, tmp_path, text):
        path = tmp_path / "facts.csv"
        path.write_text(text)
        with pytest.raises(InputError, match=r"facts.csv: expected a (column name|number)"):
            read_facts(path)


@pytest.mark.parametrize(
    "options",
    [
        {"models": ()},
        {"thin": "fog"},
        {"gsd_m": 0.0},
        {"gsd_m": float("nan")},
        {"resamples": -1},
        {"worst": -1},
        {"classes": ("clear", "fog")},
        {"classes": ("clear", "shadow")},
    ],
)
def test_options_outside_their_range_are_refused(options):
    with pytest.raises(UsageError):
        EvaluateConfig(**options)


def test_options_may_be_texts_or_paths():
    texts = EvaluateConfig(models=(Path("run"),), against=("udm2",), scenes="s", facts="f.csv")  # type: ignore[arg-type]
    paths = EvaluateConfig(models=("run",), against=(Path("udm2"),), scenes=Path("s"), facts=Path("f.csv"))
    assert texts == paths


@pytest.mark.parametrize("name", ["a_mask.tif", "A.TIF", "a.tiff"])
def test_masks_are_found_by_any_ending_of_a_geotiff(tmp_path, name):
    write_scene(tmp_path / name, np.zeros((1, 40, 40), np.uint8))
    (found,) = contenders_of(EvaluateConfig(models=(), against=(tmp_path,)))
    assert (found.kind, found.name) == ("masks", tmp_path.name)
