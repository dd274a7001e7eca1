"""Recurrent generators."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.generators import DecoderState, Generator, shift_right
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


@final
class LSTMGenerator(Generator):
    """The generator of the paper, and its oracle: an LSTM with one bias per gate.

    With ``std=0.1`` it is the untrained generator, with ``std=1.0`` the oracle of Yu et al.
    (2017), section "Synthetic data experiments": every weight and bias is drawn from N(0, std²).
    The rows of ``input_weights``, ``recurrent_weights`` and ``biases`` are the gates in the order
    of :class:`torch.nn.LSTM`, input, forget, candidate, output, each ``hidden_dim`` rows.

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
        normal = drawing(std, rng)
        widths = [embedding_dim] + [hidden_dim] * (num_layers - 1)
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        self.input_weights = nn.ParameterList(normal(4 * hidden_dim, width) for width in widths)
        self.recurrent_weights = nn.ParameterList(
            normal(4 * hidden_dim, hidden_dim) for _ in widths
        )
        self.biases = nn.ParameterList(normal(4 * hidden_dim) for _ in widths)
        self.output_weights = None if tied else normal(alphabet.vocab_size, hidden_dim)
        self.output_bias = normal(alphabet.vocab_size)
        self.register_buffer("never_mask", never_emitted(alphabet), persistent=False)

    def noise(
        self, batch: int, time: int, rng: torch.Generator
    ) -> Float[Tensor, "batch time uniforms"]:
        return dropout_noise(self, batch, time, rng)

    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        embedded = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        if noise is None or not self.dropout:
            return self._read(embedded, self.init_state(len(tokens)))[0]
        features, zeros = embedded, self.output_bias.new_zeros(1, len(tokens), self.hidden_dim)
        for layer, uniforms in enumerate(noise.split(self.hidden_dim, dim=2)):
            features, _ = self._run(features, LSTMState(zeros, zeros), self._weights(layer), 1)
            features = drop(features, uniforms, self.dropout)
        return features

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        weights = self.embedding if self.output_weights is None else self.output_weights
        return weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> LSTMState:
        zeros = self.output_bias.new_zeros(self.num_layers, batch_size, self.hidden_dim)
        return LSTMState(zeros, zeros)

    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        assert isinstance(state, LSTMState)
        features, state = self._read(previous[:, None], state)
        return features[:, 0], state

    def _weights(self, layer: int) -> list[Tensor]:
        """Return a layer's weights as the kernel takes them; its second bias is zero here."""
        bias = self.biases[layer]
        return [
            self.input_weights[layer], self.recurrent_weights[layer], bias, torch.zeros_like(bias)
        ]  # fmt: skip

    def _read(
        self, embedded: Float[Tensor, "batch time embedding"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch time hidden"], LSTMState]:
        weights = [each for layer in range(self.num_layers) for each in self._weights(layer)]
        return self._run(embedded, state, weights, self.num_layers)

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
class GRUGenerator(Generator):
    """A gated recurrent unit (Cho et al., 2014) in place of the LSTM.

    ``h' = (1 - z) * n + z * h`` with ``n = tanh(W x + b + r * (U h + c))``: the reset gate after
    the product, as in :class:`torch.nn.GRU`, for which the candidate has a second bias ``c``. The
    rows of ``input_weights``, ``recurrent_weights`` and ``biases`` are the gates in its order,
    reset, update, candidate. The arguments are those of :class:`LSTMGenerator`.
    """

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
        normal = drawing(std, rng)
        widths = [embedding_dim] + [hidden_dim] * (num_layers - 1)
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        self.input_weights = nn.ParameterList(normal(3 * hidden_dim, width) for width in widths)
        self.recurrent_weights = nn.ParameterList(
            normal(3 * hidden_dim, hidden_dim) for _ in widths
        )
        self.biases = nn.ParameterList(normal(3 * hidden_dim) for _ in widths)
        self.candidate_biases = nn.ParameterList(normal(hidden_dim) for _ in widths)
        self.output_weights = None if tied else normal(alphabet.vocab_size, hidden_dim)
        self.output_bias = normal(alphabet.vocab_size)
        self.register_buffer("never_mask", never_emitted(alphabet), persistent=False)

    def noise(
        self, batch: int, time: int, rng: torch.Generator
    ) -> Float[Tensor, "batch time uniforms"]:
        return dropout_noise(self, batch, time, rng)

    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        embedded = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        if noise is None or not self.dropout:
            return self._read(embedded, self.init_state(len(tokens)))[0]
        features, zeros = embedded, self.output_bias.new_zeros(1, len(tokens), self.hidden_dim)
        for layer, uniforms in enumerate(noise.split(self.hidden_dim, dim=2)):
            features, _ = self._run(features, GRUState(zeros), self._weights(layer), 1)
            features = drop(features, uniforms, self.dropout)
        return features

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        weights = self.embedding if self.output_weights is None else self.output_weights
        return weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> GRUState:
        return GRUState(self.output_bias.new_zeros(self.num_layers, batch_size, self.hidden_dim))

    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], GRUState]:
        assert isinstance(state, GRUState)
        features, state = self._read(previous[:, None], state)
        return features[:, 0], state

    def _weights(self, layer: int) -> list[Tensor]:
        """Return a layer's weights as the kernel takes them; reset and update have one bias."""
        candidate = self.candidate_biases[layer]
        recurrent = torch.cat([candidate.new_zeros(2 * self.hidden_dim), candidate])
        return [
            self.input_weights[layer], self.recurrent_weights[layer], self.biases[layer], recurrent
        ]  # fmt: skip

    def _read(
        self, embedded: Float[Tensor, "batch time embedding"], state: GRUState
    ) -> tuple[Float[Tensor, "batch time hidden"], GRUState]:
        weights = [each for layer in range(self.num_layers) for each in self._weights(layer)]
        return self._run(embedded, state, weights, self.num_layers)

    def _run(
        self,
        inputs: Float[Tensor, "batch time _"],
        state: GRUState,
        weights: list[Tensor],
        num_layers: int,
    ) -> tuple[Float[Tensor, "batch time hidden"], GRUState]:
        """Run the kernel behind :class:`torch.nn.GRU`."""
        features, hidden = torch.gru(
            inputs,
            state.hidden,
            weights,
            has_biases=True,
            num_layers=num_layers,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return features, GRUState(hidden)


# --- what both share ------------------------------------------------------------------------------


def drawing(std: float, rng: torch.Generator) -> Callable[..., nn.Parameter]:
    """Return what makes weights of a shape, each number from N(0, std²)."""

    def normal(*shape: int) -> nn.Parameter:
        # The numbers of torch.randn, which takes a second to load where no memory is wanted.
        return nn.Parameter(torch.empty(shape).normal_(generator=rng) * std)

    return normal


def never_emitted(alphabet: Alphabet) -> Float[Tensor, " vocab"]:
    """Return zero for each token, and minus infinity for one that is never emitted."""
    never = torch.zeros(alphabet.vocab_size)
    never[list(alphabet.never_emitted)] = -torch.inf
    return never


def check_tied(tied: bool, embedding_dim: int, hidden_dim: int) -> None:
    """Raise ``ValueError`` where one vector cannot serve to read a token and to choose it."""
    if tied and embedding_dim != hidden_dim:
        raise ValueError(
            f"tied weights need `embedding_dim` and `hidden_dim` of one size, but {embedding_dim} "
            f"is not {hidden_dim}"
        )


def dropout_noise(
    generator: LSTMGenerator | GRUGenerator, batch: int, time: int, rng: torch.Generator
) -> Float[Tensor, "batch time uniforms"]:
    """Draw a uniform for every feature of every layer; none where nothing is dropped."""
    count = generator.num_layers * generator.hidden_dim if generator.dropout else 0
    return torch.rand(batch, time, count, generator=rng, device=rng.device)


def drop(
    features: Float[Tensor, "batch time hidden"],
    uniforms: Float[Tensor, "batch time hidden"],
    dropout: float,
) -> Float[Tensor, "batch time hidden"]:
    """Set the share ``dropout`` of the features to zero and raise the others as much."""
    return features * (uniforms >= dropout) / (1 - dropout)
