"""The optimizer of every network."""

from collections.abc import Iterable

import torch
from torch import nn


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Return Adam (Kingma & Ba, 2015) with its usual constants, as one kernel for all weights.

    One pass over memory takes an eighth of the time of PyTorch's default, which makes a dozen.
    """
    weights = list(parameters)
    on_gpu = any(each.is_cuda for each in weights)
    # On a GPU its count of steps lives there too, as a CUDA graph needs it.
    return torch.optim.Adam(weights, lr=learning_rate, fused=True, capturable=on_gpu)
