"""The engine for clusters: Apache Sedona on Spark; the only importer of pyspark."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catfast.errors import InputError, MissingExtraError, UsageError
from catfast.pairs.config import PairsConfig
from catfast.pairs.sql import pairs_sql

if TYPE_CHECKING:
    import pyarrow as pa

JAR = "org.apache.sedona:sedona-spark-shaded-4.0_2.13:1.8.0"
"""Sedona's functions; they register themselves as an extension of Spark SQL."""
SETTINGS = {
    "spark.jars.packages": JAR,
    "spark.sql.extensions": "org.apache.sedona.sql.SedonaSqlExtensions",
    "spark.sql.session.timeZone": "UTC",
    "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
    "spark.kryo.registrator": "org.apache.sedona.core.serde.SedonaKryoRegistrator",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}

_MASTER = re.compile(r"spark://(\[?[^,\]]+?\]?):(\d+)")
_ANSWER_S = 5.0
_VIEW = """
SELECT *, unix_millis(acquired) AS t, ST_GeomFromWKB(geometry) AS g,
       bbox.xmin AS xmin, bbox.ymin AS ymin, bbox.xmax AS xmax, bbox.ymax AS ymax
FROM {table}
"""


def run(planet: Path, landsat: Path, config: PairsConfig) -> pa.Table:
    """Rows of the query, in any order.

    Raises:
        MissingExtraError: pyspark is not installed.
        UsageError: no Java, or Sedona's jar cannot be had.
        InputError: the master does not answer, or Spark cannot read a catalogue.
    """
    with session(config.master) as spark:
        try:
            for name, path in (("ps", planet), ("l8", landsat)):
                spark.read.parquet(path.absolute().as_uri()).createOrReplaceTempView(f"{name}_files")
                spark.sql(_VIEW.format(table=f"{name}_files")).createOrReplaceTempView(f"{name}_scenes")
            return _collect(spark.sql(pairs_sql(config)))
        except Exception as error:
            raise InputError(f"{planet}, {landsat}: Spark cannot pair them: {_first_line(error)}") from error


@contextlib.contextmanager
def session(master: str | None) -> Iterator[Any]:
    """A Spark session with Sedona: the active one where there is one, else one that ends with the block.

    Without a ``master`` it runs on all processors here.
    """
    master = master or "local[*]"
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingExtraError("the engine spark", "spark") from error
    active = SparkSession.getActiveSession()
    if active is not None:
        yield active
        return
    java = Path(os.environ["JAVA_HOME"], "bin", "java") if "JAVA_HOME" in os.environ else "java"
    if shutil.which(java) is None:
        raise UsageError(f"the engine spark needs Java 17, and there is no {java}")
    _check_master(master)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # what executors run Python functions with
    builder = SparkSession.builder.appName("catfast").master(master)
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    try:
        spark = builder.getOrCreate()
    except Exception as error:
        raise UsageError(
            f"Spark did not start on {master} with {JAR}, got from Maven Central once: {_first_line(error)}"
        ) from error
    try:
        yield spark
    finally:
        spark.stop()


def task_cores() -> int:
    """Processors that Spark counts on this task to take (``spark.task.cpus``); others run beside it.

    Raises:
        RuntimeError: not inside of a task.
    """
    from pyspark import TaskContext

    task = TaskContext.get()
    if task is None:
        raise RuntimeError("there is no task of Spark here")
    return int(task.cpus())


def _check_master(master: str) -> None:
    """Ask a standalone master for a connection: Spark itself tries for minutes."""
    match = _MASTER.match(master)
    if match is None:
        return
    try:
        socket.create_connection((match[1].strip("[]"), int(match[2])), _ANSWER_S).close()
    except OSError as error:
        raise InputError(f"{master}: the Spark master does not answer: {error.strerror or error}") from error


def _collect(frame: Any) -> pa.Table:
    """Rows as Arrow; the pairs are few, whatever the catalogues."""
    import pyarrow as pa

    rows = [row.asDict() for row in frame.collect()]
    return pa.Table.from_pylist(
        [row | {"geometry": bytes(row["geometry"])} for row in rows],
        schema=pa.schema([(name, _arrow_type(kind)) for name, kind in frame.dtypes]),
    )


def _arrow_type(kind: str) -> pa.DataType:
    import pyarrow as pa

    return pa.type_for_alias({"bigint": "int64", "int": "int32"}.get(kind, kind))


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
