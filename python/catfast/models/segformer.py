"""SegFormer from a local configuration, with logits brought up to the size of the input."""

from __future__ import annotations

import torch
from torch import nn
from transformers import SegformerConfig, SegformerForSemanticSegmentation

__all__ = ["UpsampledSegformer"]


class UpsampledSegformer(nn.Module):
    """SegFormer whose logits, made at a quarter of the size, are upsampled bilinearly."""

    def __init__(
        self, bands: int, classes: int, widths: tuple[int, ...], depths: tuple[int, ...], decoder: int
    ) -> None:
        super().__init__()
        self.network = SegformerForSemanticSegmentation(
            SegformerConfig(
                num_channels=bands,
                num_labels=classes,
                hidden_sizes=list(widths),
                depths=list(depths),
                decoder_hidden_size=decoder,
            )
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map normalised reflectance (N, bands, H, W) to logits (N, classes, H, W)."""
        logits: torch.Tensor = self.network(pixel_values=image).logits
        return nn.functional.interpolate(logits, size=image.shape[-2:], mode="bilinear", align_corners=False)
