"""Stage 2: pairs of scenes taken at the same time over the same ground."""

from catfast.pairs.config import PairsConfig, PairsResult
from catfast.pairs.miner import mine

__all__ = ["PairsConfig", "PairsResult", "mine"]
