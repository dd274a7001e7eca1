"""Every tokenizer by its name: made for a configuration, or made again from what a run kept."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seqgan.tokenization.characters import ByteTokenizer, CharacterTokenizer
from seqgan.tokenization.chinese import SEGMENTERS, ChineseTokenizer, fit_chinese
from seqgan.tokenization.music import AbcTokenizer
from seqgan.tokenization.python import PythonTokenizer
from seqgan.tokenization.subwords import ALGORITHMS, SubwordTokenizer, fit_subwords, read_pieces
from seqgan.tokenization.tokenizer import Tokenizer
from seqgan.tokenization.words import WhitespaceTokenizer, WordTokenizer

Reading = Callable[[Any], Any]
"""Returns a setting as a tokenizer takes it; raises ``ValueError`` for one that is damaged."""


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"must be true or false, but is {value!r:.50}")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be a text, but is {value!r:.50}")
    return value


def _one_of(names: Iterable[str]) -> Reading:
    known = tuple(names)

    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"must be one of {', '.join(known)}, but is {value!r:.50}")
        return value

    return read


@dataclass(frozen=True)
class _Kind:
    """What is known of a kind of tokenizer.

    Attributes:
        make: Returns one of the settings that were kept.
        readings: How each of those is read.
        fit: Returns one of the settings of a configuration; ``make`` unless given.
        learn: The same, from the training set.
    """

    make: Callable[..., Tokenizer]
    readings: Mapping[str, Reading]
    fit: Callable[..., Tokenizer] | None = None
    learn: Callable[..., Tokenizer] | None = None


KINDS: Mapping[str, _Kind] = {
    "word": _Kind(WordTokenizer, {"lowercase": _flag}),
    "whitespace": _Kind(WhitespaceTokenizer, {}),
    "character": _Kind(CharacterTokenizer, {"lowercase": _flag}),
    "byte": _Kind(ByteTokenizer, {}),
    "subword": _Kind(
        SubwordTokenizer,
        {"algorithm": _one_of(ALGORITHMS), "pieces": read_pieces},
        learn=fit_subwords,
    ),
    "chinese": _Kind(
        ChineseTokenizer, {"segmenter": _one_of(SEGMENTERS), "version": _text}, fit=fit_chinese
    ),
    "abc": _Kind(AbcTokenizer, {}),
    "python": _Kind(PythonTokenizer, {"replace_literals": _flag}),
}


def needs_training(settings: Mapping[str, Any]) -> bool:
    """Return whether the tokenizer of a config section learns from the training set."""
    return KINDS[settings["kind"]].learn is not None


def fit(settings: Mapping[str, Any], lines: Iterable[str]) -> Tokenizer:
    """Return the tokenizer of a config section.

    Args:
        settings: The section ``tokenizer``.
        lines: Sentences of the training set; read only by what :func:`needs_training`.

    Raises:
        UserError: If a package that the section asks for is not installed.
    """
    kind = KINDS[settings["kind"]]
    chosen = {name: value for name, value in settings.items() if name != "kind"}
    if kind.learn is not None:
        return kind.learn(lines, **chosen)
    return (kind.fit or kind.make)(**chosen)


def restore(settings: Any) -> Tokenizer:
    """Return the tokenizer whose ``settings()`` these are.

    They may come from anybody: all is looked at, and none of it is run. Raises ``ValueError`` with
    a short reason where something is missing, foreign or damaged.
    """
    if not isinstance(settings, Mapping):
        raise ValueError(f"a tokenizer is a table of settings, but here {settings!r:.50}")
    given = dict(settings)
    try:
        name = _one_of(KINDS)(given.pop("kind", None))
    except ValueError as error:
        raise ValueError(f"the kind of a tokenizer {error}") from None
    kind = KINDS[name]
    if given.keys() != kind.readings.keys():
        raise ValueError(
            f"a tokenizer of kind {name} has the settings {sorted(kind.readings)}, "
            f"but here {sorted(map(str, given))}"
        )
    chosen: dict[str, Any] = {}
    for setting, read in kind.readings.items():
        try:
            chosen[setting] = read(given[setting])
        except ValueError as error:
            raise ValueError(f"`{setting}` of the tokenizer {error}") from None
    return kind.make(**chosen)
