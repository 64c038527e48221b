"""Stage 2: pairs of scenes taken at the same time over the same ground."""

from catfast.pairs.config import PairsConfig, PairsResult
from catfast.pairs.miner import mine
from catfast.pairs.spark import session as spark_session
from catfast.pairs.spark import task_cores

__all__ = ["PairsConfig", "PairsResult", "mine", "spark_session", "task_cores"]
