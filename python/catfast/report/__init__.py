"""Where people look: a page of images and their masks, and how two masks agree."""

from __future__ import annotations

from catfast.report.comparison import Comparison, compare
from catfast.report.page import ReportResult, write_report

__all__ = ["Comparison", "ReportResult", "compare", "write_report"]
