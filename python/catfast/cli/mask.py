"""``catfast mask``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catfast.cli.progress import scene_bars
from catfast.errors import UsageError, one_line

if TYPE_CHECKING:
    from catfast.errors import Notice
    from catfast.mask import MaskResult, Outcome

PATH = click.Path(path_type=Path)

_STATES = ("done", "skipped", "failed")


@click.command("mask", context_settings={"show_default": True})
@click.argument("scenes", nargs=-1, required=True, type=PATH, metavar="SCENE...")
@click.option(
    "-o", "--output", type=PATH, help="The mask, for one scene.  [default: <stem>_mask.tif beside it]"
)
@click.option("--out-dir", type=PATH, help="Folder for <stem>_mask.tif of each scene; made if absent.")
@click.option("--model", default="default", metavar="NAME|DIR", help="A bundled model, or a model folder.")
@click.option("--confidence", is_flag=True, help="Also write <stem>_confidence.tif, per cent a class.")
@click.option(
    "--threshold", type=float, metavar="P", help="Cloud from this probability on.  [default: likeliest class]"
)
@click.option(
    "--preset",
    type=click.Choice(["conservative", "balanced", "liberal"]),
    default="balanced",
    help="conservative: cloud from 0.3 on, keeps only what is surely clear; liberal: from 0.7 on.",
)
@click.option(
    "--buffer", "buffer_m", type=float, default=0.0, metavar="M", help="Grow clouds and shadows, metres."
)
@click.option(
    "--min-area",
    "min_area_m2",
    type=float,
    default=0.0,
    metavar="M2",
    help="Drop clouds and shadows below this.",
)
@click.option("--aoi", type=PATH, metavar="GEOJSON", help="Percentages count what lies in these polygons.")
@click.option(
    "--format",
    type=click.Choice(["mask", "udm2"]),
    default="mask",
    help="udm2: the eight bands of Planet's usable data mask.",
)
@click.option(
    "--classes", type=click.Choice(["full", "binary"]), default="full", help="binary: cloud or clear only."
)
@click.option(
    "--gsd", "gsd_m", type=float, metavar="M", help="Metres a pixel to work at.  [default: the model's]"
)
@click.option(
    "--reflectance-scale", type=float, metavar="S", help="Reflectance a count.  [default: from the product]"
)
@click.option(
    "--batch-size", type=int, default=4, metavar="N", help="Tiles a network call; never changes the mask."
)
@click.option(
    "--threads", type=int, metavar="N", help="Processor threads; never changes the mask.  [default: all]"
)
@click.option(
    "--edges",
    type=click.Choice(["guided", "plain"]),
    default="guided",
    help="guided: edges follow the image where the network works on coarser pixels; plain: bilinear.",
)
@click.option(
    "--runtime",
    type=click.Choice(["default", "auto", "onnxruntime", "openvino", "openvino-bf16", "torch", "torch-bf16"]),
    default="default",
    help="default: onnxruntime, torch on a GPU; auto: the fastest installed that gives the same classes.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "mps"]), default="auto", help="Where to compute."
)
@click.option(
    "--max-pixels",
    type=int,
    metavar="N",
    help="Refuse scenes of more samples, width x height x bands.  [default: 1e10]",
)
@click.option(
    "--verify",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Compare checksums inside the file; always: refuse a scene that carries none.",
)
@click.option(
    "--quicklook",
    type=PATH,
    metavar="PNG|DIR",
    help="Picture of image and mask; of several scenes <stem>_mask.png in a folder.",
)
@click.option("--qml", is_flag=True, help="Also write <stem>_mask.qml, a QGIS style.")
@click.option("--stac", is_flag=True, help="Also write <stem>_mask.json, a STAC item.")
@click.option("--overwrite", is_flag=True, help="Replace masks made from something else.")
@click.option("--workers", type=int, default=1, metavar="N", help="Processes; never changes a mask.")
@click.option(
    "--engine",
    type=click.Choice(["local", "spark"]),
    default="local",
    help="spark: on a cluster's executors.",
)
@click.option("--master", metavar="URL", help="Spark's master, for --engine spark.  [default: local[*]]")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a scene on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but warnings and errors.")
def command(
    scenes: tuple[Path, ...],
    output: Path | None,
    out_dir: Path | None,
    workers: int,
    engine: str,
    master: str | None,
    as_json: bool,
    quiet: bool,
    **options: Any,
) -> int:
    """Mask clouds and their shadows in scenes.

    SCENE is a PlanetScope GeoTIFF (4 or 8 bands, surface reflectance, or AnalyticMS radiance with its XML
    beside it) or one of any sensor with blue, green, red and near infrared; or a folder of them, such as a
    Planet order, a quoted glob, a text file with a path a line, or a scene catalogue. The mask is a COG on
    the scene's own grid: 0 clear, 1 cloud, 2 cloud shadow, 255 nodata.

    \b
    catfast mask scene.tif
    catfast mask orders/ --out-dir masks --workers 2

    Several scenes into --out-dir get a ledger (catfast_ledger.jsonl) and a table over time
    (catfast_series.csv, .parquet) beside their masks. Masks that are there already, made from the same files
    in the same way, are skipped: a run that was stopped is taken up by the same command.
    """  # noqa: D301 - click keeps the lines after a backspace character as they are
    from catfast.mask import MaskConfig, absent_images, find_scenes, mask_all, run_lock, targets
    from catfast.workers import refuse_idle_master

    refuse_idle_master(engine, master)
    if output is not None and out_dir is not None:
        raise UsageError("-o and --out-dir exclude each other")
    config = MaskConfig(**{name: value for name, value in options.items() if value is not None})
    sources = find_scenes(scenes)
    if len(sources) > 1 and output is not None:
        raise UsageError("-o names one file: for several scenes use --out-dir")
    outputs = targets(sources, output, out_dir, config.quicklook)
    with run_lock(out_dir), scene_bars(len(sources), workers, quiet=quiet) as bars:
        if engine == "spark":
            from catfast.mask.spark import mask_on_spark

            stream = mask_on_spark(sources, outputs, config, master)
        else:
            stream = mask_all(sources, outputs, config, workers=workers, progress=bars.rows)
        outcomes, teller = [], _Teller(bars.say, as_json=as_json, quiet=quiet)
        teller.warn_of_absent(absent_images(scenes))
        for outcome in stream:
            outcomes.append(outcome)
            bars.scene_done()
            teller.tell(outcome)
        teller.tell_repeated()
        if len(outcomes) > 1 and any(outcome.result for outcome in outcomes) and not quiet:
            bars.say(_summary(outcomes))
        if out_dir is not None and (len(sources) > 1 or not sources[0].named):
            _write_tables(out_dir, outcomes, quiet=quiet)
    return _exit_code(outcomes)


class _Teller:
    """Says what becomes of the scenes; a warning in the very words of an earlier scene is only counted."""

    def __init__(self, say: Callable[[str], None], *, as_json: bool, quiet: bool) -> None:
        self._say, self._as_json, self._quiet = say, as_json, quiet
        self._told: set[Notice] = set()
        self._repeated: Counter[Notice] = Counter()

    def tell(self, outcome: Outcome) -> None:
        """Speak of one scene."""
        if outcome.result is None:
            self._say(f"catfast: {one_line(outcome.message)}")
        else:
            for notice in outcome.result.warnings:
                self._warn(outcome.scene, notice)
            if not self._quiet:
                self._say(one_line(_sentence(outcome.result)))
        if self._as_json:
            click.echo(json.dumps(outcome.as_dict()))

    def warn_of_absent(self, notices: Iterable[Notice]) -> None:
        """Speak of scenes of which there is nothing to be masked."""
        for notice in notices:
            self._say(f"catfast: warning: {one_line(notice.message)} ({notice.name})")

    def _warn(self, scene: Path, notice: Notice) -> None:
        if notice in self._told:
            self._repeated[notice] += 1
            return
        self._told.add(notice)
        self._say(f"catfast: warning: {one_line(f'{scene}: {notice.message} ({notice.name})')}")

    def tell_repeated(self) -> None:
        """Count the warnings that were not said again."""
        for notice, more in self._repeated.items():
            self._say(f"catfast: warning: {more} more: {notice.message} ({notice.name})")


def _summary(outcomes: list[Outcome]) -> str:
    """How many became what."""
    found = Counter(outcome.as_dict()["status"] for outcome in outcomes)
    return f"{len(outcomes)} scenes: {', '.join(f'{found[name]} {name}' for name in _STATES if found[name])}"


def _write_tables(folder: Path, outcomes: list[Outcome], *, quiet: bool) -> None:
    from catfast.mask import write_ledger, write_series

    write_ledger(folder, outcomes)
    for notice in write_series(folder, outcomes):
        if not quiet:
            click.echo(f"catfast: {notice.message}", err=True)


def _exit_code(outcomes: list[Outcome]) -> int:
    codes = [outcome.code for outcome in outcomes if outcome.result is None]
    if len(codes) < len(outcomes):
        return 1 if codes else 0
    return codes[0] if len(set(codes)) == 1 else 3


def _sentence(result: MaskResult) -> str:
    if result.status == "skipped":
        return f"{result.output}: exists already, made by the same model from the same scene: skipped"
    shares = ", ".join(f"{value:.1f} % {name}" for name, value in result.classes.items()) or "nothing seen"
    return f"{result.output}: {shares} of {result.valid_percent:.1f} % valid pixels, {result.seconds:.1f} s"
