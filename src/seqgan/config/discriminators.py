"""The discriminators: one section for each."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from seqgan.config.section import Positive, PositiveCount, Section, equal_heads, kind_or

Dropout = Annotated[float, Field(ge=0, lt=1)]


class CNNDiscriminatorConfig(Section):
    """Convolutions, max over time and a highway layer, as in the paper."""

    kind: Literal["cnn"] = "cnn"
    embedding_dim: PositiveCount = Field(
        default=64, description="Width of the token embeddings. Paper: 64."
    )
    widths: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = Field(
        default=(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20),
        description="Widths of the convolutions, in tokens. Paper: 1 to 10, 15, 20.",
    )
    num_filters: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = Field(
        default=(100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160),
        description="Filters of each width. Paper: 1,720 in all.",
    )
    dropout: Dropout = Field(
        default=0.25,
        description="Share of features dropped while the discriminator learns. Paper: 0.25.",
    )
    l2: Annotated[float, Field(ge=0)] = Field(
        default=0.2, description="Weight of the L2 penalty on the output layer. Paper: 0.2."
    )

    @model_validator(mode="after")
    def _same_number(self) -> "CNNDiscriminatorConfig":
        if len(self.widths) != len(self.num_filters):
            raise ValueError(
                f"`num_filters` must give a number for each of the {len(self.widths)} widths, "
                f"but gives {len(self.num_filters)}"
            )
        return self

    def too_wide(self, row: int) -> list[int]:
        """Return the widths that no sentence of so many tokens has room for."""
        return [width for width in self.widths if width > row]


class ReadingDiscriminator(Section):
    """What discriminators that read sentences as sequences have in common."""

    embedding_dim: PositiveCount = Field(default=64, description="Width of the token embeddings.")
    dropout: Dropout = Field(
        default=0.25, description="Share of features dropped while the discriminator learns."
    )
    std: Positive = Field(default=0.1, description="Every weight starts from N(0, std²).")

    def too_wide(self, row: int) -> list[int]:
        """Return nothing: they read sentences of any length."""
        return []


class RNNDiscriminatorConfig(ReadingDiscriminator):
    """Gated recurrent units that read a sentence from both ends."""

    kind: Literal["rnn"]
    hidden_dim: PositiveCount = Field(default=64, description="Units for each direction.")
    pooling: Literal["last", "max"] = Field(
        default="last",
        description="What is judged: the last state of each direction, or the greatest value of "
        "each unit over the sentence.",
    )


class PrefixDiscriminatorConfig(ReadingDiscriminator):
    """Gated recurrent units that judge a sentence after each of its tokens.

    For `action_value: {kind: dense}`, which needs no completions.
    """

    kind: Literal["prefix"]
    hidden_dim: PositiveCount = Field(default=64, description="Units.")


class TransformerDiscriminatorConfig(ReadingDiscriminator):
    """Layers of attention over the whole sentence, pooled over its tokens."""

    kind: Literal["transformer"]
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
    pooling: Literal["mean", "max"] = Field(
        default="mean", description="What is judged: mean or maximum of each feature over tokens."
    )

    _heads = model_validator(mode="after")(equal_heads)


DiscriminatorConfig = Annotated[
    Annotated[CNNDiscriminatorConfig, Tag("cnn")]
    | Annotated[RNNDiscriminatorConfig, Tag("rnn")]
    | Annotated[PrefixDiscriminatorConfig, Tag("prefix")]
    | Annotated[TransformerDiscriminatorConfig, Tag("transformer")],
    Discriminator(kind_or("cnn")),
]
