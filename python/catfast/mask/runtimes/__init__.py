"""What runs a network: onnxruntime, OpenVINO (extra ``openvino``) or torch (extra ``train``)."""

from catfast.mask.runtimes.base import Runtime, Tiles
from catfast.mask.runtimes.choice import choose_runtime

__all__ = ["Runtime", "Tiles", "choose_runtime"]
