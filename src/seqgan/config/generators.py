"""The generators: one section for each."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seqgan.config.section import Positive, PositiveCount, Section


class RecurrentGenerator(Section):
    """What recurrent generators have in common."""

    embedding_dim: PositiveCount = Field(
        default=32, description="Width of the token embeddings. Paper: 32."
    )
    hidden_dim: PositiveCount = Field(default=32, description="Width of the state. Paper: 32.")
    num_layers: Annotated[int, Field(ge=1, le=100)] = Field(
        default=1, description="Stacked LSTM layers. Paper: 1."
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


class LSTMGeneratorConfig(RecurrentGenerator):
    """An LSTM with one bias per gate, as in the paper."""

    kind: Literal["lstm"] = "lstm"


class GRUGeneratorConfig(RecurrentGenerator):
    """A gated recurrent unit, as in cuDNN: the reset gate after the product."""

    kind: Literal["gru"]


GeneratorConfig = Annotated[LSTMGeneratorConfig | GRUGeneratorConfig, Field(discriminator="kind")]
