"""The sound files, once a run, and the closing line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.box import Materials
from tests.hostile.materials import materials
from tests.hostile.tally import TRIED, closing_line


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Materials]:
    with materials(tmp_path_factory.mktemp("sound")) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if TRIED["tried"]:
        terminalreporter.write_line(closing_line())
