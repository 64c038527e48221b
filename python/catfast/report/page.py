"""One page of scenes and their masks that loads nothing from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catfast.classes import CLASS_CODES, COLOURS, LABELS
from catfast.errors import InputError, MissingExtraError
from catfast.planet import acquired
from catfast.raster import atomic_path, file_sha256, refuse_input, simulated_tag
from catfast.report.find import Beside, Mask, find_masks
from catfast.report.layers import DIFFERENCE, layers

_HERE = Path(__file__).parent
CHART = (720, 160)
"""Width and height of the chart over time, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """What became of a report."""

    output: Path
    """The page."""
    scenes: int
    """Masks shown."""
    without_image: int
    """Of these, without their image."""
    failures: tuple[str, ...]
    """A sentence for each mask that could not be read."""


def write_report(
    masks: Sequence[Path],
    output: Path,
    *,
    scenes: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> ReportResult:
    """Write a page that shows masks over their images: one file, no network, at most 300 KB a scene.

    Args:
        masks: files that ``catfast mask`` wrote, or folders of them.
        output: the page.
        scenes: folders where images and UDM2 files are looked for, besides those of the masks.
        progress: called with scenes done and scenes in all.

    Raises:
        InputError: there is no mask, or none can be read.
        OutputError: the disk did not take the page, or it would replace a mask or an image.
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingExtraError("catfast report", "report") from None
    found, beside = find_masks(masks), Beside(scenes)
    for mask in found:
        refuse_input(output, {"mask": mask.path, "image": beside.image(mask) or mask.path})
    cards, failures = _cards(found, beside, progress)
    if not cards:
        raise InputError(failures[0])
    text = _page(cards)
    with atomic_path(output) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    return ReportResult(
        output=output,
        scenes=len(cards),
        without_image=sum(not card["swipe"] for card in cards),
        failures=tuple(failures),
    )


def _cards(
    masks: Sequence[Mask], beside: Beside, progress: Callable[[int, int], None] | None
) -> tuple[list[dict[str, Any]], list[str]]:
    """What the page says of each scene, in order of time, and why of some it says nothing."""
    cards, failures = [], []
    for number, mask in enumerate(masks, start=1):
        try:
            cards.append(_card(mask, beside))
        except InputError as error:
            failures.append(str(error))
        if progress is not None:
            progress(number, len(masks))
    return sorted(cards, key=lambda card: (card["acquired"] or "", card["name"])), failures


def _page(cards: Sequence[Mapping[str, Any]]) -> str:
    import jinja2

    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    page = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    text: str = page.from_string((_HERE / "page.html.j2").read_text(encoding="utf-8")).render(
        cards=cards,
        chart=_chart(cards),
        size=CHART,
        legend=_legend(cards),
        confidences=[("0 % cloud", "#000000"), ("50 %", "#808080"), ("100 %", "#ffffff")],
        differences=list(
            zip(
                ("both clear", "both cloud", "mask only", "UDM2 only"),
                map(_hex, DIFFERENCE.values()),
                strict=True,
            )
        ),
        style=jinja2.filters.do_mark_safe(style),
        script=jinja2.filters.do_mark_safe(script),
        style_hash=_digest(style),
        script_hash=_digest(script),
    )
    return text


def _card(mask: Mask, beside: Beside) -> dict[str, Any]:
    image = beside.image(mask)
    shown = layers(mask.path, image, beside.udm2(mask))
    swipe = any(layer.name == "image" for layer in shown.layers)
    if image is not None and swipe and file_sha256(image) != mask.tags.get("CATFAST_INPUT_SHA256"):
        shown.notes.append("The image is not the file that the mask was made from: its content differs.")
    taken = acquired(Path(mask.scene))
    percent = {name: _number(mask.tags.get(f"CATFAST_PERCENT_{name.upper()}")) for name in CLASS_CODES}
    return {
        "name": Path(mask.scene).stem,
        "acquired": taken.strftime("%Y-%m-%d %H:%M:%S") if taken else None,
        "taken": taken,
        "percent": {name: value for name, value in percent.items() if value is not None},
        "valid": _number(mask.tags.get("CATFAST_VALID_PERCENT")),
        "model": mask.tags["CATFAST_MODEL"],
        "simulated": bool(simulated_tag(mask.tags)),
        "layers": shown.layers,
        "swipe": swipe,
        "notes": shown.notes,
        "differing": shown.differing,
    }


def _legend(cards: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Label and colour of each class that is told apart by a model of these masks, or by a UDM2."""
    known = {CLASS_CODES[name] for card in cards for name in card["percent"]}
    if any(layer.name == "udm2" for card in cards for layer in card["layers"]):
        known.add(CLASS_CODES["snow"])
    return [(LABELS[code], _hex(COLOURS[code])) for code in sorted(known or {0, 1})]


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _chart(cards: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Points of cloud over time in pixels of the chart; empty below two dates."""
    dated: list[tuple[datetime, float, str]] = [
        (card["taken"], card["percent"]["cloud"], card["name"])
        for card in cards
        if card["taken"] and "cloud" in card["percent"]
    ]
    if len({taken for taken, _, _ in dated}) < 2:
        return []
    first, last = (pick(taken for taken, _, _ in dated) for pick in (min, max))
    return [
        {
            "x": round((taken - first) / (last - first) * CHART[0], 1),
            "y": round(CHART[1] * (1 - cloud / 100), 1),
            "title": f"{name}: {cloud:.1f} % cloud, {taken:%Y-%m-%d %H:%M}",
            "day": f"{taken:%Y-%m-%d}",
        }
        for taken, cloud, name in sorted(dated)
    ]


def _hex(colour: Sequence[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour[:3])


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
