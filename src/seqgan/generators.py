"""Autoregressive generators: ``p(y) = prod_t p(y[t] | start, y[:t])``."""

from abc import ABC, abstractmethod

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
    dropout: float = 0.0
    """Share of features that calls with noise drop."""

    @abstractmethod
    def state_numbers(self, length: int) -> int:
        """Return how many numbers the state of one prefix of so many tokens holds."""

    @abstractmethod
    def encode(
        self,
        tokens: Int[Tensor, "batch time"],
        noise: Float[Tensor, "batch time uniforms"] | None = None,
    ) -> Float[Tensor, "batch time hidden"]:
        """Return the features of every position, from the tokens before it; with noise, dropout."""

    def noise(
        self, batch: int, time: int, rng: torch.Generator
    ) -> Float[Tensor, "batch time uniforms"]:
        """Draw what decides the dropout of a batch; there are no columns where nothing is dropped.

        There is no training mode: dropout happens in the calls that are given the noise for it.
        """
        return torch.empty(batch, time, 0, device=rng.device)

    @abstractmethod
    def embedding_table(self) -> Float[Tensor, "vocab embedding"]:
        """Return the vector that stands for each token where it is read."""

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

    def step(
        self, previous: Int[Tensor, " batch"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], DecoderState]:
        """Read one token and return the features of the position after it."""
        return self.step_embedded(F.embedding(previous, self.embedding_table()), state)

    @abstractmethod
    def step_embedded(
        self, previous: Float[Tensor, "batch embedding"], state: DecoderState
    ) -> tuple[Float[Tensor, "batch hidden"], DecoderState]:
        """Read what stands for one token, or for a mixture of tokens, as :meth:`step` does."""


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


def shift_right(tokens: Int[Tensor, "batch time"], alphabet: Alphabet) -> Int[Tensor, "batch time"]:
    """Prepend the start token and drop the last one: what a network may see."""
    # What stands after the end is never scored, so any id will do in place of PAD.
    return F.pad(tokens[:, :-1].clamp(min=0), (1, 0), value=alphabet.start)
