"""Folders with links in them: what is found below, and that it is found once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catfast.paths import files_below, walk

PLACES = ["", "a", "a/b", "c"]


def filled(root: Path) -> Path:
    for place in PLACES:
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / place / f"in_{place.replace('/', '_')}.tif").touch()
    return root


@pytest.fixture
def roots(tmp_path) -> tuple[Path, Path]:
    return filled(tmp_path / "here"), filled(tmp_path / "elsewhere")


def test_without_links_it_is_what_the_system_lists(roots):
    root = roots[0]
    assert files_below(root) == sorted(path for path in root.rglob("*") if path.is_file())
    assert [folder.relative_to(root).as_posix() for folder, _ in walk(root)] == [".", "a", "a/b", "c"]


def test_links_are_followed(roots):
    root, other = roots
    (root / "a" / "link").symlink_to(other / "a")
    (root / "link.tif").symlink_to(other / "c" / "in_c.tif")
    found = {path.relative_to(root).as_posix() for path in files_below(root)}
    there = {"a/link/in_a.tif", "a/link/b/in_a_b.tif", "link.tif"}
    assert found == {path.relative_to(other).as_posix() for path in files_below(other)} | there


def test_a_root_that_is_a_link_and_one_that_leads_nowhere(roots, tmp_path):
    (tmp_path / "root").symlink_to(roots[0])
    assert len(files_below(tmp_path / "root")) == len(PLACES)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    assert files_below(tmp_path / "gone") == []


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(PLACES), st.booleans()), max_size=6))
def test_no_link_leads_round_in_a_circle(tmp_path_factory, links):
    base = tmp_path_factory.mktemp("links")
    root, other = filled(base / "here"), filled(base / "elsewhere")
    for number, (place, target, outside) in enumerate(links):
        (root / place / f"link{number}").symlink_to((other if outside else root) / target)
    found = files_below(root)
    real = [os.path.realpath(path) for path in found]
    assert len(set(real)) == len(real)
    assert {str(path) for path in root.rglob("*.tif")} <= set(map(str, found))
    reached = {os.path.realpath(other / target) for _, target, outside in links if outside}
    for path in other.rglob("*.tif"):
        is_reached = any(path.is_relative_to(folder) for folder in reached)
        assert (os.path.realpath(path) in real) == is_reached
