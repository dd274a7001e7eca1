"""Which encoder suits a set of sentences, and why."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from seqgan.encoders.minilm import REMEDY, missing_packages, model_folder
from seqgan.errors import UserError

WORD = re.compile(r"[^\W\d_]+")
ENGLISH = 0.75
"""Share of words that an English encoder must know as a whole.

It knows 0.87 and more of captions, program documentation and old poems, of French, Spanish and
Italian 0.6, of German and Dutch 0.4.
"""
LINES = 2000
"""Lines that are looked at, spread over the text."""


@dataclass(frozen=True)
class Choice:
    """An encoder and the reason for it, one sentence for people."""

    kind: Literal["minilm", "in_domain"]
    reason: str


def choose_encoder(lines: Sequence[str] | None) -> Choice:
    """Return the encoder that suits training lines; none stand for ids without a text.

    Nothing is imported and no weight is read.
    """
    if lines is None:
        return _in_domain("the sentences are ids, not text")
    if missing := missing_packages():
        return _in_domain(f"{', '.join(missing)} is not installed: {REMEDY}")
    try:
        words = known_words(model_folder())
    except UserError as error:
        return _in_domain(str(error))
    share = share_of_known_words(lines[:: max(1, len(lines) // LINES)], words)
    if share is None:
        return _in_domain("the text has no words")
    if share < ENGLISH:
        return _in_domain(
            f"the text does not look English: the English encoder knows {share:.0%} of its words "
            f"as a whole, and {ENGLISH:.0%} are asked for"
        )
    return Choice(
        "minilm",
        f"all-MiniLM-L6-v2, an English encoder that knows {share:.0%} of the words of the text",
    )


def known_words(folder: Path) -> frozenset[str]:
    """Return the words that an encoder has a piece of their own for."""
    try:
        tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        return frozenset(tokenizer["model"]["vocab"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{folder}: no tokenizer ({reason}); install again: {REMEDY}") from None


def share_of_known_words(lines: Sequence[str], words: frozenset[str]) -> float | None:
    """Return the share of words in Latin letters without accents that are known, in [0, 1].

    Every other word counts as unknown: an encoder may have the letters of a script and know
    nothing of its language. None for lines without words.
    """
    found = [word.lower() for line in lines for word in WORD.findall(line)]
    if not found:
        return None
    return sum(word.isascii() and word in words for word in found) / len(found)


def _in_domain(reason: str) -> Choice:
    return Choice(
        "in_domain", f"latent semantic analysis of the training sentences, because {reason}"
    )
