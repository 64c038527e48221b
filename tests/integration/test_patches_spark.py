"""Executors of Spark cut the same store as this process: index equal, files equal."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from catfast.pairs import task_cores
from catfast.patches import PatchesConfig, make_store
from tests.patch_reference import tree


@pytest.mark.parametrize("kind", ["geotiff", "safetensors"])
def test_the_same_store_from_both_engines(spark, paired_world, tmp_path, kind):
    for engine in ("local", "spark"):
        config = PatchesConfig(output=tmp_path / engine, engine=engine, size=128, format=kind)
        result = make_store(paired_world / "pairs.parquet", config)
        assert (result.status, result.pairs, result.failures) == ("done", 4, ())
    assert tree(tmp_path / "local") == tree(tmp_path / "spark")


def test_a_pair_that_fails_on_an_executor_is_listed(spark, paired_world, tmp_path):
    torn = tmp_path / "l8" / "LC08_L1TP_001001_20230601_20230611_02_T1_QA_PIXEL.TIF"
    torn.parent.mkdir()
    torn.write_bytes(b"II*\0 and no more")
    pairs = pq.read_table(paired_world / "pairs.parquet")
    name = pairs.schema.get_field_index
    l8 = [torn.name.removesuffix("_QA_PIXEL.TIF"), *pairs["l8_id"].to_pylist()[1:]]
    broken = pairs.set_column(name("l8_id"), pairs.schema.field("l8_id"), [l8])
    pq.write_table(broken, tmp_path / "pairs.parquet")
    config = PatchesConfig(output=tmp_path / "s", scenes=(torn.parent,), size=128, engine="spark")
    result = make_store(tmp_path / "pairs.parquet", config)
    (failure,) = result.failures
    assert (result.pairs, failure.pair_id) == (3, pairs["pair_id"][0].as_py())
    assert str(torn) in failure.message


def test_a_task_takes_the_processors_that_spark_gives_it(spark):
    """Others run on the rest of the machine, each on its own."""
    counted = spark.sparkContext.parallelize(range(3), 3).map(lambda _: task_cores()).collect()
    assert counted == [int(spark.conf.get("spark.task.cpus", "1"))] * 3
    with pytest.raises(RuntimeError, match="no task of Spark"):
        task_cores()
