"""Score models and masks on a test set: pooled figures with intervals, as JSON, Markdown and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catfast._lazy import names_from

if TYPE_CHECKING:
    from catfast.evaluate.codes import CODE_TABLES
    from catfast.evaluate.config import THIN_RULES, EvaluateConfig, EvaluateResult
    from catfast.evaluate.run import evaluate_models

__all__ = ["CODE_TABLES", "THIN_RULES", "EvaluateConfig", "EvaluateResult", "evaluate_models"]

_HOMES = {
    "CODE_TABLES": "codes",
    "EvaluateConfig": "config",
    "EvaluateResult": "config",
    "THIN_RULES": "config",
    "evaluate_models": "run",
}

__getattr__ = names_from(__name__, _HOMES)
