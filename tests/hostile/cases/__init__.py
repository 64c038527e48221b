"""The catalogue: one file a kind of input, one function a case."""

from tests.hostile.case import CASES
from tests.hostile.cases import (  # noqa: F401 - importing one declares its cases
    bombs,
    catalogues,
    graphs,
    memory,
    metadata,
    names,
    outputs,
    qa,
    stores,
    tiff_files,
    tiff_headers,
    udm2,
    weights,
)

__all__ = ["CASES"]
