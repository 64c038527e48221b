"""From Python, every path may be a text: from a simulated world to its patches."""

from __future__ import annotations

import json
from pathlib import Path

import catfast
from catfast.catalog import CatalogConfig, build
from catfast.pairs import PairsConfig, mine
from tests.scenes import planet_item, square, to_degrees


def test_from_world_to_patches(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catfast.simulate_world("world", catfast.WorldConfig(pairs=1, size_px=256, seed=3))
    for kind in ("planet", "landsat"):
        build(kind, ["world"], f"{kind}.parquet", CatalogConfig(rejects="rejects.jsonl", overwrite=True))
    assert mine("planet.parquet", "landsat.parquet", "pairs.parquet", PairsConfig(id_lists="ids")).pairs
    scene = next(path for path in tmp_path.glob("world/PSScene/**/*.tif") if "udm2" not in path.name)
    qa = next(tmp_path.glob("world/landsat/**/*_QA_PIXEL.TIF"))
    config = catfast.LabelConfig(align=True, landsat_bands=str(qa.parent))
    catfast.transfer_labels(str(qa), str(scene), "label.tif", config)
    config = catfast.PatchesConfig(output="store", scenes=("world",), size=64, min_valid=0.1)
    assert len(catfast.cut_patches("pairs.parquet", config))


def test_one_path_where_there_may_be_many(tmp_path):
    item = planet_item("20230714_144824_59_2414", "2023-07-14T14:48:24Z", to_degrees(square(-50, 67)))
    source = tmp_path / "x.json"
    source.write_text(json.dumps(item))
    for one in (source, str(source)):
        assert build("planet", one, tmp_path / "x.parquet").scenes == 1
    assert catfast.PatchesConfig(output="store", scenes="world").scenes == (Path("world"),)
    assert catfast.PatchesConfig(output="store", scenes=Path("world")).scenes == (Path("world"),)
    assert catfast.EvaluateConfig(against=str(tmp_path)).against == (tmp_path,)
