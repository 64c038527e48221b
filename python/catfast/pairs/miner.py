"""Two catalogues in, pairs out."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from catfast.catalog import MARK, build, check_output, whole_file
from catfast.errors import InputError, MissingExtraError, Notice
from catfast.pairs import sedonadb, spark
from catfast.pairs.config import PairsConfig, PairsResult
from catfast.pairs.finish import finish
from catfast.pairs.lists import write_lists
from catfast.pairs.plot import check_matplotlib, draw, read_footprints
from catfast.temporary import temporary_folder

if TYPE_CHECKING:
    import pyarrow as pa

RUNNERS = {"sedonadb": sedonadb.run, "spark": spark.run}


def mine(
    planet: str | Path, landsat: str | Path, output: str | Path, config: PairsConfig | None = None
) -> PairsResult:
    """Find all pairs of a PlanetScope and a Landsat scene within a time of each other over the same ground.

    Args:
        planet: catalogue of PlanetScope scenes: GeoParquet with ``scene_id, platform, acquired, geometry``.
        landsat: likewise of Landsat.
        output: the pairs, GeoParquet ordered by ``ps_acquired, ps_id, l8_id``; one there is replaced.
        config: options.

    Raises:
        MissingExtraError: the engine is not installed, or matplotlib for a plot.
        UsageError: Java or Sedona's jar cannot be had.
        InputError: a catalogue is absent, broken or empty, or the master does not answer.
        OutputError: something else is at an output, or the disk does not take it.
    """
    try:
        import pyarrow.parquet as pq
        import shapely  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("pairing scenes", "pairs") from error
    planet, landsat, output = Path(planet), Path(landsat), Path(output)
    config = config or PairsConfig()
    started = time.perf_counter()
    notices: list[Notice] = []
    _check_outputs((planet, landsat), output, config)
    with whole_file(output) as part:
        with (
            _checked(planet, "planet", output, notices) as ps,
            _checked(landsat, "landsat", output, notices) as l8,
        ):
            pairs = finish(RUNNERS[config.engine](ps, l8, config), config)
            _check_once(pairs, planet, landsat)
            if config.plot is not None:
                shapes = read_footprints(ps, pairs["ps_id"]), read_footprints(l8, pairs["l8_id"])
        pq.write_table(pairs, part, compression="zstd", row_group_size=65_536)
        if config.id_lists is not None:
            write_lists(pairs, config.id_lists)
        if config.plot is not None:
            draw(pairs, *shapes, config.plot, config)
    return PairsResult(
        output=output,
        pairs=pairs.num_rows,
        planet_scenes=len(pairs["ps_id"].unique()),
        landsat_scenes=len(pairs["l8_id"].unique()),
        over_local=_over_local(pairs, config),
        engine=config.engine,
        warnings=(*notices, *_notices(pairs, config)),
        seconds=time.perf_counter() - started,
    )


def _check_outputs(inputs: tuple[Path, Path], output: Path, config: PairsConfig) -> None:
    check_output(output, "pairs", inputs, overwrite=config.overwrite)
    if config.plot is not None:
        check_matplotlib()
        check_output(config.plot, "plot", (*inputs, output), overwrite=config.overwrite)


@contextlib.contextmanager
def _checked(path: Path, kind: str, output: Path, notices: list[Notice]) -> Iterator[Path]:
    """The catalogue as catfast writes it; one from elsewhere is made into one, with notices."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise InputError(f"{path}: expected a catalogue of scenes, found no such file")
    try:
        with pq.ParquetFile(path) as file:
            mark = (file.schema_arrow.metadata or {}).get(MARK, b"").decode()
            rows = file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: expected a parquet file: {str(error).splitlines()[0]}") from error
    if not rows:
        raise InputError(f"{path}: expected scenes, found an empty catalogue")
    if mark and mark != kind:
        raise InputError(f"{path}: expected a catalogue of {kind} scenes, found one of {mark}")
    if mark:
        yield path
        return
    with temporary_folder(output, f".{kind}") as folder:
        adopted = folder / f"{kind}.parquet"
        made = build(kind, [path], adopted)
        notices += [Notice(notice.name, f"{path}: {notice.message}") for notice in made.warnings]
        yield adopted


def _check_once(pairs: pa.Table, planet: Path, landsat: Path) -> None:
    """Catalogues by catfast name a scene once, unless somebody changed them."""
    if len(pairs["pair_id"].unique()) < pairs.num_rows:
        raise InputError(
            f"{planet} or {landsat}: expected every scene once, found one twice: make it anew with "
            "'catfast catalog'"
        )


def _over_local(pairs: pa.Table, config: PairsConfig) -> int:
    local = pairs["dt_local_s"].to_pylist()
    return sum(value is not None and abs(value) > config.max_dt_s for value in local)


def _notices(pairs: pa.Table, config: PairsConfig) -> Iterator[Notice]:
    if not pairs.num_rows:
        yield Notice("no_pairs", "no two scenes were taken at the same time over the same ground")
    unknown = pairs["dt_local_s"].null_count
    if unknown:
        measure = ": their scene centre counts" if config.time_reference == "local" else ""
        yield Notice("no_path_row", f"{unknown} pairs have no WRS-2 path and row, so no dt_local_s{measure}")
