"""The generators: one section for each."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.section import Positive, PositiveCount, Section


class LSTMGeneratorConfig(Section):
    """An LSTM with one bias per gate, as in the paper."""

    kind: Literal["lstm"] = "lstm"
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


GeneratorConfig = LSTMGeneratorConfig
