"""Public names that are imported when first used, so that starting stays light."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing itself takes longer to load than all of this package
    from collections.abc import Callable, Mapping
    from typing import Any


def names_from(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module ``__getattr__`` (PEP 562) for ``package``: public name to the submodule that has it.

    A name whose home is called the same is that submodule.
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = importlib.import_module(f"{package}.{homes[name]}")
        return home if homes[name] == name else getattr(home, name)

    return find
