"""Code blocks of README and docs, and a folder in which the names that they use exist."""

from __future__ import annotations

import csv
import gzip
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import shapely
from markdown_it import MarkdownIt

from tests.interruptions.cases import scenes
from tests.scenes import to_degrees

ROOT = Path(__file__).parents[1]

DOCUMENTS = ["README.md", "SECURITY.md", "CONTRIBUTING.md"]
DOCUMENTS += sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))

PROGRAMS = ("catfast", "rio", "eval", "pip", "make", "head", "torchrun")
"""A block whose first word is one of these is for the shell."""

NOT_RUN = {
    "pip install": "the tests do not change the environment that they run in",
    "make demo": "it sets up .venv: .ci/run and the README's second command do that",
    "make test": "it would run these tests again",
    "catfast catalog landsat URL": "it names no server: test_catalog_stac.py runs it on a real one",
    "catfast mask orders --out-dir masks --device cuda": "it needs a GPU",
    "catfast train packed -o run --devices 2": "it needs two GPUs",
    "catfast patches pairs.parquet --scenes /data/scenes": "a cluster: test_patches_spark.py runs one",
    "catfast mask /data/orders": "a cluster: test_mask_spark.py runs one",
}
"""Beginnings of commands that the tests do not run, and why."""

PLAIN = {
    "catalog -> pairs -> labels": "a picture of the order of the stages",
}
"""Beginnings of blocks that are no code."""

SHORTER = {
    r"catfast patches .*--preset cat": "--size 64 --stride 64",
    r"catfast patches (?!.*--preset)": "--size 64 --stride 64",
    r"catfast train .*resnet34": "--max-steps 1 --batch-size 2 --device cpu",
    r"catfast train .*segformer": "--max-steps 1 --batch-size 2 --device cpu",
    r"catfast simulate world": "--size 256 --overwrite",
}
"""Options that make a command end soon, by a pattern of the command."""


RIO = "from catfast.cli.rio import group"
"""The plug-in, where catfast was installed before it had one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A code block."""

    document: str
    """Where it is."""
    line: int
    """First line, from 1."""
    language: str
    """What the fence says; "" without one."""
    text: str
    """What is in it."""

    @property
    def kind(self) -> str:
        """python, shell, directive (of Sphinx) or plain."""
        if self.language == "python":
            return "python"
        if self.language.startswith("{"):
            return "directive"
        words = self.text.split(None, 1)
        return "shell" if words and words[0] in PROGRAMS else "plain"

    def commands(self) -> list[str]:
        """Commands of a block for the shell, long lines joined, comments dropped."""
        joined = self.text.replace("\\\n", " ")
        return [
            line for raw in joined.splitlines() if (line := re.sub(r"\s+# .*|\s{4,}#.*", "", raw).strip())
        ]


def blocks(document: str) -> Iterator[Block]:
    """The code blocks of a document, fenced or indented."""
    for token in MarkdownIt("commonmark").enable("table").parse((ROOT / document).read_text("utf-8")):
        if token.type in ("fence", "code_block"):
            line = (token.map or [0])[0] + 1
            yield Block(document=document, line=line, language=token.info.strip(), text=token.content)


def script(block: Block) -> str:
    """The commands of a block, those that run, made shorter."""
    lines = ["set -euo pipefail"]
    for command in block.commands():
        if not command.startswith(tuple(NOT_RUN)):
            more = [extra for pattern, extra in SHORTER.items() if re.match(pattern, command)]
            lines.append(" ".join([command, *more[:1]]))
    return "\n".join(lines)


def prepare(folder: Path, world: Path) -> None:
    """Give the names that README and docs use to simulated files.

    Args:
        folder: made and filled.
        world: what :func:`tests.interruptions.cases.make_world` made.
    """
    shutil.copytree(world / "world", folder / "world")
    for name, source in (("orders", "PSScene"), ("planet", "PSScene"), ("landsat", "landsat")):
        shutil.copytree(world / "world" / source, folder / name)
    pair = next(p for p in pq.read_table(world / "pairs.parquet").to_pylist() if "2497" in p["ps_id"])
    scene = next(path for path in scenes(world) if path.name.startswith(pair["ps_id"]))
    for name in ("scene.tif", "20230601_101112_12_2401_3B_AnalyticMS_SR.tif"):
        shutil.copy(scene, folder / name)
    shutil.copy(scene.with_name(f"{pair['ps_id']}_3B_udm2.tif"), folder / "scene_udm2.tif")
    qa = next((world / "world" / "landsat").rglob(f"{pair['l8_id']}_QA_PIXEL.TIF"))
    shutil.copy(qa, folder / "LC08_L1TP_..._QA_PIXEL.TIF")
    features = [json.loads(path.read_text()) for path in sorted((folder / "planet").glob("*_metadata.json"))]
    (folder / "search.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    (folder / "lake.geojson").write_text(json.dumps(features[0]["geometry"]))
    _bulk_metadata(world / "landsat.parquet", folder / "LANDSAT_OT_C2_L2.csv.gz")
    for name in ("planet.parquet", "landsat.parquet", "pairs.parquet"):
        shutil.copy(world / name, folder / name)


def _bulk_metadata(catalogue: Path, target: Path) -> None:
    """The list of scenes as USGS delivers it."""
    with gzip.open(target, "wt", newline="") as file:
        writer = None
        for scene in pq.read_table(catalogue).to_pylist():
            entry = _bulk_row(scene)
            if writer is None:
                writer = csv.DictWriter(file, entry)
                writer.writeheader()
            writer.writerow(entry)


def _bulk_row(scene: dict) -> dict[str, object]:
    places = to_degrees(shapely.from_wkb(scene["geometry"])).exterior.coords[:4]
    ends = {"Start": -timedelta(seconds=12), "Stop": timedelta(seconds=12)}
    names = ("Upper Left", "Upper Right", "Lower Right", "Lower Left")
    corners = dict(zip(names, places, strict=True))
    return {
        "Landsat Product Identifier L2": scene["scene_id"],
        "Landsat Product Identifier L1": scene["scene_id"],
        "WRS Path": scene["wrs_path"],
        "WRS Row": scene["wrs_row"],
        "Date Acquired": f"{scene['acquired']:%Y/%m/%d}",
        **{f"{end} Time": f"{scene['acquired'] + ahead:%Y:%j:%H:%M:%S.%f}" for end, ahead in ends.items()},
        "Satellite": scene["platform"][-1],
        **{f"Corner {corner} Longitude": place[0] for corner, place in corners.items()},
        **{f"Corner {corner} Latitude": place[1] for corner, place in corners.items()},
    }


def programs(folder: Path) -> dict[str, str]:
    """An environment in which ``catfast`` and ``rio`` are those of this Python."""
    folder.mkdir()
    for name, code in (
        ("catfast", "from catfast.cli import main"),
        (
            "rio",
            f"{RIO}\nfrom rasterio.rio.main import main_group as main\nmain.add_command(group, 'catfast')",
        ),
    ):
        path = folder / name
        path.write_text(f"#!{sys.executable}\n{code}\nif __name__ == '__main__':\n    main()\n")
        path.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
