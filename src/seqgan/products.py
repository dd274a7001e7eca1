"""Matrix products by the fastest library that PyTorch carries."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

# PyTorch multiplies float32 matrices with MKL, which uses half of the vector unit of a processor
# that is not Intel's; oneDNN, which PyTorch has for its convolutions, uses all of it everywhere.
# This is its product, as PyTorch's own compiler calls it. Where it is missing, MKL's serves.
_CAPABLE = torch.backends.cpu.get_cpu_capability().startswith("AVX")
_ONEDNN: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if _CAPABLE else None
# Below so many multiply-adds preparing a product costs more than it gains.
FEW = 2**21


def product(
    left: Float[Tensor, "rows inner"], right: Float[Tensor, "columns inner"]
) -> Float[Tensor, "rows columns"]:
    """Return ``left @ right.T``. Carries no gradient."""
    if _suits(left, right):
        return _ONEDNN(left, right, None, "none", [], "")
    return left @ right.T


def linear(
    features: Float[Tensor, "batch inputs"],
    weights: Float[Tensor, "outputs inputs"],
    bias: Float[Tensor, " outputs"],
) -> Float[Tensor, "batch outputs"]:
    """Return ``features @ weights.T + bias``, like :func:`torch.nn.functional.linear`."""
    if not _suits(features, weights):
        return F.linear(features, weights, bias)
    if torch.is_grad_enabled():
        return _Linear.apply(features, weights, bias)
    return _ONEDNN(features, weights, bias, "none", [], "")


def _suits(left: Tensor, right: Tensor) -> bool:
    return (
        _ONEDNN is not None
        and left.dtype == torch.float32
        and left.device.type == "cpu"
        and len(left) * right.numel() >= FEW
    )


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, features: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(features, weights)
        return _ONEDNN(features, weights, bias, "none", [], "")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # pyright: ignore[reportIncompatibleMethodOverride]
        (gradient,) = grad_outputs
        features, weights = ctx.saved_tensors
        if torch.is_grad_enabled():  # this gradient will be differentiated too
            return gradient @ weights, gradient.T @ features, gradient.sum(dim=0)
        return (
            product(gradient, weights.T),
            product(gradient.T, features.T),
            gradient.sum(dim=0),
        )
