"""Discriminators: one logit per sentence, positive when it looks real."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqgan.layers import drop
from seqgan.products import linear
from seqgan.tokens import PAD, Alphabet, is_real
from seqgan.windows import max_over_table, max_over_time, pays_as_table

# Tokens that a discriminator reads at once, and numbers that it keeps of some sentences, while it
# scores: memory does not grow with their number.
SCORING_TOKENS, SCORING_ELEMENTS = 2**15, 2**25
# Sentences whose features pass the last layers at once, in memory that is used again.
ROWS_AT_ONCE = 512


class Discriminator(nn.Module, ABC):
    """Tells real sentences from generated ones.

    There is no training mode: dropout happens in the calls that are given the noise for it, so it
    cannot be left on by accident while sentences are scored.

    Attributes:
        max_length: Tokens of a row of the corpus; shorter rows are read as if padded to it.
    """

    max_length: int

    @abstractmethod
    def noise(self, batch: int, rng: torch.Generator) -> Float[Tensor, "batch uniforms"]:
        """Draw what decides the dropout of a batch: a row of uniforms for each sentence."""

    @abstractmethod
    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        """Return the vector that stands for each token; padding is read as zeros."""

    @abstractmethod
    def features(
        self,
        embedded: Float[Tensor, "batch time embedding"],
        real: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch features"]:
        """Return what is seen of each sentence, or of a mixture of tokens at each position.

        Args:
            embedded: What stands for each token; zeros where there is none.
            real: Which positions count.
        """

    @abstractmethod
    def classify(
        self,
        features: Float[Tensor, "batch features"],
        noise: Float[Tensor, "batch uniforms"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Return the log-odds that each sentence is real; with noise, under dropout."""

    def embed(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time embedding"]:
        """Return what stands for each token."""
        table = self.embedding_table()
        return F.embedding(tokens.clamp(min=0), table) * is_real(tokens)[..., None]

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch uniforms"] | None = None,
    ) -> Float[Tensor, " batch"]:
        """Return the log-odds that each sentence is real; with noise, under dropout."""
        return self.classify(self.features(self.embed(tokens), is_real(tokens)), noise)

    def loss(
        self,
        tokens: Int[Tensor, "batch time"],
        goals: Float[Tensor, " batch"],
        noise: Float[Tensor, "batch uniforms"],
    ) -> tuple[Float[Tensor, ""], Float[Tensor, " batch"]]:
        """Return the summed cross-entropy with what is to be said of sentences, and the log-odds.

        Args:
            tokens: The sentences.
            goals: Probability of being real that each is to have.
            noise: What decides the dropout.
        """
        logits = self(tokens, noise)
        goals = goals.to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, goals, reduction="sum"), logits

    def prefix_logits(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time"]:
        """Return the log-odds of the sentence up to each token; ``TypeError`` from most networks.

        Only those that read from left to right have something to say before the end.
        """
        raise TypeError(f"{type(self).__name__} judges whole sentences alone")

    def widened(self, tokens: Int[Tensor, "batch time"]) -> Int[Tensor, "batch row"]:
        """Return rows padded to the length of the corpus, as a curriculum's short ones must be.

        A sentence is then judged alike in rows of any length, and no filter is wider than its row.
        """
        return F.pad(tokens, (0, max(0, self.max_length - tokens.shape[1])), value=PAD)

    @torch.no_grad()
    def judge(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        """Return :meth:`forward` of any number of sentences, in bounded memory, no gradient."""
        rows = max(1, SCORING_TOKENS // tokens.shape[1])
        return torch.cat([self(some) for some in tokens.split(rows)])

    @abstractmethod
    def penalty(self) -> Float[Tensor, ""]:
        """Return the regularisation term of the training loss."""


class LinearDiscriminator(Discriminator):
    """A network whose features one dense layer turns into the log-odds.

    Weights start from N(0, std²), biases from zero. Padding embeds to zero. There is no penalty.
    """

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        num_features: int,
        dropout: float,
        normal: Callable[..., nn.Parameter],
    ) -> None:
        super().__init__()
        self.max_length, self.dropout = max_length, dropout
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        self.output_weights = normal(num_features)
        self.output_bias = nn.Parameter(torch.zeros(()))

    def noise(self, batch: int, rng: torch.Generator) -> Float[Tensor, "batch uniforms"]:
        count = len(self.output_weights) if self.dropout else 0
        return torch.rand(batch, count, generator=rng, device=rng.device)

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def classify(
        self,
        features: Float[Tensor, "batch features"],
        noise: Float[Tensor, "batch uniforms"] | None = None,
    ) -> Float[Tensor, " batch"]:
        if noise is not None and self.dropout:
            features = drop(features, noise, self.dropout)
        return features @ self.output_weights + self.output_bias

    def penalty(self) -> Float[Tensor, ""]:
        return self.output_bias.new_zeros(())


@final
class CNNDiscriminator(Discriminator):
    """Convolutions over embedded tokens, max over time, a highway layer, two classes.

    The architecture and the initialisation of the code released with Yu et al. (2017):
    convolutions and classifier from a normal of deviation 0.1 truncated at two deviations, with
    biases 0.1; highway layer Glorot-uniform; embedding U(-1, 1). The penalty is
    ``l2 * (||W||² + ||b||²) / 2`` of the classifier alone. The two-class softmax is kept, though
    one logit would do: Adam's path depends on it. Padding embeds to zero.

    Raises ``ValueError`` where a filter is wider than ``max_length``.
    """

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        widths: Sequence[int],
        num_filters: Sequence[int],
        dropout: float,
        l2: float,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        if max(widths) > max_length:
            raise ValueError(
                f"a filter must not be wider than a sentence, but {max(widths)} is wider than "
                f"{max_length} tokens"
            )
        self.max_length, self.dropout, self.l2 = max_length, dropout, l2
        num_features = sum(num_filters)
        glorot = (3 / num_features) ** 0.5  # TensorFlow's default for a square matrix and its bias

        def uniform(*shape: int, limit: float) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-limit, limit, generator=rng))

        def truncated(*shape: int) -> nn.Parameter:
            weights = torch.empty(shape)
            nn.init.trunc_normal_(weights, std=0.1, a=-0.2, b=0.2, generator=rng)
            return nn.Parameter(weights)

        def constant(size: int) -> nn.Parameter:
            return nn.Parameter(torch.full((size,), 0.1))

        self.embedding = uniform(alphabet.vocab_size, embedding_dim, limit=1.0)
        self.filters = nn.ParameterList(
            truncated(count, width, embedding_dim)
            for width, count in zip(widths, num_filters, strict=True)
        )
        self.filter_biases = nn.ParameterList(constant(count) for count in num_filters)
        self.highway_weights = uniform(num_features, num_features, limit=glorot)
        self.highway_bias = uniform(num_features, limit=glorot)
        self.gate_weights = uniform(num_features, num_features, limit=glorot)
        self.gate_bias = uniform(num_features, limit=glorot)
        self.output_weights = truncated(2, num_features)
        self.output_bias = constant(2)

    def noise(self, batch: int, rng: torch.Generator) -> Float[Tensor, "batch uniforms"]:
        num_features = len(self.output_weights[0]) if self.dropout else 0
        return torch.rand(batch, num_features, generator=rng, device=rng.device)

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def features(
        self,
        embedded: Float[Tensor, "batch time embedding"],
        real: Bool[Tensor, "batch time"],
    ) -> Float[Tensor, "batch features"]:
        return max_over_time(embedded, list(self.filters))

    @torch.no_grad()
    def judge(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        if tokens.device.type != "cpu":
            return super().judge(tokens)
        rows = max(1, SCORING_ELEMENTS // len(self.highway_bias))
        return torch.cat([self._judge(some) for some in tokens.split(rows)])

    def penalty(self) -> Float[Tensor, ""]:
        return self.l2 * (self.output_weights.square().sum() + self.output_bias.square().sum()) / 2

    def _judge(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, " batch"]:
        pooled = [self._pool(tokens, filters) for filters in self.filters]
        features = torch.cat(pooled, dim=1)
        return torch.cat([self.classify(some) for some in features.split(ROWS_AT_ONCE)])

    def _pool(
        self, tokens: Int[Tensor, "batch time"], filters: Float[Tensor, "filters width embedding"]
    ) -> Float[Tensor, "batch filters"]:
        vocab_size = len(self.embedding)
        if pays_as_table(tokens, vocab_size, filters):
            rows = torch.where(is_real(tokens), tokens, vocab_size)
            return max_over_table(rows, F.pad(self.embedding, (0, 0, 0, 1)), filters)
        batches = tokens.split(max(1, SCORING_TOKENS // tokens.shape[1]))
        return torch.cat([max_over_time(self.embed(some), [filters]) for some in batches])

    def classify(
        self,
        features: Float[Tensor, "batch features"],
        noise: Float[Tensor, "batch uniforms"] | None = None,
    ) -> Float[Tensor, " batch"]:
        # ReLU and the bias commute with the maximum over time; after it they touch far less.
        features = (features + torch.cat(list(self.filter_biases))).relu()
        gate = linear(features, self.gate_weights, self.gate_bias).sigmoid()
        transformed = linear(features, self.highway_weights, self.highway_bias).relu()
        features = torch.lerp(features, transformed, gate)
        if noise is not None and self.dropout:
            features = drop(features, noise, self.dropout)
        fake, real = F.linear(features, self.output_weights, self.output_bias).unbind(dim=1)
        return real - fake
