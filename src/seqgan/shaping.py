"""From action values to what weighs the log-probability of a token."""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

Credit = Callable[
    [Float[Tensor, "batch time"], Bool[Tensor, "batch time"], torch.Generator],
    Float[Tensor, "batch time"],
]
"""Whose value each sentence gets: its own, or in a control another one."""


def own(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"], rng: torch.Generator
) -> Float[Tensor, "batch time"]:
    """Return the values as they are."""
    return value


def shuffled(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"], rng: torch.Generator
) -> Float[Tensor, "batch time"]:
    """Give each sentence the values of another one, in an order drawn at random.

    The control that has every reward of a method, but on the wrong sentences. Where a sentence
    begins before the other one or is longer, the other's first or last value stands.
    """
    order = torch.randperm(len(value), generator=rng, device=rng.device)
    others = chosen[order]
    places = torch.arange(value.shape[1], device=value.device)
    places = places.maximum(_first(others)).minimum(_last(others))
    return torch.where(chosen, value[order].gather(1, places), 0.0)


def random(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"], rng: torch.Generator
) -> Float[Tensor, "batch time"]:
    """Give every sentence a number of its own from [0, 1), for all its tokens."""
    drawn = torch.rand(len(value), 1, generator=rng, device=rng.device, dtype=value.dtype)
    return torch.where(chosen, drawn, 0.0)


Normalisation = Callable[
    [Float[Tensor, "batch time"], Bool[Tensor, "batch time"]], Float[Tensor, "batch time"]
]
"""How values are made comparable between batches."""


def as_they_are(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Return the values."""
    return value


def as_shares(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Divide values by their mean over the batch at their position: they sum to their number.

    Importance weights normalised by themselves: the ``r(x_i) / sum_j r(x_j)`` of MaliGAN (Che et
    al., 2017), times the size of the batch as all losses here are sums. They must not be negative.
    Biased in small batches, of bounded variance.
    """
    value = torch.where(chosen, value, 0.0)
    total = value.sum(dim=0)
    tiny = torch.finfo(value.dtype).tiny
    return torch.where(total > tiny, value * chosen.sum(dim=0) / total.clamp(min=tiny), value)


def by_deviation(
    value: Float[Tensor, "batch time"], chosen: Bool[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Divide values by their standard deviation over all tokens of the batch.

    The deviation counts the tokens themselves, so that the gradient is that of the expected reward
    but for a positive factor of each batch, which goes with its values. Where all values are
    equal they stay as they are.
    """
    count = chosen.sum().clamp(min=1)
    mean = torch.where(chosen, value, 0.0).sum() / count
    square = torch.where(chosen, value - mean, 0.0).square().sum() / count
    deviation = square.sqrt()
    # What rounding alone leaves of equal values must not become a signal.
    tiny = 1e-6 * mean.abs().clamp(min=torch.finfo(value.dtype).tiny)
    return torch.where(deviation > tiny, value / deviation.clamp(min=tiny), value)


def _first(chosen: Bool[Tensor, "batch time"]) -> Int[Tensor, "batch 1"]:
    """Return the place of the first chosen token of every row."""
    return chosen.int().argmax(dim=1, keepdim=True)


def _last(chosen: Bool[Tensor, "batch time"]) -> Int[Tensor, "batch 1"]:
    """Return the place of the last chosen token of every row."""
    places = torch.arange(chosen.shape[1], device=chosen.device)
    return torch.where(chosen, places, 0).amax(dim=1, keepdim=True)
