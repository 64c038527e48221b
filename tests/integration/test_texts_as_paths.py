"""From Python, every path may be a text: from a simulated world to its patches."""

from __future__ import annotations

import catfast
from catfast.catalog import CatalogConfig, build
from catfast.pairs import PairsConfig, mine


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
