"""``python -m catfast``."""

from __future__ import annotations

from catfast.cli import main

if __name__ == "__main__":
    main()
