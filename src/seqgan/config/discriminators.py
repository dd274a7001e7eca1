"""The discriminators: one section for each."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seqgan.config.section import PositiveCount, Section


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
    dropout: Annotated[float, Field(ge=0, lt=1)] = Field(
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


DiscriminatorConfig = CNNDiscriminatorConfig
