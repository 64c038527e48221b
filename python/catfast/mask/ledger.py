"""What a run over many scenes leaves beside its masks: a ledger of every scene, and a table over time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catfast.classes import CLASS_CODES
from catfast.errors import Notice
from catfast.mask.batch import Outcome
from catfast.planet import acquired, scene_id
from catfast.raster import atomic_path

LEDGER_NAME = "catfast_ledger.jsonl"
"""One object a scene, as ``--json`` prints it; of the last run."""
TABLE_NAME = "catfast_series.csv"
"""One row a scene with a mask, in the order of acquisition; the same as ``.parquet``, where pyarrow is."""


def write_ledger(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write :data:`LEDGER_NAME`, scenes in the order of their paths.

    Raises:
        OutputError: the disk did not take it.
    """
    lines = [json.dumps(outcome.as_dict()) for outcome in sorted(outcomes, key=lambda one: one.scene)]
    with atomic_path(folder / LEDGER_NAME) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_series(folder: Path, outcomes: Sequence[Outcome]) -> tuple[Notice, ...]:
    """Write :data:`TABLE_NAME` as CSV and Parquet: acquired, percentages of each class, warnings.

    Returns a notice where the Parquet is left out for want of pyarrow.

    Raises:
        OutputError: the disk did not take it.
    """
    rows = [row for row in map(_row, outcomes) if row]
    rows.sort(key=lambda row: (row["acquired"] or "", row["scene_id"], row["input"]))
    names = ["scene_id", "acquired", "valid_percent", *CLASS_CODES, "warnings", "input", "mask"]
    text = io.StringIO()
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    with atomic_path(folder / TABLE_NAME) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    return _write_parquet((folder / TABLE_NAME).with_suffix(".parquet"), rows, names)


def _write_parquet(path: Path, rows: list[dict[str, Any]], names: list[str]) -> tuple[Notice, ...]:
    try:
        import pyarrow as pa
        from pyarrow import compute, parquet
    except ImportError:
        return (Notice("no_parquet", f'{path.name} needs pyarrow: pip install "catfast[pairs]"'),)
    numbers = {"valid_percent", *CLASS_CODES}
    table = pa.Table.from_pylist(
        rows, pa.schema([(name, pa.float64() if name in numbers else pa.string()) for name in names])
    )
    times = compute.cast(table["acquired"], pa.timestamp("ms", tz="UTC"))
    with atomic_path(path) as temporary:
        parquet.write_table(table.set_column(1, "acquired", times), temporary)
    return ()


def _row(outcome: Outcome) -> dict[str, Any]:
    result = outcome.result
    if result is None:
        return {}
    taken = acquired(outcome.scene)
    return {
        "scene_id": scene_id(outcome.scene),
        "acquired": taken.isoformat(timespec="milliseconds").replace("+00:00", "Z") if taken else None,
        "valid_percent": result.valid_percent,
        **{name: result.classes.get(name) for name in CLASS_CODES},
        "warnings": " ".join(notice.name for notice in result.warnings),
        "input": str(outcome.scene),
        "mask": str(outcome.output),
    }
