"""What networks are made of: weights from a stream, dropout from uniforms, layers of attention."""

import math
from collections.abc import Callable
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

ROTARY_BASE = 10_000.0
"""Of the wavelengths of rotary positions (Su et al., 2021)."""


def drawing(std: float, rng: torch.Generator) -> Callable[..., nn.Parameter]:
    """Return what makes weights of a shape, each number from N(0, std²)."""

    def normal(*shape: int) -> nn.Parameter:
        # The numbers of torch.randn, which takes a second to load where no memory is wanted.
        return nn.Parameter(torch.empty(shape).normal_(generator=rng) * std)

    return normal


def drop(
    features: Float[Tensor, "*batch features"],
    uniforms: Float[Tensor, "*batch features"],
    dropout: float,
) -> Float[Tensor, "*batch features"]:
    """Set the share ``dropout`` of the features to zero and raise the others as much."""
    return features * (uniforms >= dropout) / (1 - dropout)


def run_gru(
    inputs: Float[Tensor, "batch time _"],
    hidden: Float[Tensor, "layers batch hidden"],
    weights: list[Float[Tensor, "gates ..."]],
    num_layers: int,
) -> tuple[Float[Tensor, "batch time hidden"], Float[Tensor, "layers batch hidden"]]:
    """Run the kernel behind :class:`torch.nn.GRU`; return all features and the last states."""
    return torch.gru(
        inputs,
        hidden,
        weights,
        has_biases=True,
        num_layers=num_layers,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )


def rotated(
    vectors: Float[Tensor, "batch heads time head"], positions: Int[Tensor, " time"]
) -> Float[Tensor, "batch heads time head"]:
    """Turn each pair of numbers by an angle that grows with the position (Su et al., 2021).

    The product of two such vectors depends on their distance, not on where they are.
    """
    half = vectors.shape[-1] // 2
    steps = torch.arange(half, device=vectors.device, dtype=vectors.dtype) / half
    angles = positions[:, None] * ROTARY_BASE**-steps
    left, right = vectors.split(half, dim=-1)
    cos, sin = angles.cos(), angles.sin()
    return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)


def attend(
    queries: Float[Tensor, "batch heads new head"],
    keys: Float[Tensor, "batch heads time head"],
    values: Float[Tensor, "batch heads time head"],
    hidden: Bool[Tensor, "... _ time"] | None = None,
) -> Float[Tensor, "batch new width"]:
    """Return the mean of the values, weighed by ``softmax(queries · keys / sqrt(head))``.

    Vaswani et al. (2017), equation 1. Plain operations, which any number of gradients can pass,
    and always in the same order; sentences here are short.

    Args:
        queries: What each position looks for.
        keys: What each position offers.
        values: What it gives.
        hidden: Which positions nobody, or some position, may see.
    """
    scores = queries @ keys.transpose(2, 3) / math.sqrt(queries.shape[-1])
    if hidden is not None:
        scores = scores.masked_fill(hidden, -torch.inf)
    return (scores.softmax(dim=-1) @ values).transpose(1, 2).flatten(2)


@final
class TransformerLayer(nn.Module):
    """Attention and then two dense layers with a GELU, each added to what it reads.

    Normalised before each, not after (Xiong et al., 2020). Weights come from ``normal``, biases
    start from zero and gains from one.

    Raises ``ValueError`` unless the heads have equal parts of the width.
    """

    def __init__(
        self, width: int, num_heads: int, feedforward_dim: int, normal: Callable[..., nn.Parameter]
    ) -> None:
        super().__init__()
        check_heads(width, num_heads)
        self.num_heads = num_heads
        self.gains = nn.Parameter(torch.ones(2, width))
        self.shifts = nn.Parameter(torch.zeros(2, width))
        self.input_weights = normal(3 * width, width)
        self.input_bias = nn.Parameter(torch.zeros(3 * width))
        self.output_weights = normal(width, width)
        self.output_bias = nn.Parameter(torch.zeros(width))
        self.inner_weights = normal(feedforward_dim, width)
        self.inner_bias = nn.Parameter(torch.zeros(feedforward_dim))
        self.outer_weights = normal(width, feedforward_dim)
        self.outer_bias = nn.Parameter(torch.zeros(width))

    def project(
        self, features: Float[Tensor, "batch time width"]
    ) -> tuple[
        Float[Tensor, "batch heads time head"],
        Float[Tensor, "batch heads time head"],
        Float[Tensor, "batch heads time head"],
    ]:
        """Return queries, keys and values of each position."""
        normed = self._norm(features, 0)
        projected = F.linear(normed, self.input_weights, self.input_bias)
        heads = projected.unflatten(2, (3, self.num_heads, -1)).permute(2, 0, 3, 1, 4)
        return heads[0], heads[1], heads[2]

    def add_attended(
        self,
        features: Float[Tensor, "batch time width"],
        attended: Float[Tensor, "batch time width"],
        uniforms: Float[Tensor, "batch time 2*width"] | None = None,
        dropout: float = 0.0,
    ) -> Float[Tensor, "batch time width"]:
        """Return the layer's features from what attention found; under dropout, with uniforms."""
        found = F.linear(attended, self.output_weights, self.output_bias)
        if uniforms is not None:
            found = drop(found, uniforms[..., : found.shape[2]], dropout)
        features = features + found
        inner = F.linear(self._norm(features, 1), self.inner_weights, self.inner_bias)
        outer = F.linear(F.gelu(inner), self.outer_weights, self.outer_bias)
        if uniforms is not None:
            outer = drop(outer, uniforms[..., outer.shape[2] :], dropout)
        return features + outer

    def _norm(
        self, features: Float[Tensor, "batch time width"], which: int
    ) -> Float[Tensor, "batch time width"]:
        return F.layer_norm(features, features.shape[2:], self.gains[which], self.shifts[which])


def check_heads(width: int, num_heads: int) -> None:
    """Raise ``ValueError`` unless every head has an equal, even part of the width."""
    if width % (2 * num_heads):
        raise ValueError(
            f"each head needs an equal and even part of `embedding_dim`, but {width} is no "
            f"multiple of 2 · {num_heads}"
        )
