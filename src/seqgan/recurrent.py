"""Recurrent generators."""

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

    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        embedded = F.embedding(shift_right(tokens, self.alphabet), self.embedding)
        return self._read(embedded, self.init_state(len(tokens)))[0]

    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        return self.embedding

    def output_layer(self) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
        return self.output_weights, self.output_bias + self.never_mask

    def init_state(self, batch_size: int) -> LSTMState:
        zeros = self.output_bias.new_zeros(self.num_layers, batch_size, self.hidden_dim)
        return LSTMState(zeros, zeros)

    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], LSTMState]:
        assert isinstance(state, LSTMState)
        features, state = self._read(previous[:, None], state)
        return features[:, 0], state

    def _read(
        self, embedded: Float[Tensor, "batch time embedding"], state: LSTMState
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
            embedded,
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
