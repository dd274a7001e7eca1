"""Whether sentences of ABC notes are music: readable, in bars, and in one key."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import lcm

import numpy as np

from seqgan.corpus.abc_files import PITCHES, SIMPLE_BAR, Note, read_token
from seqgan.metrics.score import Score, mean_score, sign
from seqgan.tokenization.music import SYMBOL

BARS = (6, 8)
"""Unit notes in a bar: 6/8 or 3/4, and 4/4 or two bars of 2/4, in eighths as most tunes have it.

What is in 9/8 or 12/8 moves in threes, so that bars of six fit it nearly as well.
"""
SCALE = frozenset(PITCHES.values())
SHORTEST = 2
"""Bars that a sentence without bar lines must fill, so that some line may be missed."""
Item = Note | str


def read(text: str) -> list[Item] | None:
    """Return the notes, rests and bar lines of a sentence; spaces between them mean nothing.

    ``None`` where some token is none of these, and where there is no note.
    """
    items: list[Item] = []
    for token in (each for each in SYMBOL.findall(text) if not each.isspace()):
        item = read_token(token)
        if item is None:
            return None
        items.append(item)
    return items if any(isinstance(item, Note) and item.letter for item in items) else None


def bar_share(items: Sequence[Item]) -> float:
    """Return the share of bars, or of bar lines, that are right; in [0, 1].

    With bar lines: the share of bars that last as long as the most frequent one. The first and the
    last bar, and those beside a repeat or a double line, may be shorter, as tunes begin with an
    upbeat and stop before it. A single bar line proves nothing: all is right then.

    Without: the share of imagined bar lines that fall between two notes, for that of the metres
    :data:`BARS` and that upbeat for which it is largest; notes seldom last across a line. A
    sentence that is shorter than two bars of a metre says nothing of it; one that is too short for
    all of them has 0.
    """
    if any(isinstance(item, str) for item in items):
        return _written_bars(items)
    durations = [item.duration for item in items if isinstance(item, Note)]
    scale = lcm(*(duration.denominator for duration in durations))
    ends = accumulate((int(duration * scale) for duration in durations), initial=0)
    onsets = list(ends)
    return max(_imagined_bars(onsets, bar * scale) for bar in BARS)


def key_share(items: Sequence[Item]) -> float:
    """Return the share of notes that lie in the best of the twelve major scales; in [0, 1].

    A natural minor scale has the notes of a major one, so this asks for one key of either mode.
    Notes sound as they are written: no key signature applies, and an accidental lasts until the
    next bar line where there are bar lines, else for its own note alone. Raises ``ValueError``
    without a note.
    """
    barred = any(isinstance(item, str) for item in items)
    lasting: dict[str, int] = {}
    pitches = []
    for item in items:
        if isinstance(item, str):
            lasting = {}
        elif item.letter:
            alteration = item.alteration
            if alteration is None:
                alteration = lasting.get(item.letter, 0)
            elif barred:
                lasting[item.letter] = alteration
            pitches.append(PITCHES[item.letter] + alteration)
    if not pitches:
        raise ValueError("a key needs at least one note")
    return max(
        sum((pitch - tonic) % 12 in SCALE for pitch in pitches) / len(pitches)
        for tonic in range(12)
    )


def abc_validity(texts: Sequence[str], **settings: object) -> list[Score]:
    """Return three scores of sentences of ABC notes, each in [0, 1].

    - ``abc_valid``: share of sentences in which every token is a note, a rest or a bar line of
      ABC 2.1, and one at least is a note.
    - ``abc_bar``: mean of :func:`bar_share`.
    - ``abc_key``: mean of :func:`key_share`.

    A sentence that cannot be read has 0 in all three. Raises ``ValueError`` without a sentence.
    """
    if not texts:
        raise ValueError("abc_valid needs at least one sentence")
    read_texts = [read(text) for text in texts]
    metres = ",".join(map(str, BARS))
    named = (
        ("abc_valid", lambda _: 1.0, {"standard": "2.1"}),
        ("abc_bar", bar_share, {"bars": f"most-frequent-or-{metres}"}),
        ("abc_key", key_share, {"scales": "major-12"}),
    )
    scores = []
    for name, share, how in named:
        values = [0.0 if items is None else share(items) for items in read_texts]
        signature = sign(samples=len(texts), **how, **settings)
        scores.append(mean_score(name, np.array(values, dtype=np.float64), signature, "samples"))
    return scores


def _written_bars(items: Sequence[Item]) -> float:
    """Return the share of bars between written lines that are as long as the most frequent."""
    whole: list[Fraction] = []
    parts: list[Fraction] = []
    length, closed = Fraction(0), False
    for item in [*items, ""]:  # an empty line ends the last bar, which may be a part of one
        if isinstance(item, Note):
            length += item.duration
            continue
        if length:
            (whole if closed and item == SIMPLE_BAR else parts).append(length)
        length, closed = Fraction(0), item == SIMPLE_BAR
    usual = max(whole or parts, key=lambda each: (whole.count(each), each))
    right = whole.count(usual) + sum(part <= usual for part in parts)
    return right / (len(whole) + len(parts))


def _imagined_bars(onsets: Sequence[int], bar: int) -> float:
    """Return the share of lines that fall on an onset, for the best upbeat; 0 if too short."""
    if onsets[-1] < SHORTEST * bar:
        return 0.0
    # An upbeat at which no line falls on an onset is worth 0, so those of onsets are enough.
    hits = Counter(onset % bar for onset in onsets)
    return max(hit / ((onsets[-1] - upbeat) // bar + 1) for upbeat, hit in hits.items())
