"""What an output was made from: digests of inputs, and whether an output is there already."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from catfast.errors import InputError, OutputError
from catfast.raster.read import read_tags

SIMULATED_TAG = "CATFAST_SIMULATED"
"""Tag of files that were simulated, or made of such."""


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal.

    Raises:
        InputError: it cannot be read.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path}: expected a file, found something that is not a regular file")
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error


def is_made_already(
    output: Path,
    inputs: Mapping[str, Path],
    identity: Mapping[str, str],
    *,
    overwrite: bool,
    tags_of: Callable[[Path], Mapping[str, str]] = read_tags,
) -> bool:
    """Whether ``output`` is there already with the tags of ``identity``.

    Args:
        output: the file to be written.
        inputs: what the command reads, by what it is called in a message; none may be ``output``.
        identity: tags that two outputs share only if they hold the same pixels.
        overwrite: make the output anew whatever is there.
        tags_of: reads the tags of what is there; none of a file that has none.

    Raises:
        OutputError: it was made from something else and ``overwrite`` is off; or it would replace one of
            its inputs, or cannot be written where it is asked for.
    """
    refuse_input(output, inputs)
    if not output.parent.is_dir():
        raise OutputError(f"{output}: its folder does not exist")
    if output.is_dir():
        raise OutputError(f"{output}: is a folder: name a file in it")
    if overwrite or not output.exists():
        return False
    found = tags_of(output)
    differing = _differing(identity, found)
    if differing:
        what = differing[0].removeprefix("CATFAST_").lower().replace("_", " ")
        raise OutputError(f"{output}: exists already, made with another {what}: --overwrite replaces it")
    return True


def simulated_tag(*tags: Mapping[str, str]) -> dict[str, str]:
    """The tag that what is made of simulated files inherits; none where no file of ``tags`` is simulated."""
    found = [of_file[SIMULATED_TAG] for of_file in tags if SIMULATED_TAG in of_file]
    return {SIMULATED_TAG: found[0]} if found else {}


def refuse_input(output: Path, inputs: Mapping[str, Path]) -> None:
    """Refuse an output that would replace what it is made from, by whatever name or link.

    Raises:
        OutputError: it would.
    """
    for name, path in inputs.items():
        if output.exists() and path.exists() and output.samefile(path):
            raise OutputError(f"{output}: is the {name} itself: choose another output")


def _differing(wanted: Mapping[str, str], found: Mapping[str, str]) -> Sequence[str]:
    return [key for key, value in wanted.items() if found.get(key) != value]
