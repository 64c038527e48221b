"""The catalogue: one file a kind of input, one function a case."""

from tests.hostile.case import CASES
from tests.hostile.cases import catalogues, graphs, qa, stores, tiff_files, tiff_headers, udm2, weights

__all__ = ["CASES", "catalogues", "graphs", "qa", "stores", "tiff_files", "tiff_headers", "udm2", "weights"]
