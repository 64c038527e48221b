"""The state of a run without pickle: tensors as safetensors, all else as JSON in the same file's header.

Lightning hands over one tree of dicts, lists, numbers and tensors and wants it back; this is its
CheckpointIO. One file, put in place in one step: a killed run has the state before or the state after, never
half of one. Random numbers need no state: torch is seeded anew by every chunk (:mod:`catfast.train.module`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from catfast.errors import InputError
from catfast.textfiles import parse_json

__all__ = ["STATE_NAME", "SafeState", "read_tree"]

STATE_NAME = "state.safetensors"
_TREE = "tree"
_TENSOR, _MAPPING, _TUPLE = "$tensor", "$mapping", "$tuple"


class SafeState(CheckpointIO):
    """Writes and reads Lightning's checkpoints as safetensors."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write a state.

        Raises:
            OutputError: the disk did not take it.
        """
        from catfast.raster import atomic_path

        tensors: dict[str, Tensor] = {}
        tree = json.dumps(_packed(checkpoint, "", tensors))
        with atomic_path(Path(path)) as temporary:
            try:
                save_file(tensors, temporary, {_TREE: tree})
            except SafetensorError as error:
                raise OSError(f"safetensors: {error}") from error

    def load_checkpoint(
        self,
        path: Any,
        map_location: Any = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read a state, its tensors on the processor.

        Raises:
            InputError: it is no state of a run.
        """
        with _opened(Path(path)) as file:
            tree = _tree_of(file, path)
            found: dict[str, Any] = _unpacked(tree, file)
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a state."""
        Path(path).unlink(missing_ok=True)


def read_tree(path: Path) -> dict[str, Any]:
    """The state without its tensors, as plain JSON.

    Raises:
        InputError: it is no state of a run.
    """
    with _opened(path) as file:
        return _tree_of(file, path)


def _opened(path: Path) -> Any:
    try:
        return safe_open(path, "pt")
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} is not the state of a run (safetensors): {error}") from None


def _tree_of(file: Any, path: Any) -> dict[str, Any]:
    metadata = file.metadata() or {}
    if _TREE not in metadata:
        raise InputError(f"{path} is not the state of a run: it has tensors only")
    tree: dict[str, Any] = parse_json(metadata[_TREE])
    return tree


def _packed(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """JSON of a tree; tensors go to ``tensors`` under their path in it."""
    if isinstance(value, Tensor):
        tensors[name] = value.detach().cpu().contiguous().clone()
        last = value.ndim == 4 and value.is_contiguous(memory_format=torch.channels_last)
        return {_TENSOR: name, "channels_last": last}
    if isinstance(value, dict):
        children = {key: _packed(child, f"{name}/{key}".lstrip("/"), tensors) for key, child in value.items()}
        return children if all(isinstance(key, str) for key in children) else {_MAPPING: [*children.items()]}
    if isinstance(value, list | tuple):
        items = [_packed(child, f"{name}/{place}", tensors) for place, child in enumerate(value)]
        return {_TUPLE: items} if isinstance(value, tuple) else items
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}, which no state can hold")


def _unpacked(value: Any, file: Any) -> Any:
    if isinstance(value, list):
        return [_unpacked(child, file) for child in value]
    if not isinstance(value, dict):
        return value
    if _TENSOR in value:
        tensor = file.get_tensor(value[_TENSOR])
        return tensor.to(memory_format=torch.channels_last) if value["channels_last"] else tensor
    if _MAPPING in value:
        return {key: _unpacked(child, file) for key, child in value[_MAPPING]}
    if _TUPLE in value:
        return tuple(_unpacked(child, file) for child in value[_TUPLE])
    return {key: _unpacked(child, file) for key, child in value.items()}
