"""Discriminators that read sentences as sequences: recurrent ones and a Transformer."""

from typing import Any, Literal, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqgan.discriminators import LinearDiscriminator
from seqgan.layers import TransformerLayer, attend, check_heads, drawing, run_gru
from seqgan.tokens import Alphabet, is_chosen, is_real


class _GRULayer(nn.Module):
    """One layer of gated recurrent units that starts from zero."""

    def __init__(self, inputs: int, units: int, normal: Any) -> None:
        super().__init__()
        self.input_weights = normal(3 * units, inputs)
        self.recurrent_weights = normal(3 * units, units)
        self.biases = nn.Parameter(torch.zeros(2, 3 * units))

    def forward(
        self, embedded: Float[Tensor, "batch time embedding"]
    ) -> Float[Tensor, "batch time hidden"]:
        zeros = embedded.new_zeros(1, len(embedded), self.recurrent_weights.shape[1])
        weights = [self.input_weights, self.recurrent_weights, *self.biases]
        return run_gru(embedded, zeros, weights, 1)[0]


@final
class RNNDiscriminator(LinearDiscriminator):
    """Gated recurrent units (Cho et al., 2014) that read a sentence from both ends.

    Its features are the two last states, or the greatest value of each unit over the sentence.
    Padding is never read: from the right, each sentence is read from its own end.

    Args:
        alphabet: The token ids.
        max_length: Tokens of a row of the corpus.
        embedding_dim: Width of the embeddings.
        hidden_dim: Units for each direction.
        pooling: ``last`` or ``max``.
        dropout: Share of features dropped in calls with noise.
        std: Of every weight at first.
        rng: What draws the weights.
    """

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        hidden_dim: int,
        pooling: Literal["last", "max"],
        dropout: float,
        std: float,
        rng: torch.Generator,
    ) -> None:
        normal = drawing(std, rng)
        super().__init__(
            alphabet=alphabet,
            max_length=max_length,
            embedding_dim=embedding_dim,
            num_features=2 * hidden_dim,
            dropout=dropout,
            normal=normal,
        )
        self.pooling = pooling
        self.rightward = _GRULayer(embedding_dim, hidden_dim, normal)
        self.leftward = _GRULayer(embedding_dim, hidden_dim, normal)

    def features(
        self,
        embedded: Float[Tensor, "batch time embedding"],
        real: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch features"]:
        last = _last_places(real)
        places = torch.arange(real.shape[1], device=real.device)
        mirrored = (last[:, None] - places).clamp(min=0)[..., None].expand_as(embedded)
        backwards = embedded.gather(1, mirrored)
        states = torch.cat([self.rightward(embedded), self.leftward(backwards)], dim=2)
        if self.pooling == "last":
            return states[torch.arange(len(states), device=real.device), last]
        return states.masked_fill(~real[..., None], -torch.inf).amax(dim=1)


@final
class PrefixDiscriminator(LinearDiscriminator):
    """Gated recurrent units from left to right that judge a sentence after each of its tokens.

    What it says of a prefix is that prefix's probability of beginning a real sentence, so that a
    token's reward needs no completion (ScratchGAN: d'Autume et al., 2019). It learns the mean
    cross-entropy over the prefixes of a sentence that end in a chosen token.

    Args:
        alphabet: The token ids.
        max_length: Tokens of a row of the corpus.
        embedding_dim: Width of the embeddings.
        hidden_dim: Units.
        dropout: Share of features dropped in calls with noise, the same after each token.
        std: Of every weight at first.
        rng: What draws the weights.
    """

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        hidden_dim: int,
        dropout: float,
        std: float,
        rng: torch.Generator,
    ) -> None:
        normal = drawing(std, rng)
        super().__init__(
            alphabet=alphabet,
            max_length=max_length,
            embedding_dim=embedding_dim,
            num_features=hidden_dim,
            dropout=dropout,
            normal=normal,
        )
        self.alphabet = alphabet
        self.rightward = _GRULayer(embedding_dim, hidden_dim, normal)

    def features(
        self,
        embedded: Float[Tensor, "batch time embedding"],
        real: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch features"]:
        states = self.rightward(embedded)
        return states[torch.arange(len(states), device=real.device), _last_places(real)]

    def prefix_logits(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """Return the log-odds that a real sentence begins with each prefix."""
        return self._judge_prefixes(tokens, None)

    def loss(
        self,
        tokens: Int[Tensor, "batch time"],
        goals: Float[Tensor, " batch"],
        noise: Float[Tensor, "batch uniforms"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, " batch"]]:
        """Return the cross-entropy, a mean over prefixes summed over sentences, and log-odds."""
        logits = self._judge_prefixes(tokens, noise)
        wanted = goals.to(logits.dtype)[:, None].expand_as(logits)
        each = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
        chosen = is_chosen(tokens, self.alphabet)
        mean = torch.where(chosen, each, 0.0).sum(dim=1) / chosen.sum(dim=1).clamp(min=1)
        whole = logits.gather(1, _last_places(is_real(tokens))[:, None])[:, 0]
        return mean.sum(), whole

    def _judge_prefixes(
        self, tokens: Int[Tensor, "batch time"], noise: Float[Tensor, "batch uniforms"] | None
    ) -> Float[Tensor, "batch time"]:
        states = self.rightward(self.embed(tokens))
        if noise is not None:
            noise = noise.repeat_interleave(states.shape[1], dim=0)
        return self.classify(states.flatten(0, 1), noise).view(tokens.shape)


@final
class TransformerDiscriminator(LinearDiscriminator):
    """Layers of attention over a whole sentence, whose features are pooled over its tokens.

    An encoder (Vaswani et al., 2017), normalised before each part, with a learned vector for each
    position; nothing looks at padding.

    Args:
        alphabet: The token ids.
        max_length: Tokens of a row of the corpus.
        embedding_dim: Width of embeddings and features.
        num_heads: Heads of attention; ``ValueError`` unless each has an equal, even part.
        num_layers: Layers, one on top of the other.
        feedforward_dim: Width inside the two dense layers.
        pooling: ``mean`` or ``max`` over the tokens.
        dropout: Share of features dropped in calls with noise.
        std: Of every weight at first.
        rng: What draws the weights.
    """

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        num_heads: int,
        num_layers: int,
        feedforward_dim: int,
        pooling: Literal["mean", "max"],
        dropout: float,
        std: float,
        rng: torch.Generator,
    ) -> None:
        check_heads(embedding_dim, num_heads)
        normal = drawing(std, rng)
        super().__init__(
            alphabet=alphabet,
            max_length=max_length,
            embedding_dim=embedding_dim,
            num_features=embedding_dim,
            dropout=dropout,
            normal=normal,
        )
        self.pooling = pooling
        self.position_table = normal(max_length, embedding_dim)
        self.layers = nn.ModuleList(
            TransformerLayer(embedding_dim, num_heads, feedforward_dim, normal)
            for _ in range(num_layers)
        )
        self.last_gain = nn.Parameter(torch.ones(embedding_dim))
        self.last_shift = nn.Parameter(torch.zeros(embedding_dim))

    def features(
        self,
        embedded: Float[Tensor, "batch time embedding"],
        real: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch features"]:
        features = embedded + self.position_table[: embedded.shape[1]]
        hidden = ~real[:, None, None]
        for layer in self.layers:
            assert isinstance(layer, TransformerLayer)
            attended = attend(*layer.project(features), hidden)
            features = layer.add_attended(features, attended)
        features = F.layer_norm(features, features.shape[2:], self.last_gain, self.last_shift)
        counted = real[..., None]
        if self.pooling == "max":
            return features.masked_fill(~counted, -torch.inf).amax(dim=1)
        return torch.where(counted, features, 0.0).sum(dim=1) / counted.sum(dim=1)


def _last_places(real: Bool[Tensor, "batch time"]) -> Int[Tensor, " batch"]:
    """Return where the last token of each sentence stands."""
    return real.sum(dim=1) - 1
