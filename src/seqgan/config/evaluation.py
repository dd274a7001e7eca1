"""What is sampled from the trained generators, and how it is scored."""

from typing import Annotated

from pydantic import Field, field_validator

from seqgan.config.section import Positive, PositiveCount, Section, Several, distinct


class Sampling(Section):
    """The sentences that every method is judged by."""

    num_sentences: Several = Field(
        default=2_000, description="Sentences sampled from every trained generator."
    )
    temperature: Positive = Field(
        default=1.0, description="The logits are divided by it; 1 samples the model as it is."
    )


class Evaluation(Section):
    """The scores of the final table."""

    bleu_orders: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = Field(
        default=(2, 3, 4, 5), description="Longest n-grams of BLEU and Self-BLEU."
    )

    _distinct = field_validator("bleu_orders")(distinct)


class ReportConfig(Section):
    """What the report shows beside tables and curves."""

    num_samples: PositiveCount = Field(
        default=8, description="Sentences printed for every method, of the first seed."
    )
