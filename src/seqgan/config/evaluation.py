"""What is sampled from the trained generators, and how it is scored."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from seqgan.config.section import PositiveCount, Section, Several, Share, distinct

Temperature = Annotated[float, Field(ge=0.001)]


class Sampling(Section):
    """The sentences that every method is judged by."""

    num_sentences: Several = Field(
        default=2_000, description="Sentences sampled from every trained generator."
    )
    temperature: Temperature = Field(
        default=1.0, description="The logits are divided by it; 1 samples the model as it is."
    )


class Embedding(Section):
    """The metrics that compare embeddings of sentences."""

    encoder: Literal["automatic", "in_domain", "none"] = Field(
        default="automatic",
        description="`automatic`: the sentence encoder of the extra `embed` where it is installed "
        "and knows the language, else one made of the training set's words; `in_domain`: always "
        "the latter; `none`: no such metrics.",
    )
    num_sentences: Several = Field(
        default=2_000, description="Sentences that are embedded, of each set; larger takes longer."
    )
    neighbours: PositiveCount = Field(
        default=5, description="The k of precision, recall, density and coverage."
    )


class Evaluation(Section):
    """The scores of the final table."""

    bleu_orders: Annotated[tuple[PositiveCount, ...], Field(min_length=1)] = Field(
        default=(2, 3, 4, 5),
        description="Longest n-grams of BLEU and of all that counts n-grams.",
    )
    capped_references: PositiveCount | None = Field(
        default=None,
        description="Also BLEU against so many test sentences, as `bleu_n_at_N`, to compare with "
        "tables that were made so; without it, against all alone.",
    )
    num_train: PositiveCount = Field(
        default=100_000,
        description="Training sentences that copies are looked for in and the n-gram language "
        "model learns from.",
    )
    language_model_order: Annotated[int, Field(ge=2, le=7)] = Field(
        default=5, description="Longest n-grams of the language model behind `lm_score`."
    )
    validity: Literal[
        "automatic",
        "none",
        "python",
        "abc",
        "quatrain",
        "arithmetic",
        "dyck-1",
        "dyck-2",
        "palindrome",
        "anbn",
        "copy",
    ] = Field(
        default="automatic",
        description="What sentences are checked to be: `python`, notes (`abc`), a Chinese "
        "`quatrain`, or of a formal language; `automatic`: what the source of the corpus holds.",
    )
    embedding: Embedding = Field(default=Embedding(), description="Metrics of sentence embeddings.")

    _distinct = field_validator("bleu_orders")(distinct)


class Sweep(Section):
    """The settings at which every method is sampled to draw its curve of quality and diversity."""

    temperatures: Annotated[tuple[Temperature, ...], Field(max_length=50)] = Field(
        default=(0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4),
        description="The logits are divided by each in turn; none draws no curves.",
    )
    top_k: Annotated[tuple[PositiveCount, ...], Field(max_length=50)] = Field(
        default=(), description="Further points that sample from the k likeliest tokens alone."
    )
    top_p: Annotated[tuple[Share, ...], Field(max_length=50)] = Field(
        default=(),
        description="Further points that sample from the fewest tokens of this probability alone.",
    )
    num_sentences: Several = Field(
        default=2_000, description="Sentences of every point, and test sentences that it is given."
    )

    _distinct = field_validator("temperatures", "top_k", "top_p")(distinct)

    @property
    def empty(self) -> bool:
        """Whether nothing is swept."""
        return not (self.temperatures or self.top_k or self.top_p)


class ReportConfig(Section):
    """What the report shows beside tables and curves."""

    num_samples: PositiveCount = Field(
        default=8, description="Sentences printed for every method, of the first seed."
    )
