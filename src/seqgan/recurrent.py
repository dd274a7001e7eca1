"""Recurrent generators."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar, final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.generators import (
    DecoderState,
    Generator,
    check_tied,
    never_emitted,
    shift_right,
)
from seqgan.layers import drawing, drop, run_gru
from seqgan.tokens import Alphabet


@dataclass(frozen=True)
class LSTMState(DecoderState):
    """Hidden state and memory cell of every layer."""

    hidden: Float[Tensor, "layers batch hidden"]
    cell: Float[Tensor, "layers batch hidden"]

    def select(self, rows: Int[Tensor, " new_batch"]) -> "LSTMState":
        return LSTMState(self.hidden[:, rows], self.cell[:, rows])

    def append(self, other: "DecoderState") -> "LSTMState":
        assert isinstance(other, LSTMState)
        return LSTMState(
            torch.cat([self.hidden, other.hidden], dim=1), torch.cat([self.cell, other.cell], dim=1)
        )


@dataclass(frozen=True)
class GRUState(DecoderState):
    """Hidden state of every layer."""

    hidden: Float[Tensor, "layers batch hidden"]

    def select(self, rows: Int[Tensor, " new_batch"]) -> "GRUState":
        return GRUState(self.hidden[:, rows])

    def append(self, other: "DecoderState") -> "GRUState":
        assert isinstance(other, GRUState)
        return GRUState(torch.cat([self.hidden, other.hidden], dim=1))


State = TypeVar("State", LSTMState, GRUState)


class RecurrentGenerator(Generator, Generic[State]):
    """Embeddings, layers of gated units one on top of the other, and an output layer.

    Every weight and bias is drawn from N(0, std²). The rows of ``input_weights``,
    ``recurrent_weights`` and ``biases`` are the gates of a layer, each ``hidden_dim`` rows.

    Args:
        alphabet: The token ids.
        embedding_dim: Width of the embeddings.
        hidden_dim: Width of the state.
        num_layers: Layers, one on top of the other.
        std: Of every weight and bias.
        dropout: Share of the features of each layer that is dropped in calls with noise.
        tied: Whether tokens have one vector, by which they are read and chosen (Press & Wolf,
            2017); ``ValueError`` unless both are of one width.
        rng: What draws the weights.
    """

    gates: ClassVar[int]
    """Gates of a unit, the candidate among them."""
    has_second_bias: ClassVar[bool] = False
    """Whether the candidate has a bias inside the reset gate too."""
    never_mask: Tensor

    def __init__(
        self,
        *,
        alphabet: Alphabet,
        embedding_dim: int,
        hidden_dim: int,
        num_layers: int = 1,
        std: float = 0.1,
        dropout: float = 0.0,
        tied: bool = False,
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        check_tied(tied, embedding_dim, hidden_dim)
        self.alphabet, self.dropout = alphabet, dropout
        self.num_layers, self.hidden_dim = num_layers, hidden_dim
        normal, rows = drawing(std, rng), self.gates * hidden_dim
        widths = [embedding_dim] + [hidden_dim] * (num_layers - 1)
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        self.input_weights = nn.ParameterList(normal(rows, width) for width in widths)
        self.recurrent_weights = nn.ParameterList(normal(rows, hidden_dim) for _ in widths)
        self.biases = nn.ParameterList(normal(rows) for _ in widths)
        if self.has_second_bias:
            self.candidate_biases = nn.ParameterList(normal(hidden_dim) for _ in widths)
        self.output_weights = None if tied else normal(alphabet.vocab_size, hidden_dim)
        self.output_bias = normal(alphabet.vocab_size)
        self.register_buffer("never_mask", never_emitted(alphabet), persistent=False)

    def noise(
        self, batch: int, time: int, rng: torch.Generator
    ) -> Float[Tensor, "batch time uniforms"]:
        count = self.num_layers * self.hidden_dim if self.dropout else 0
        return torch.rand(batch, time, count, generator=rng, device=rng.device)

    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        embedded = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        if noise is None or not self.dropout:
            return self._read(embedded, self.init_state(len(tokens)))[0]
        features = embedded
        for layer, uniforms in enumerate(noise.split(self.hidden_dim, dim=2)):
            state = self._zeros(1, len(tokens))
            features, _ = self._run(features, state, self._weights(layer), 1)
            features = drop(features, uniforms, self.dropout)
        return features

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        weights = self.embedding if self.output_weights is None else self.output_weights
        return weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> State:
        return self._zeros(self.num_layers, batch_size)

    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        features, after = self._read(previous[:, None], state)  # pyright: ignore[reportArgumentType]
        return features[:, 0], after

    def _read(
        self, embedded: Float[Tensor, "batch time embedding"], state: State
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        weights = [each for layer in range(self.num_layers) for each in self._weights(layer)]
        return self._run(embedded, state, weights, self.num_layers)

    @abstractmethod
    def _zeros(self, num_layers: int, batch_size: int) -> State:
        """Return the state of layers that have read nothing."""

    @abstractmethod
    def _weights(self, layer: int) -> list[Tensor]:
        """Return a layer's weights as the kernel takes them: with two biases."""

    @abstractmethod
    def _run(
        self,
        inputs: Float[Tensor, "batch time _"],
        state: State,
        weights: list[Tensor],
        num_layers: int,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Run the kernel of some layers."""


@final
class LSTMGenerator(RecurrentGenerator[LSTMState]):
    """The generator of the paper, and its oracle: an LSTM with one bias per gate.

    With ``std=0.1`` it is the untrained generator, with ``std=1.0`` the oracle of Yu et al.
    (2017), section "Synthetic data experiments". The gates are in the order of
    :class:`torch.nn.LSTM`: input, forget, candidate, output.
    """

    gates = 4

    def state_numbers(self, length: int) -> int:
        return 2 * self.num_layers * self.hidden_dim

    def _zeros(self, num_layers: int, batch_size: int) -> LSTMState:
        zeros = self.output_bias.new_zeros(num_layers, batch_size, self.hidden_dim)
        return LSTMState(zeros, zeros)

    def _weights(self, layer: int) -> list[Tensor]:
        bias = self.biases[layer]
        return [
            self.input_weights[layer], self.recurrent_weights[layer], bias, torch.zeros_like(bias)
        ]  # fmt: skip

    def _run(
        self,
        inputs: Float[Tensor, "batch time _"],
        state: LSTMState,
        weights: list[Tensor],
        num_layers: int,
    ) -> tuple[Float[Tensor, "batch time hidden"], LSTMState]:
        """Run the kernel behind :class:`torch.nn.LSTM`."""
        features, hidden, cell = torch.lstm(
            inputs,
            (state.hidden, state.cell),
            weights,
            has_biases=True,
            num_layers=num_layers,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return features, LSTMState(hidden, cell)


@final
class GRUGenerator(RecurrentGenerator[GRUState]):
    """A gated recurrent unit (Cho et al., 2014) in place of the LSTM.

    ``h' = (1 - z) * n + z * h`` with ``n = tanh(W x + b + r * (U h + c))``: the reset gate after
    the product, as in :class:`torch.nn.GRU`, for which the candidate has a second bias ``c``. The
    gates are in its order: reset, update, candidate.
    """

    gates = 3
    has_second_bias = True

    def state_numbers(self, length: int) -> int:
        return self.num_layers * self.hidden_dim

    def _zeros(self, num_layers: int, batch_size: int) -> GRUState:
        return GRUState(self.output_bias.new_zeros(num_layers, batch_size, self.hidden_dim))

    def _weights(self, layer: int) -> list[Tensor]:
        candidate = self.candidate_biases[layer]
        recurrent = torch.cat([candidate.new_zeros(2 * self.hidden_dim), candidate])
        return [
            self.input_weights[layer], self.recurrent_weights[layer], self.biases[layer], recurrent
        ]  # fmt: skip

    def _run(
        self,
        inputs: Float[Tensor, "batch time _"],
        state: GRUState,
        weights: list[Tensor],
        num_layers: int,
    ) -> tuple[Float[Tensor, "batch time hidden"], GRUState]:
        """Run the kernel behind :class:`torch.nn.GRU`."""
        features, hidden = run_gru(inputs, state.hidden, weights, num_layers)
        return features, GRUState(hidden)
