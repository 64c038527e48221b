"""Sphinx directive ``rooms``: the map of the package, from the order in the tests and from docstrings."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "python" / "catfast"


def order() -> list[str]:
    """Rooms from first to last, as tests/test_architecture.py has them."""
    found: list[str] = []
    for node in ast.parse((ROOT / "tests" / "test_architecture.py").read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name("ORDER")]) | ast.AugAssign(target=ast.Name("ORDER")):
                found += ast.literal_eval(node.value)
    return found


def modules(room: str) -> list[Path]:
    """The files of a room, its front door first."""
    folder = PACKAGE / room
    if not folder.is_dir():
        return [folder.with_suffix(".py")]
    return [folder / "__init__.py", *sorted(p for p in folder.rglob("*.py") if p != folder / "__init__.py")]


def sentence(path: Path) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()[0]


def lines() -> list[str]:
    """The map as reStructuredText."""
    found = []
    for room in order():
        first, *others = modules(room)
        found += [f"``{room}``", f"   {_quoted(sentence(first))}", ""]
        for path in others:
            found += [f"   - ``{path.relative_to(PACKAGE)}``: {_quoted(sentence(path))}"]
        found += [""]
    return found


def _quoted(text: str) -> str:
    return text.replace("*", r"\*").replace("|", r"\|")


class Rooms(SphinxDirective):
    """The map."""

    def run(self) -> list[nodes.Node]:
        """A definition list, a room an entry."""
        for room in order():
            for path in modules(room):
                self.env.note_dependency(str(path))
        holder = nodes.container()
        self.state.nested_parse(StringList(lines(), "rooms"), self.content_offset, holder)
        return list(holder.children)


def quoted(app: Any, context: Any, text: list[str]) -> None:
    """Keep names that end in an underscore from becoming links."""
    text[:] = [re.sub(r"_(?=[\W_]|$)", r"\\_", line) for line in text]


def named_only(app: Any, context: Any, text: list[str]) -> None:
    """Leave out arguments that are not shown to a user: they have no name."""
    kept: list[str] = []
    shown = True
    for line in text:
        if line.startswith(".. option::"):
            shown = line.split("::")[1].strip() != ""
        if shown:
            kept.append(line)
    text[:] = kept


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("rooms", Rooms)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
