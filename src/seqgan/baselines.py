"""What is subtracted from action values, so that their gradient has less variance."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

Baseline = Callable[[Float[Tensor, "batch time"], Bool[Tensor, "batch time"]], Tensor]
"""What is subtracted from action values, given the mask of chosen tokens."""


def mean_of_others(
    value: Float[Tensor, "batch time"], real: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Return, for each token, the mean value at its position in the other sentences.

    Without a sentence's own value in its baseline the gradient stays unbiased; where no other
    sentence is as long, the baseline is zero.
    """
    value = torch.where(real, value, 0.0)
    others = real.sum(dim=0, keepdim=True) - 1
    mean = (value.sum(dim=0, keepdim=True) - value) / others.clamp(min=1)
    return torch.where(real & (others > 0), mean, 0.0)
