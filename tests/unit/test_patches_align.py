"""What patches do with ``--align`` beside calling the labeller: one estimate a pair, and its version kept."""

from __future__ import annotations

import json

import pytest

from catfast.errors import OutputError
from catfast.labels import ALIGN_VERSION
from catfast.patches import PatchesConfig
from catfast.patches.begin import begin
from catfast.patches.cutting import labellers_of
from catfast.patches.info import StoreInfo
from catfast.patches.opening import open_pair
from catfast.patches.scenes import PairFiles
from tests.align_files import write_pair


@pytest.mark.parametrize("options", [{"scheme": "binary"}, {"method": "majority"}, {"method": "fraction"}])
def test_both_labellers_of_a_pair_have_one_displacement(tmp_path, options):
    pair = write_pair(tmp_path, 210, -120)
    config = PatchesConfig(output=tmp_path / "s", align=True, **options)
    with open_pair(PairFiles(image=pair.scene, qa=pair.qa)) as opened:
        stored, full = labellers_of(opened, config)
    assert stored.displacement is full.displacement
    assert stored.displacement.accepted


def info_of(config):
    return StoreInfo(
        size=96, stride=96, gsd_m=3.0, scheme="full", method="nearest", simulated=True,
        options=config.options(), command="catfast patches",
    )  # fmt: skip


def test_a_store_says_how_it_was_aligned_and_no_other_way_goes_on_with_it(tmp_path):
    config = PatchesConfig(output=tmp_path / "s", align=True)
    begin(config.output, info_of(config), overwrite=False)
    begun = config.output / "parts" / "store.json"
    document = json.loads(begun.read_text())
    assert document["options"]["align_version"] == ALIGN_VERSION
    assert begin(config.output, info_of(config), overwrite=False) == (info_of(config), False)
    for older in ({"align_version": "0"}, {}):
        options = {name: value for name, value in document["options"].items() if name != "align_version"}
        begun.write_text(json.dumps(document | {"options": options | older}))
        with pytest.raises(OutputError, match="made with another align version: --overwrite"):
            begin(config.output, info_of(config), overwrite=False)
    assert "align_version" not in PatchesConfig(output=tmp_path / "s").options()
