"""``report.html``: one file that loads nothing, by jinja2 with autoescape on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catfast.errors import MissingExtraError
from catfast.evaluate.markdown import FIGURES, caveat, number, per_cent, with_interval
from catfast.evaluate.pictures import Picture

__all__ = ["check_extra", "to_html"]

_TEMPLATE = Path(__file__).with_name("report.html.j2")
_STYLE = Path(__file__).with_name("report.css")

_PLOT = 240


def check_extra() -> None:
    """Raise MissingExtraError where jinja2 is not installed, before hours of work."""
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingExtraError("an HTML report", "report") from None


def to_html(report: Mapping[str, Any], pictures: Sequence[Picture]) -> str:
    """The page, with its style and pictures inside; its policy allows nothing from elsewhere."""
    check_extra()
    import jinja2

    style = _STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters.update(number=number, per_cent=per_cent, interval=with_interval)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        report=report,
        figures=FIGURES,
        caveat=caveat(report).replace("**", ""),
        pictures=pictures,
        plots=[_plot(found) for found in report["contenders"] if found["calibration"]],
        size=_PLOT,
        style=jinja2.filters.do_mark_safe(style),
        digest=digest,
    )


def _plot(contender: Mapping[str, Any]) -> dict[str, Any]:
    """Points of a reliability diagram in the units of its SVG, and bars of the share of pixels."""
    bins = contender["calibration"]["bins"]
    pixels = sum(part["pixels"] for part in bins)
    points = [(round(_PLOT * part["probability"], 1), round(_PLOT * (1 - part["cloud"]), 1)) for part in bins]
    bars = [
        {
            "x": round(_PLOT * part["low"], 1),
            "width": round(_PLOT * (part["high"] - part["low"]), 1),
            "height": round(_PLOT * part["pixels"] / pixels, 1),
        }
        for part in bins
    ]
    line = " ".join(f"{x},{y}" for x, y in points)
    return {
        "name": contender["name"],
        "ece": contender["calibration"]["ece"],
        "points": points,
        "line": line,
        "bars": bars,
    }
