"""Which set a sentence belongs to: decided by what it says, never by where it stands."""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seqgan.corpus.files import Record
from seqgan.tokenization.scripts import LONG, MANY_MARKS

WORDS = re.compile(r"\w+")
HELD_OUT = ("test", "validation")
"""In the order in which they keep a sentence that stands in both."""


def normalised(text: str) -> str:
    """Return a text without what copies may differ in: case, spaces, signs that are no words.

    Words are what Unicode calls so, in its compatibility form (NFKC). A text that has none, such
    as a row of brackets, keeps its signs.
    """
    if not text.isascii():
        if len(text) > LONG:
            text = MANY_MARKS.sub(r"\1", text)
        text = unicodedata.normalize("NFKC", text)
    return " ".join(WORDS.findall(text.casefold())) or " ".join(text.split())


def fingerprint(record: Record) -> int:
    """Return 64 bits that copies of a sentence share; of one with a prompt, copies of both."""
    text = normalised(record.text)
    if record.prompt is not None:
        text = f"{normalised(record.prompt)}\n{text}"
    return _bits(text)


def _bits(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


@dataclass
class Splitter:
    """Puts sentences into sets, so that copies share one and added sentences move no other.

    Attributes:
        shares: Share of sentences of each set but the training set, in a fixed order.
        by_group: Whether groups are kept together, in place of copies.
    """

    shares: Mapping[str, float]
    by_group: bool = False
    _held_out: dict[str, set[int]] = field(
        default_factory=lambda: {name: set() for name in HELD_OUT}
    )

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Splitter":
        """Return that of the section ``corpus``; a set with a file of its own has no share."""
        names = ("test", "validation", "discriminator")
        source = settings["source"]
        shares = {
            name: 0.0 if source.get(f"{name}_path") else settings[f"{name}_share"] for name in names
        }
        return cls(shares, by_group=settings["split_by"] == "group")

    def choose(self, record: Record) -> str:
        """Return the set of a sentence."""
        if record.split is not None:
            return record.split
        if self.by_group and record.group is not None:
            place = _bits(record.group) / 2**64
        else:
            place = fingerprint(record) / 2**64
        for name, share in self.shares.items():
            if place < share:
                return name
            place -= share
        return "train"

    def note(self, record: Record, split: str) -> None:
        """Remember a held-out sentence, of which no copy may stand in another set."""
        if split in self._held_out:
            self._held_out[split].add(fingerprint(record))

    def straddles(self, record: Record, split: str) -> str | None:
        """Return the held-out set in which a copy of this sentence stands too, if there is one."""
        mark: int | None = None
        for name, known in self._held_out.items():
            if name == split:
                return None
            if known:
                mark = fingerprint(record) if mark is None else mark
                if mark in known:
                    return name
        return None
