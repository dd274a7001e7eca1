"""The data card of a corpus: what its splits hold, what they share, what to beware of."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt64

from seqgan.corpus.cautions import cautions
from seqgan.corpus.duplicates import near_duplicates
from seqgan.corpus.frequency import frequencies
from seqgan.corpus.leaks import leaks
from seqgan.corpus.rows import Rows, sentence_hashes
from seqgan.corpus.shift import ALPHA, Profile, shift
from seqgan.tokens import PAD

HELD_OUT = ("validation", "test")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
BARS = 60
"""Bars of a histogram, at most."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


def card(
    splits: Mapping[str, Int[np.ndarray, "_ time"]],
    *,
    words: Sequence[str],
    first_word: int,
    end: int | None,
    unknown: int,
    separator: int | None = None,
    with_condition: bool = False,
    labels: Mapping[str, Int[np.ndarray, " _"]] = NOTHING,
    label_names: Sequence[str] = (),
    dropped: Mapping[str, float] = NOTHING,
    text: Callable[[Sequence[int]], str] | None = None,
    alpha: float = ALPHA,
) -> dict[str, Any]:
    """Return the card as plain JSON data; equal corpora give equal cards.

    Sentences count without conditions and end tokens. Rows are read in blocks, several times, and
    may lie in a mapped file; what stays in memory is eight bytes for each sentence, and what grows
    with the vocabulary. Where a sample stands for a split, ``sampled`` says how large it is.

    Args:
        splits: Rows of each split, -1 behind the end of a sentence; ``train`` must be one. The
            part of the discriminator, where there is one, is compared like a held-out set.
        words: Ordinary words; word ``i`` has the id ``first_word + i``.
        first_word: The first id that is no special one.
        end: Id that ends a sentence, or ``None`` where every sentence fills its row.
        unknown: Id of unknown words; below -1 where there are none.
        separator: Id that ends the condition of every row, or ``None`` where there are none.
        with_condition: Whether sentences are copies only where their conditions are the same too:
            short answers to other prompts are none.
        labels: Class of each row, from 0, by split, where rows have one.
        label_names: Names of the classes.
        dropped: Share of sentences that were left out for an unknown word, by split.
        text: Returns a sentence, given as ids, as text; words with spaces between them by default.
        alpha: Probability that splits made at random are said to differ, at most.

    Raises:
        ValueError: If there is no training set, or a split has no sentences.
    """
    if "train" not in splits or not all(len(rows) for rows in splits.values()):
        raise ValueError("a card needs a training set, and sentences in every split")
    names = ["train", *(name for name in splits if name != "train")]
    rows = {name: Rows(splits[name], end, separator) for name in names}
    vocab_size = first_word + len(words)
    hashes = {
        name: sentence_hashes(Rows(splits[name], end) if with_condition else each, unknown, number)
        for number, (name, each) in enumerate(rows.items())
    }
    firsts = {name: _first_of_each(found) for name, found in hashes.items()}
    counted = {name: _Counts(each, vocab_size, unknown) for name, each in rows.items()}
    by_word = {name: each.tokens[first_word:] for name, each in counted.items()}
    written = text or _with_spaces(words, first_word, unknown)
    profiles = {name: Profile.of(each, firsts[name], vocab_size) for name, each in rows.items()}
    found = {
        "splits": {
            name: {
                **counted[name].facts(),
                "distinct_sentences": int(firsts[name].sum()),
                "repeated_share": 1 - float(firsts[name].mean()),
                "labels": _classes(labels.get(name), label_names),
            }
            for name in names
        },
        "lengths": _histograms({name: each.lengths for name, each in counted.items()}),
        "frequency": frequencies(
            by_word, {name: each.unknown_tokens for name, each in counted.items()}, words
        ),
        "unknown": {
            name: {
                "token_share": each.unknown_tokens / max(1, each.num_tokens),
                "sentence_share": each.with_unknown / len(rows[name]),
                "dropped_share": dropped.get(name),
            }
            for name, each in counted.items()
        },
        "leaks": leaks(rows, hashes, unknown=unknown),
        "overlap": _overlap(hashes),
        "near_duplicates": {
            name: near_duplicates(rows[name], rows["train"], text=written)
            for name in HELD_OUT
            if name in rows
        },
        "shift": shift(profiles, words=words, first_word=first_word, alpha=alpha),
    }
    return {**found, "warnings": cautions(found)}


class _Counts:
    """Tokens and lengths of a split, counted in one pass."""

    def __init__(self, rows: Rows, vocab_size: int, unknown: int) -> None:
        self.tokens = np.zeros(vocab_size, np.int64)
        self.lengths = np.zeros(rows.tokens.shape[1] + 1, np.int64)
        self.with_unknown = 0
        for _, block in rows.blocks():
            real = block != PAD
            self.tokens += np.bincount(block[real], minlength=vocab_size)
            self.lengths += np.bincount(real.sum(axis=1), minlength=len(self.lengths))
            self.with_unknown += int((block == unknown).any(axis=1).sum())
        self.unknown_tokens = int(self.tokens[unknown]) if unknown >= 0 else 0
        self.num_tokens = int(self.tokens.sum())

    def facts(self) -> dict[str, Any]:
        """Return what a table shows."""
        places, sizes = np.flatnonzero(self.lengths), self.lengths.cumsum()
        total = int(sizes[-1])
        wanted = [int(np.searchsorted(sizes, share * total)) for share in QUANTILES]
        return {
            "sentences": total,
            "tokens": self.num_tokens,
            "distinct_tokens": int((self.tokens > 0).sum()),
            "length": {
                "shortest": int(places[0]),
                "longest": int(places[-1]),
                "mean": self.num_tokens / total,
                "quantiles": dict(zip(map(str, QUANTILES), wanted, strict=True)),
            },
        }


def _first_of_each(hashes: UInt64[np.ndarray, " sentences"]) -> Bool[np.ndarray, " sentences"]:
    first = np.zeros(len(hashes), bool)
    first[np.unique(hashes, return_index=True)[1]] = True
    return first


def _histograms(lengths: Mapping[str, Int[np.ndarray, " _"]]) -> dict[str, Any]:
    """Return sentences by length in bars of equal width, the same ones for all splits."""
    shortest = min(int(np.flatnonzero(found)[0]) for found in lengths.values())
    longest = max(int(np.flatnonzero(found)[-1]) for found in lengths.values())
    width = -(-(longest - shortest + 1) // BARS)
    edges = np.arange(shortest, longest + width + 1, width)
    counts = {}
    for name, found in lengths.items():
        padded = np.append(found, np.zeros(width + 1, np.int64))
        sums = np.append(0, padded.cumsum())[np.minimum(edges, len(padded))]
        counts[name] = np.diff(sums).tolist()
    return {"edges": edges.tolist(), "counts": counts}


def _classes(
    labels: Int[np.ndarray, " sentences"] | None, names: Sequence[str]
) -> list[list[Any]] | None:
    if labels is None:
        return None
    counts = np.bincount(labels, minlength=len(names))
    return [[name, int(count)] for name, count in zip(names, counts, strict=True)]


def _overlap(hashes: Mapping[str, UInt64[np.ndarray, " _"]]) -> dict[str, Any] | None:
    """Return how many distinct sentences validation and test share."""
    if not set(HELD_OUT) <= hashes.keys():
        return None
    validation, test = (np.unique(hashes[name]) for name in HELD_OUT)
    shared = len(np.intersect1d(validation, test, assume_unique=True))
    return {
        "shared": shared,
        "share_of_validation": shared / len(validation),
        "equal": shared == len(validation) == len(test),
    }


def _with_spaces(
    words: Sequence[str], first_word: int, unknown: int
) -> Callable[[Sequence[int]], str]:
    def name(token: int) -> str:
        if token >= first_word:
            return words[token - first_word]
        return "<unknown>" if token == unknown else f"<{token}>"

    return lambda tokens: " ".join(map(name, tokens))
