"""How a line becomes tokens."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.section import Section


class WordTokenizer(Section):
    """Words, numbers and punctuation marks of any script; Chinese and Thai by phrase."""

    kind: Literal["word"] = "word"
    lowercase: bool = Field(default=True, description="Fold letters to lower case.")


class WhitespaceTokenizer(Section):
    """Whatever stands between spaces: for a text that is split already."""

    kind: Literal["whitespace"] = "whitespace"


class CharacterTokenizer(Section):
    """Single characters, spaces too."""

    kind: Literal["character"] = "character"
    lowercase: bool = Field(default=False, description="Fold letters to lower case.")


class ByteTokenizer(Section):
    """Single bytes of UTF-8: 256 tokens for any text."""

    kind: Literal["byte"] = "byte"


class SubwordTokenizer(Section):
    """Pieces of words, learned from the training set; any text comes back exactly."""

    kind: Literal["subword"] = "subword"
    algorithm: Literal["bpe", "unigram"] = Field(
        default="bpe",
        description="How pieces are learned: byte-pair encoding (Sennrich et al., 2016) or the "
        "unigram language model (Kudo, 2018).",
    )
    vocab_size: Annotated[int, Field(ge=300, le=200_000)] = Field(
        default=2000,
        description="Number of tokens: 256 bytes, for what no piece covers, and pieces; fewer "
        "where the training set has no more.",
    )


class ChineseTokenizer(Section):
    """Chinese characters or words; words of other scripts, and punctuation marks."""

    kind: Literal["chinese"] = "chinese"
    segmenter: Literal["character", "jieba"] = Field(
        default="character",
        description="Chinese by `character`, or by words of the package `jieba`, which the extra "
        "`chinese` installs.",
    )


class AbcTokenizer(Section):
    """Notes, rests, chords, bar lines and the other symbols of ABC notation."""

    kind: Literal["abc"] = "abc"


class PythonTokenizer(Section):
    """Python's own tokens, for one logical line of code a line."""

    kind: Literal["python"] = "python"
    replace_literals: bool = Field(
        default=False, description="Put `STR` for every string and `NUM` for every number."
    )


TokenizerConfig = Annotated[
    WordTokenizer
    | WhitespaceTokenizer
    | CharacterTokenizer
    | ByteTokenizer
    | SubwordTokenizer
    | ChineseTokenizer
    | AbcTokenizer
    | PythonTokenizer,
    Field(discriminator="kind"),
]
