"""A decoder-only Transformer as generator, with a cache of keys and values that branches."""

from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.generators import DecoderState, Generator, never_emitted, shift_right
from seqgan.layers import TransformerLayer, attend, check_heads, drawing, drop, rotated
from seqgan.tokens import Alphabet


@dataclass(frozen=True)
class TransformerState(DecoderState):
    """Keys and values of every layer at every position that was read.

    Rows of a state stand at one position; what is appended must stand there too.
    """

    keys: Float[Tensor, "layers batch heads past head"]
    values: Float[Tensor, "layers batch heads past head"]

    def select(self, rows: Int[Tensor, " new_batch"]) -> "TransformerState":
        return TransformerState(self.keys[:, rows], self.values[:, rows])

    def append(self, other: "DecoderState") -> "TransformerState":
        assert isinstance(other, TransformerState)
        return TransformerState(
            torch.cat([self.keys, other.keys], dim=1), torch.cat([self.values, other.values], dim=1)
        )


@final
class TransformerGenerator(Generator):
    """Layers of causal attention over embedded tokens (Vaswani et al., 2017; decoder only).

    Normalised before each part (Xiong et al., 2020) and once at the end. Weights start from
    N(0, std²), biases from zero, gains from one.

    Args:
        alphabet: The token ids.
        max_length: Tokens of a row, as many as there are learned positions.
        embedding_dim: Width of embeddings and features.
        num_heads: Heads of attention; ``ValueError`` unless each has an equal, even part.
        num_layers: Layers, one on top of the other.
        feedforward_dim: Width inside the two dense layers.
        positions: ``rotary`` turns keys and queries (Su et al., 2021), ``learned`` adds a vector
            for each position to its embedding.
        std: Of every weight.
        dropout: Share dropped, in calls with noise, of embeddings and of what is added to them.
        tied: Whether tokens have one vector, by which they are read and chosen (Press & Wolf,
            2017).
        rng: What draws the weights.
    """

    never_mask: Tensor

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        max_length: int,
        embedding_dim: int,
        num_heads: int,
        num_layers: int,
        feedforward_dim: int,
        positions: Literal["rotary", "learned"] = "rotary",
        std: float = 0.1,
        dropout: float = 0.0,
        tied: bool = False,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        check_heads(embedding_dim, num_heads)
        self.alphabet, self.dropout, self.max_length = alphabet, dropout, max_length
        self.width, self.num_heads = embedding_dim, num_heads
        normal = drawing(std, rng)
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        learned = positions == "learned"
        self.position_table = normal(max_length, embedding_dim) if learned else None
        self.layers = nn.ModuleList(
            TransformerLayer(embedding_dim, num_heads, feedforward_dim, normal)
            for _ in range(num_layers)
        )
        self.last_gain = nn.Parameter(torch.ones(embedding_dim))
        self.last_shift = nn.Parameter(torch.zeros(embedding_dim))
        self.output_weights = None if tied else normal(alphabet.vocab_size, embedding_dim)
        self.output_bias = nn.Parameter(torch.zeros(alphabet.vocab_size))
        self.register_buffer("never_mask", never_emitted(alphabet), persistent=False)

    def state_numbers(self, length: int) -> int:
        return 2 * len(self.layers) * self.width * length

    def noise(
        self, batch: int, time: int, rng: torch.Generator
    ) -> Float[Tensor, "batch time uniforms"]:
        count = (1 + 2 * len(self.layers)) * self.width if self.dropout else 0
        return torch.rand(batch, time, count, generator=rng, device=rng.device)

    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        embedded = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        features, _ = self._read(embedded, self.init_state(len(tokens)), noise)
        return features

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        weights = self.embedding if self.output_weights is None else self.output_weights
        return weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> TransformerState:
        shape = len(self.layers), batch_size, self.num_heads, 0, self.width // self.num_heads
        nothing = self.output_bias.new_zeros(shape)
        return TransformerState(nothing, nothing)

    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], TransformerState]:
        assert isinstance(state, TransformerState)
        features, state = self._read(previous[:, None], state)
        return features[:, 0], state

    def _read(
        self,
        embedded: Float[Tensor, "batch new embedding"],
        state: TransformerState,
        noise: Float[Tensor, "batch new uniforms"] | None = None,
    ) -> tuple[Float[Tensor, "batch new embedding"], TransformerState]:
        """Read tokens that follow those of a state; return their features and the new state."""
        past, new = state.keys.shape[3], embedded.shape[1]
        positions = torch.arange(past, past + new, device=embedded.device)
        features = embedded
        if self.position_table is not None:
            if past + new > self.max_length:
                raise ValueError(
                    f"there are positions for {self.max_length} tokens, but a sentence has "
                    f"{past + new}"
                )
            features = features + self.position_table[past : past + new]
        parts = [None] * len(self.layers)
        if noise is not None and self.dropout:
            first, *rest = noise.split([self.width, *[2 * self.width] * len(self.layers)], dim=2)
            features, parts = drop(features, first, self.dropout), rest
        seen = torch.arange(past + new, device=embedded.device)
        later = None if new == 1 else seen > positions[:, None]
        kept_keys, kept_values = [], []
        for i, (layer, uniforms) in enumerate(zip(self.layers, parts, strict=True)):
            assert isinstance(layer, TransformerLayer)
            queries, keys, values = layer.project(features)
            if self.position_table is None:
                queries, keys = rotated(queries, positions), rotated(keys, positions)
            keys = torch.cat([state.keys[i], keys], dim=2)
            values = torch.cat([state.values[i], values], dim=2)
            attended = attend(queries, keys, values, later)
            features = layer.add_attended(features, attended, uniforms, self.dropout)
            kept_keys.append(keys)
            kept_values.append(values)
        features = F.layer_norm(features, (self.width,), self.last_gain, self.last_shift)
        return features, TransformerState(torch.stack(kept_keys), torch.stack(kept_values))
