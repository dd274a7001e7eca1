"""The generators: one section for each."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from seqgan.config.section import Positive, PositiveCount, Section, equal_heads, kind_or


class RecurrentGenerator(Section):
    """What recurrent generators have in common."""

    embedding_dim: PositiveCount = Field(
        default=32, description="Width of the token embeddings. Paper: 32."
    )
    hidden_dim: PositiveCount = Field(default=32, description="Width of the state. Paper: 32.")
    num_layers: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Layers, one on top of the other. Paper: 1."
    )
    std: Positive = Field(
        default=0.1, description="Every weight and bias starts from N(0, std²). Paper: 0.1."
    )
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0,
        description="Share of the features of every layer that is dropped while likelihood is "
        "learnt; never while a reward is. Paper: 0.",
    )
    tied: bool = Field(
        default=False,
        description="Whether tokens are read and chosen by one vector; needs `embedding_dim` equal "
        "to `hidden_dim`. Paper: no.",
    )

    @model_validator(mode="after")
    def _one_width(self) -> "RecurrentGenerator":
        if self.tied and self.embedding_dim != self.hidden_dim:
            raise ValueError(
                f"`tied` needs `embedding_dim` and `hidden_dim` of one size, but "
                f"{self.embedding_dim} is not {self.hidden_dim}"
            )
        return self

    def state_numbers(self, length: int) -> int:
        """Return how many numbers the state of a prefix holds, as the generator says."""
        return 2 * self.num_layers * self.hidden_dim

    def step_numbers(self, length: int) -> int:
        """Estimate how many numbers a step holds for each prefix at its peak: gates and states."""
        return 15 * self.num_layers * self.hidden_dim

    def training_numbers(self, length: int) -> int:
        """Estimate how many numbers an update holds for each token at its peak."""
        return 22 * self.num_layers * self.hidden_dim


class LSTMGeneratorConfig(RecurrentGenerator):
    """An LSTM with one bias per gate, as in the paper."""

    kind: Literal["lstm"] = "lstm"


class GRUGeneratorConfig(RecurrentGenerator):
    """A gated recurrent unit, as in cuDNN: the reset gate after the product."""

    kind: Literal["gru"]


class TransformerGeneratorConfig(Section):
    """A decoder-only Transformer, normalised before each part."""

    kind: Literal["transformer"]
    embedding_dim: PositiveCount = Field(
        default=64, description="Width of the token embeddings and of all features."
    )
    num_heads: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=4,
        description="Heads of attention; `embedding_dim` must be a multiple of twice as many.",
    )
    num_layers: Annotated[int, Field(ge=1, le=100)] = Field(
        default=2, description="Layers, one on top of the other."
    )
    feedforward_dim: PositiveCount = Field(
        default=128, description="Width between the two dense layers of each layer."
    )
    positions: Literal["rotary", "learned"] = Field(
        default="rotary",
        description="How it knows where tokens stand: keys and queries turned by their position "
        "(Su et al., 2021), or a vector for each.",
    )
    std: Positive = Field(default=0.1, description="Every weight starts from N(0, std²).")
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0,
        description="Share of embeddings, and of what each layer adds to them, that is dropped "
        "while likelihood is learnt; never while a reward is.",
    )
    tied: bool = Field(
        default=False, description="Whether tokens are read and chosen by one vector."
    )

    _heads = model_validator(mode="after")(equal_heads)

    @property
    def hidden_dim(self) -> int:
        """Return the width of the features that the output layer reads."""
        return self.embedding_dim

    def state_numbers(self, length: int) -> int:
        """Return how many numbers the state of a prefix holds, as the generator says."""
        return 2 * self.num_layers * self.embedding_dim * length

    def step_numbers(self, length: int) -> int:
        """Estimate how many numbers a step holds for each prefix at its peak.

        The state before it and after it, and on the way a layer of it and what that layer makes.
        """
        states = 2 * self.state_numbers(length) + self.state_numbers(length) // self.num_layers
        return states + 2 * self.num_heads * length + 12 * self.embedding_dim + self._inner

    def training_numbers(self, length: int) -> int:
        """Estimate how many numbers an update holds for each token at its peak."""
        of_layer = 24 * self.embedding_dim + 3 * self.num_heads * length + self._inner
        return self.num_layers * of_layer + 8 * self.embedding_dim

    @property
    def _inner(self) -> int:
        return 4 * self.feedforward_dim


GeneratorConfig = Annotated[
    Annotated[LSTMGeneratorConfig, Tag("lstm")]
    | Annotated[GRUGeneratorConfig, Tag("gru")]
    | Annotated[TransformerGeneratorConfig, Tag("transformer")],
    Discriminator(kind_or("lstm")),
]
