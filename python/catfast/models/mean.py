"""Networks side by side: where they differ, the surer one decides."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn

__all__ = ["MeanOfNetworks"]


class MeanOfNetworks(nn.Module):
    """The weighted mean of the logits of networks that see the same image.

    Its softmax is the geometric mean of their probabilities, brought to a sum of one.
    """

    def __init__(self, members: Sequence[nn.Module], shares: Sequence[float]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self._shares = tuple(shares)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map normalised reflectance (N, bands, H, W) to logits (N, classes, H, W)."""
        parts = (share * member(image) for member, share in zip(self.members, self._shares, strict=True))
        logits: torch.Tensor = reduce(torch.add, parts)
        return logits
