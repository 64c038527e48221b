"""Executors of Spark write the same masks as this process, and tell of the scenes that fail."""

from __future__ import annotations

from catfast.mask import MaskConfig, find_scenes, mask_all, targets
from catfast.mask.spark import mask_on_spark
from tests.conftest import cloudy_dn, write_scene


def test_the_same_bytes_from_both_engines(spark, known_model, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    for seed in range(3):
        write_scene(folder / f"scene_{seed}.tif", cloudy_dn(seed=seed))
    (folder / "torn.tif").write_text("no tiff")
    sources, config = find_scenes([folder]), MaskConfig(model=str(known_model))
    made = {}
    for engine in ("local", "spark"):
        outputs = targets(sources, None, tmp_path / engine)
        run = mask_all if engine == "local" else mask_on_spark
        master = {} if engine == "local" else {"master": "local[2]"}
        outcomes = sorted(run(sources, outputs, config, **master), key=lambda one: one.scene)
        assert [outcome.code for outcome in outcomes] == [0, 0, 0, 3]
        assert "torn.tif" in outcomes[3].message
        made[engine] = {path.name: path.read_bytes() for path in (tmp_path / engine).glob("*_mask.tif")}
    assert len(made["local"]) == 3
    assert made["local"] == made["spark"]
