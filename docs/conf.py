"""The documentation site: ``make docs`` builds it into build/docs, offline; a warning is an error."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import rooms  # noqa: E402
from sphinx.application import Sphinx  # noqa: E402

from catfast import __version__  # noqa: E402

project = "catfast"
author = "catfast maintainers"
project_copyright = "catfast maintainers, Apache License 2.0"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_click",
    "rooms",
]
myst_heading_anchors = 3
autodoc_typehints = "description"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = "catfast"
html_copy_source = False
exclude_patterns = ["_build"]


def setup(app: Sphinx) -> None:
    """What click writes for a terminal, as reStructuredText."""
    app.connect("sphinx-click-process-description", rooms.quoted)
    app.connect("sphinx-click-process-arguments", rooms.named_only)
