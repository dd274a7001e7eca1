"""Autoregressive generators: ``p(y) = prod_t p(y[t] | start, y[:t])``."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqgan.tokens import Alphabet


class DecoderState(ABC):
    """What a generator remembers of a prefix. Immutable."""

    @abstractmethod
    def select(self, rows: Int[Tensor, " new_batch"]) -> "DecoderState":
        """Return the state whose row ``i`` is this state's row ``rows[i]``."""

    @abstractmethod
    def append(self, other: "DecoderState") -> "DecoderState":
        """Return the state with the rows of ``other`` below its own."""


class Generator(nn.Module, ABC):
    """A distribution over sentences that can be scored whole or decoded token by token.

    ``forward`` and repeated ``step`` and ``project`` describe the same distribution. No caller
    shifts tokens: ``logits[:, t]`` scores ``tokens[:, t]`` given ``tokens[:, :t]``.
    """

    alphabet: Alphabet

    @abstractmethod
    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Return the logits of every token given those before it; minus infinity where never."""

    @abstractmethod
    def init_state(self, batch_size: int) -> DecoderState:
        """Return the state of the empty prefix."""

    @abstractmethod
    def step(
        self, previous: Int[Tensor, " batch"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], DecoderState]:
        """Read one token and return the features that :meth:`project` turns into logits."""

    @abstractmethod
    def project(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch vocab"]:
        """Return the logits of the next token.

        Apart from :meth:`step`, so that sampling can project a few rows at a time and never holds
        the logits of all of them.
        """


def shift_right(tokens: Int[Tensor, "batch time"], alphabet: Alphabet) -> Int[Tensor, "batch time"]:
    """Prepend the start token and drop the last one: what a network may see."""
    # What stands after the end is never scored, so any id will do in place of PAD.
    return F.pad(tokens[:, :-1].clamp(min=0), (1, 0), value=alphabet.start)


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


@final
class LSTMGenerator(Generator):
    """The generator of the paper, and its oracle: an LSTM with one bias per gate.

    With ``std=0.1`` it is the untrained generator, with ``std=1.0`` the oracle of Yu et al.
    (2017), section "Synthetic data experiments": every weight and bias is drawn from N(0, std²).
    The rows of ``input_weights``, ``recurrent_weights`` and ``biases`` are the gates in the order
    input, forget, output, candidate, each ``hidden_dim`` rows.
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
        rng: torch.Generator,
    ) -> None:
        super().__init__()
        self.alphabet = alphabet
        self.num_layers, self.hidden_dim = num_layers, hidden_dim

        def normal(*shape: int) -> nn.Parameter:
            # The numbers of torch.randn, which takes a second to load where no memory is wanted.
            return nn.Parameter(torch.empty(shape).normal_(generator=rng) * std)

        widths = [embedding_dim] + [hidden_dim] * (num_layers - 1)
        self.embedding = normal(alphabet.vocab_size, embedding_dim)
        self.input_weights = nn.ParameterList(normal(4 * hidden_dim, width) for width in widths)
        self.recurrent_weights = nn.ParameterList(
            normal(4 * hidden_dim, hidden_dim) for _ in widths
        )
        self.biases = nn.ParameterList(normal(4 * hidden_dim) for _ in widths)
        self.output_weights = normal(alphabet.vocab_size, hidden_dim)
        self.output_bias = normal(alphabet.vocab_size)
        never = torch.zeros(alphabet.vocab_size)
        never[list(alphabet.never_emitted)] = -torch.inf
        self.register_buffer("never_mask", never, persistent=False)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        features = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        start = features.new_zeros(len(tokens), self.hidden_dim)
        for layer in range(self.num_layers):
            driven = F.linear(features, self.input_weights[layer], self.biases[layer])
            hidden, cell, states = start, start, []
            for from_input in driven.unbind(dim=1):
                hidden, cell = self._gates(from_input, hidden, cell, layer)
                states.append(hidden)
            features = torch.stack(states, dim=1)
        return self.project(features)

    def init_state(self, batch_size: int) -> LSTMState:
        zeros = self.output_bias.new_zeros(self.num_layers, batch_size, self.hidden_dim)
        return LSTMState(zeros, zeros)

    def step(
        self, previous: Int[Tensor, " batch"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        assert isinstance(state, LSTMState)
        features = F.embedding(previous, self.embedding)
        hiddens, cells = [], []
        for layer in range(self.num_layers):
            driven = F.linear(features, self.input_weights[layer], self.biases[layer])
            features, cell = self._gates(driven, state.hidden[layer], state.cell[layer], layer)
            hiddens.append(features)
            cells.append(cell)
        return features, LSTMState(torch.stack(hiddens), torch.stack(cells))

    def project(self, features: Float[Tensor, "*batch hidden"]) -> Float[Tensor, "*batch vocab"]:
        return F.linear(features, self.output_weights, self.output_bias + self.never_mask)

    def _gates(
        self,
        from_input: Float[Tensor, "batch gates"],
        hidden: Float[Tensor, "batch hidden"],
        cell: Float[Tensor, "batch hidden"],
        layer: int,
    ) -> tuple[Float[Tensor, "batch hidden"], Float[Tensor, "batch hidden"]]:
        """One LSTM step (Hochreiter & Schmidhuber, 1997; with a forget gate)."""
        gates = torch.addmm(from_input, hidden, self.recurrent_weights[layer].T)
        squashed = gates[:, : 3 * self.hidden_dim].sigmoid()
        input_gate, forget_gate, output_gate = squashed.chunk(3, dim=1)
        cell = forget_gate * cell + input_gate * gates[:, 3 * self.hidden_dim :].tanh()
        return output_gate * cell.tanh(), cell
