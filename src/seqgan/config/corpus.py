"""Where real sentences come from."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from seqgan.config.section import (
    Positive,
    PositiveCount,
    Section,
    Seed,
    Several,
    UserPath,
)
from seqgan.config.sources import FileSource, SourceConfig
from seqgan.config.tokenizers import TokenizerConfig, WordTokenizer


class OracleCorpus(Section):
    """Sentences sampled from a fixed random LSTM, whose likelihood of any sentence is known."""

    kind: Literal["oracle"]
    vocab_size: Several = Field(
        default=5000,
        description="Number of ordinary tokens; id 0 is also the start token. Paper: 5000.",
    )
    length: Several = Field(
        default=20, description="Tokens in every sentence; there is no end token. Paper: 20."
    )
    embedding_dim: PositiveCount = Field(
        default=32, description="Width of the oracle's embeddings. Paper: 32."
    )
    hidden_dim: PositiveCount = Field(
        default=32, description="Width of the oracle's state. Paper: 32."
    )
    std: Positive = Field(
        default=1.0, description="Every oracle weight and bias is drawn from N(0, std²). Paper: 1."
    )
    parameters: UserPath | None = Field(
        default=None,
        description="File with the oracle's parameters, `.npz` or `.safetensors`, in place of "
        "random ones; its layout is in docs/oracle.md.",
    )
    seed: Seed = Field(
        default=0,
        description="Seed of the oracle and of its three sets; apart from the training seeds, so "
        "that all of them, and other experiments, share one world.",
    )
    num_train: PositiveCount = Field(
        default=10_000, description="Training sentences, drawn once and kept. Paper: 10,000."
    )
    num_validation: PositiveCount = Field(
        default=2_000, description="Sentences that select models."
    )
    num_test: PositiveCount = Field(
        default=2_000, description="Sentences that only the final evaluation sees."
    )

    @property
    def domain(self) -> str:
        """What its sentences may be checked to be: nothing but numbers."""
        return "none"

    @property
    def max_length(self) -> int:
        """Tokens in the longest sentence."""
        return self.length

    @property
    def row_length(self) -> int:
        """Tokens in the longest row."""
        return self.length


SUITED: Mapping[str, Mapping[str, Any]] = {
    "zh-quatrains": {"tokenizer": {"kind": "chinese"}, "max_length": 33, "min_count": 5},
    "folk-abc": {"tokenizer": {"kind": "abc"}, "min_length": 32, "max_length": 45},
    "python-code": {"tokenizer": {"kind": "python"}},
    "formal-language": {"tokenizer": {"kind": "whitespace"}, "min_length": 1, "min_count": 1},
}
"""What a corpus of a source has where the configuration is silent."""


DOMAINS: Mapping[str, str] = {
    "zh-quatrains": "quatrain",
    "folk-abc": "abc",
    "python-code": "python",
}
"""What the sentences of a source are checked to be; those of a formal language, of its grammar."""


class TextCorpus(Section):
    """Sentences that people wrote, from a file or a known source."""

    kind: Literal["text"]
    source: SourceConfig = Field(description="Where the sentences come from.")
    tokenizer: TokenizerConfig = Field(
        default=WordTokenizer(),
        description="How a line becomes tokens. By default words; Chinese characters, notes or "
        "Python tokens for the sources that have them.",
    )
    condition: Literal["none", "label", "prompt"] = Field(
        default="none",
        description="What sentences follow: nothing, the label of their class, or the prompt that "
        "they answer. Generator and discriminator see it; nobody samples or scores it.",
    )
    min_length: PositiveCount = Field(
        default=3, description="Shorter sentences are left out, in tokens without the end token."
    )
    max_length: Several = Field(
        default=20,
        description="Longest sentence, in tokens with its end token; longer ones are left out.",
    )
    max_prompt_length: PositiveCount = Field(
        default=20, description="Sentences with a longer prompt are left out, in tokens."
    )
    max_vocabulary: PositiveCount = Field(
        default=5000,
        description="Most frequent tokens of the training set that are kept. Byte and subword "
        "tokenizers keep all of theirs.",
    )
    min_count: PositiveCount = Field(
        default=2,
        description="Tokens seen less often in the training set are unknown. Byte and subword "
        "tokenizers know all of theirs.",
    )
    unknown: Literal["drop", "keep"] = Field(
        default="drop",
        description="Sentences with an unknown token: leave them out (`drop`), or put the unknown "
        "token in its place (`keep`). Prompts keep theirs in any case.",
    )
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="Share of sentences that select models."
    )
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="Share of sentences that only the final evaluation sees."
    )
    discriminator_share: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.0,
        description="Share of sentences that the discriminator alone learns from; with 0 it learns "
        "from the generator's.",
    )
    split_by: Literal["sentence", "group"] = Field(
        default="sentence",
        description="What is kept together: a sentence and its copies, or whatever the source "
        "groups (a conversation, a speech, a tune). Sentences that also stand in a held-out set "
        "are then left out of the others.",
    )

    @model_validator(mode="before")
    @classmethod
    def _suited(cls, given: Any) -> Any:
        source = given.get("source") if isinstance(given, dict) else None
        kind = source.get("kind") if isinstance(source, dict) else None
        return {**SUITED.get(kind, {}), **given} if isinstance(kind, str) else given

    @model_validator(mode="after")
    def _possible(self) -> "TextCorpus":
        if self.min_length >= self.max_length:
            raise ValueError(
                f"`min_length` must be below `max_length`, which counts the end token, but "
                f"{self.min_length} is not below {self.max_length}"
            )
        columns = isinstance(self.source, FileSource) and self.condition != "none"
        if columns and getattr(self.source, self.condition) is None:
            raise ValueError(
                f"`condition: {self.condition}` needs the name of the column that holds it in "
                f"`source.{self.condition}`"
            )
        shares = self.validation_share + self.test_share + self.discriminator_share
        if shares >= 1:
            raise ValueError(
                "`validation_share`, `test_share` and `discriminator_share` leave nothing to "
                f"train on: they add up to {shares:g}"
            )
        return self

    @property
    def domain(self) -> str:
        """What its sentences may be checked to be, or ``none``."""
        return getattr(self.source, "grammar", DOMAINS.get(self.source.kind, "none"))

    @property
    def row_length(self) -> int:
        """Tokens in the longest row: condition, separator, sentence, end."""
        return (
            self.max_length
            + {"none": 0, "label": 2, "prompt": self.max_prompt_length + 1}[self.condition]
        )


CorpusConfig = Annotated[OracleCorpus | TextCorpus, Field(discriminator="kind")]

__all__ = ["CorpusConfig", "OracleCorpus", "TextCorpus"]
