"""Simulated scenes with known truth, for training, tests, benches and the demo.

:func:`batch` streams small training scenes, by numpy or torch.
"""

from __future__ import annotations

from catfast.simulate.scene import batch

__all__ = ["batch"]
