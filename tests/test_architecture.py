"""The one-way street: what each module may import is read from its source."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "python" / "catfast"

ORDER = [
    "_lazy",
    "errors",
    "paths",
    "textfiles",
    "locks",
    "sun",
    "temporary",
    "workers",
    "classes",
    "udm2",
    "pictures",
    "raster",
    "sums",
    "planet",
    "acquisition",
    "order",
    "wrs2",
    "landsat",
    "simulate",
    "catalog",
    "pairs",
    "labels",
    "patches",
    "models",
]
ORDER += ["train", "mask", "xarray", "evaluate", "report", "doctor", "cli"]
ORDER += ["__main__"]
"""Rooms from first to last: a room imports only what stands before it."""

STAGES = {"catalog", "pairs", "labels", "patches", "train", "evaluate", "mask", "simulate"}
"""A stage is entered by its front door: never by another room's inner module."""

HEAVY = {
    "torch",
    "transformers",
    "segmentation_models_pytorch",
    "pyspark",
    "sedona",
    "sedonadb",
    "onnxruntime",
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> list[str]:
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(path: Path) -> list[tuple[str, bool]]:
    """Imported module names, and whether the import runs when the module is imported."""
    tree = ast.parse(path.read_text())
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(function)
        for node in ast.walk(function)
    }
    found = []
    for node in ast.walk(tree):
        top = id(node) not in inner
        if isinstance(node, ast.Import):
            found += [(alias.name, top) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found += [(node.module or "", top)]
            if node.module in ("catfast", "catfast.cli"):
                found += [(f"{node.module}.{alias.name}", top) for alias in node.names]
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def rooms_used(path: Path) -> list[str]:
    inside = [name.split(".") for name, _ in imports(path) if name.startswith("catfast.")]
    return [parts[1] for parts in inside if parts[1] in ORDER]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(name_of(path)) or "catfast")
def test_imports_go_forward_only(path):
    room = (name_of(path) or ["catfast"])[0]
    if room == "catfast":
        return
    assert room in ORDER, f"{room} has no place in the order of rooms"
    backward = [used for used in rooms_used(path) if ORDER.index(used) > ORDER.index(room)]
    assert not backward, f"{room} imports later rooms: {backward}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(name_of(path)) or "catfast")
def test_stages_are_entered_by_the_front_door(path):
    room = (name_of(path) or ["catfast"])[0]
    deep = [
        name
        for name, top in imports(path)
        if top and name.count(".") >= 2 and name.split(".")[1] in STAGES and name.split(".")[1] != room
    ]
    assert not deep, f"{room} reaches inside another stage: {deep}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: "/".join(name_of(path)) or "catfast")
def test_heavy_packages_are_imported_late(path):
    if name_of(path)[:1] in (["models"], ["train"]):
        return  # their torch modules are loaded by name only: test_start.py proves it at run time
    eager = {name.split(".")[0] for name, top in imports(path) if top} & HEAVY
    assert not eager, f"{path.name} imports {eager} when it is imported"


def test_only_raster_imports_rasterio():
    guilty = {
        "/".join(name_of(path))
        for path in MODULES
        for name, _ in imports(path)
        if name.split(".")[0] in ("rasterio", "rio_cogeo") and name_of(path)[:1] != ["raster"]
    }
    assert not guilty


def test_only_one_file_imports_pyspark():
    guilty = {
        "/".join(name_of(path))
        for path in MODULES
        for name, _ in imports(path)
        if name.split(".")[0] in ("pyspark", "sedona")
    }
    assert guilty == {"pairs/spark"}


def test_no_pickle_anywhere():
    words = ("import pickle", "torch.load(", "torch.save(", "allow_pickle=True", "joblib", "eval(compile")
    sources = [*MODULES, *(PACKAGE.parents[1] / "recipes").rglob("*.py")]
    guilty = [(path.name, word) for path in sources for word in words if word in path.read_text()]
    assert not guilty


def test_files_stay_short():
    lengths = sorted(len(path.read_text().splitlines()) for path in MODULES)
    assert lengths[-1] <= 350
    assert lengths[len(lengths) // 2] <= 150
