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

    ``encode`` and repeated ``step`` give the same features. No caller shifts tokens: the features
    and logits at ``[:, t]`` are those of ``tokens[:, t]`` given ``tokens[:, :t]``.
    """

    alphabet: Alphabet

    @abstractmethod
    def encode(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time hidden"]:
        """Return the features of every position, from the tokens before it."""

    @abstractmethod
    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        """Return the weights and the bias that turn features into logits.

        Apart from the features, so that nobody needs to hold the logits of a whole batch. The
        bias is minus infinity where a token is never emitted.
        """

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocab"]:
        """Return the logits of every token given those before it; minus infinity where never."""
        return F.linear(self.encode(tokens), *self.output_layer())

    @abstractmethod
    def init_state(self, batch_size: int) -> DecoderState:
        """Return the state of the empty prefix."""

    @abstractmethod
    def step(
        self, previous: Int[Tensor, " batch"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], DecoderState]:
        """Read one token and return the features of the position after it."""


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
    of :class:`torch.nn.LSTM`, input, forget, candidate, output, each ``hidden_dim`` rows.
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

    def encode(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time hidden"]:
        return self._read(shift_right(tokens, self.alphabet), self.init_state(len(tokens)))[0]

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        return self.output_weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> LSTMState:
        zeros = self.output_bias.new_zeros(self.num_layers, batch_size, self.hidden_dim)
        return LSTMState(zeros, zeros)

    def step(
        self, previous: Int[Tensor, " batch"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        assert isinstance(state, LSTMState)
        features, state = self._read(previous[:, None], state)
        return features[:, 0], state

    def _read(
        self, tokens: Int[Tensor, "batch time"], state: LSTMState
    ) -> tuple[Float[Tensor, "batch time hidden"], LSTMState]:
        """Run the kernel behind :class:`torch.nn.LSTM`; its second bias is zero here."""
        weights = [
            each
            for inward, recurrent, bias in zip(
                self.input_weights, self.recurrent_weights, self.biases, strict=True
            )
            for each in (inward, recurrent, bias, torch.zeros_like(bias))
        ]
        features, hidden, cell = torch.lstm(
            F.embedding(tokens, self.embedding),
            (state.hidden, state.cell),
            weights,
            has_biases=True,
            num_layers=self.num_layers,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=True,
        )
        return features, LSTMState(hidden, cell)
