"""Sedona on Spark gives what sedonadb gives: in this process, and on a cluster that loses a worker."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import shapely

from catfast.catalog import build
from catfast.errors import InputError, UsageError
from catfast.pairs import PairsConfig, mine
from catfast.wrs2 import footprints
from tests.conftest import run_catfast
from tests.scenes import T0_MS, TO_PLANE, square, write_catalogue

NUMBERS = ("dt_s", "dt_local_s", "overlap", "overlap_km2")


@pytest.fixture(scope="module")
def catalogues(tmp_path_factory) -> tuple[Path, Path]:
    """Random scenes, many of them in a pair, some over the pole and the antimeridian."""
    folder, rng = tmp_path_factory.mktemp("catalogues"), np.random.default_rng(5)
    path, row = rng.integers(1, 234, 60), rng.integers(1, 22, 60)
    rings = np.stack(TO_PLANE.transform(*footprints(path, row)), axis=-1)
    scenes, centres = [shapely.Polygon(ring) for ring in rings], T0_MS + rng.integers(0, 200_000, 60)
    near = rng.integers(0, 60, 400)
    middle = [scenes[index].centroid for index in near]
    planet = [
        shapely.affinity.translate(square(0, 90, 12_000, turn), point.x + dx, point.y + dy)
        for point, dx, dy, turn in zip(
            middle, *rng.uniform(-9e4, 9e4, (2, 400)), rng.uniform(0, 1.5, 400), strict=True
        )
    ]
    write_catalogue(folder / "p.parquet", planet, centres[near] + rng.integers(-45_000, 45_000, 400))
    ids = [f"LC08_{p:03d}{r:03d}_20230629" for p, r in zip(path, row, strict=True)]
    write_catalogue(folder / "l.parquet", scenes, centres, ids=ids, platform="landsat-8")
    for kind in ("planet", "landsat"):
        build(kind, [folder / f"{kind[0]}.parquet"], folder / f"{kind}.parquet")
    return folder / "planet.parquet", folder / "landsat.parquet"


def assert_same(ours: Path, theirs: Path) -> None:
    first, second = pq.read_table(ours), pq.read_table(theirs)
    assert first.num_rows > 100
    assert first.schema.equals(second.schema)
    exact = [name for name in first.column_names if name not in (*NUMBERS, "geometry")]
    assert first.select(exact).equals(second.select(exact))
    for name in NUMBERS:
        np.testing.assert_allclose(second[name].to_numpy(), first[name].to_numpy(), rtol=1e-9, atol=1e-9)
    shapes = [shapely.from_wkb(table["geometry"].to_pylist()) for table in (first, second)]
    assert shapely.hausdorff_distance(*shapes).max() < 1e-6


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"time_reference": "local", "max_dt_s": 20.0},
        {"within": True, "max_cloud": 50, "latitude": (60.0, 81.0)},
    ],
)
def test_the_same_rows_from_both_engines(spark, catalogues, tmp_path, options):
    mine(*catalogues, tmp_path / "a.parquet", PairsConfig(**options))
    result = mine(*catalogues, tmp_path / "b.parquet", PairsConfig(engine="spark", **options))
    assert result.engine == "spark"
    assert_same(tmp_path / "a.parquet", tmp_path / "b.parquet")


def test_partitions_do_not_show(spark, catalogues, tmp_path):
    mine(*catalogues, tmp_path / "a.parquet")
    spark.conf.set("spark.sql.shuffle.partitions", 7)
    spark.conf.set("spark.sql.autoBroadcastJoinThreshold", -1)
    spark.conf.set("spark.sql.files.maxPartitionBytes", 20_000)
    try:
        mine(*catalogues, tmp_path / "b.parquet", PairsConfig(engine="spark"))
    finally:
        for name in (
            "sql.shuffle.partitions",
            "sql.autoBroadcastJoinThreshold",
            "sql.files.maxPartitionBytes",
        ):
            spark.conf.unset(f"spark.{name}")
    assert_same(tmp_path / "a.parquet", tmp_path / "b.parquet")


def test_a_master_that_does_not_answer(catalogues, tmp_path):
    pytest.importorskip("pyspark")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        master = f"spark://127.0.0.1:{free.getsockname()[1]}"
    done = run_catfast(
        "pairs", *catalogues, "-o", tmp_path / "x.parquet", "--engine", "spark", "--master", master
    )
    assert done.code in (2, 3)
    assert (done.code, done.err.count("\n")) == (3, 1) or "Java" in done.err
    assert not (tmp_path / "x.parquet").exists()


def test_no_java_is_one_sentence(catalogues, tmp_path):
    pytest.importorskip("pyspark")
    done = run_catfast(
        "pairs",
        *catalogues,
        "-o",
        tmp_path / "x.parquet",
        "--engine",
        "spark",
        PATH="",
        JAVA_HOME=str(tmp_path),
    )
    assert (done.code, done.err.count("\n")) == (UsageError.exit_code, 1)
    assert "needs Java 17" in done.err


@pytest.fixture
def cluster(spark, tmp_path):
    """A standalone master and two workers on loopback, ended by this fixture."""
    import pyspark

    command = Path(pyspark.__file__).parent / "bin" / "spark-class"
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(tmp_path)}
    running = []

    def start(kind: str, *arguments: str) -> tuple[subprocess.Popen, Path]:
        log = tmp_path / f"{kind}{len(running)}.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                [
                    str(command),
                    f"org.apache.spark.deploy.{kind}",
                    "--host",
                    "127.0.0.1",
                    "--webui-port",
                    "0",
                    *arguments,
                ],
                stderr=file,
                stdout=file,
                env=environment,
                start_new_session=True,
            )
        running.append(process)
        return process, log

    try:
        _, log = start("master.Master", "--port", "0")
        master = _said(log, r"Starting Spark master at (spark://\S+)")
        workers = [start("worker.Worker", "--cores", "1", "--memory", "1g", master) for _ in range(2)]
        for _, log in workers:
            _said(log, r"(Successfully registered with master)")
        yield master, *workers[0]
    finally:
        for process in reversed(running):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in reversed(running):
            process.wait(120)


def _said(log: Path, pattern: str, seconds: float = 300) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if match := re.search(pattern, log.read_text()):
            return match[1]
        time.sleep(0.2)
    raise AssertionError(f"{log.name} never said {pattern}: {log.read_text()[-500:]}")


def test_a_cluster_that_loses_a_worker(cluster, catalogues, tmp_path):
    master, worker, log = cluster
    mine(*catalogues, tmp_path / "a.parquet")
    arguments = ("pairs", *catalogues, "-o", tmp_path / "b.parquet", "--engine", "spark", "--master", master)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run_catfast, *arguments, SPARK_LOCAL_IP="127.0.0.1")
        _said(log, r"(Asked to launch executor)")
        time.sleep(4)
        os.killpg(worker.pid, signal.SIGKILL)  # it leads a group of its own: the worker and its executor
        done = running.result()
    assert done.code == 0, done.err[-2000:]
    assert_same(tmp_path / "a.parquet", tmp_path / "b.parquet")


def test_a_broken_catalogue_is_refused_before_spark(tmp_path, catalogues):
    (tmp_path / "torn.parquet").write_bytes(catalogues[0].read_bytes()[:1000])
    with pytest.raises(InputError):
        mine(tmp_path / "torn.parquet", catalogues[1], tmp_path / "x.parquet", PairsConfig(engine="spark"))
