"""The sound files that the cases spoil, and a server that nobody should ask for anything."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.conftest import pixel_model, run_catfast
from tests.hostile.box import Materials

ASKED: list[str] = []
"""Every path that the server was asked for."""


class _Counting(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        ASKED.append(self.path)
        self.send_error(404)

    do_HEAD = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Keep stderr for the cases."""


@contextmanager
def materials(folder: Path) -> Iterator[Materials]:
    """Make everything below ``folder``, and serve nothing while it is in use."""
    world = folder / "world"
    for arguments in (
        ("simulate", world, "--pairs", 2, "--size", 256, "-q"),
        ("catalog", "planet", world, "-o", folder / "planet.parquet", "-q"),
        ("catalog", "landsat", world, "-o", folder / "landsat.parquet", "-q"),
        (
            "pairs",
            folder / "planet.parquet",
            folder / "landsat.parquet",
            "-o",
            folder / "pairs.parquet",
            "-q",
        ),
        ("patches", folder / "pairs.parquet", "--scenes", world, "-o", folder / "store", "--size", 128, "-q"),
    ):
        done = run_catfast(*arguments)
        if done.code:
            raise RuntimeError(done.err)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counting)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Materials(folder, pixel_model(folder / "model"), f"http://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
