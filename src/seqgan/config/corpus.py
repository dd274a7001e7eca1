"""Where real sentences come from."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from seqgan.config.section import (
    Positive,
    PositiveCount,
    Section,
    Seed,
    Several,
    UserPath,
)


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
    def max_length(self) -> int:
        """Tokens in the longest sentence."""
        return self.length


class WordTokenizer(Section):
    """Words and punctuation marks, Unicode-aware."""

    kind: Literal["word"] = "word"
    lowercase: bool = Field(default=True, description="Fold letters to lower case.")


class FileCorpus(Section):
    """Sentences of a text file, one a line."""

    kind: Literal["file"]
    path: UserPath = Field(
        description="UTF-8 text file, one sentence a line; relative to the folder in which "
        "snakemake is started."
    )
    tokenizer: WordTokenizer = Field(
        default=WordTokenizer(), description="How a line becomes tokens."
    )
    min_length: PositiveCount = Field(
        default=3, description="Shorter sentences are left out, in tokens without the end token."
    )
    max_length: Several = Field(
        default=20,
        description="Longest sentence, in tokens with its end token; longer ones are left out.",
    )
    max_vocabulary: PositiveCount = Field(
        default=5000, description="Most frequent words of the training set that are kept."
    )
    min_count: PositiveCount = Field(
        default=2, description="Words seen less often in the training set are unknown."
    )
    unknown: Literal["drop", "keep"] = Field(
        default="drop",
        description="Sentences with an unknown word: leave them out (`drop`), or put the unknown "
        "token in its place (`keep`).",
    )
    validation_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="Share of sentences that select models."
    )
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.1, description="Share of sentences that only the final evaluation sees."
    )

    @model_validator(mode="after")
    def _window(self) -> "FileCorpus":
        if self.min_length >= self.max_length:
            raise ValueError(
                f"`min_length` must be below `max_length`, which counts the end token, but "
                f"{self.min_length} is not below {self.max_length}"
            )
        return self


CorpusConfig = Annotated[OracleCorpus | FileCorpus, Field(discriminator="kind")]

__all__ = ["CorpusConfig", "FileCorpus", "OracleCorpus", "WordTokenizer"]
