"""How often words stand in a corpus: ranks, Zipf's law, and how much few words cover."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int
from scipy import optimize, special

POINTS = 60
"""Points of a curve, at most."""
SHOWN = 30
"""Most frequent words that are named."""
STEEPEST = 20.0

Counts = Int[np.ndarray, " words"]


def log_spaced(last: int, points: int = POINTS) -> Int[np.ndarray, " ranks"]:
    """Return whole numbers from 1 to ``last`` in about equal proportions; none if it is 0."""
    if last < 1:
        return np.zeros(0, np.int64)
    return np.unique(np.rint(np.geomspace(1, last, points)).astype(np.int64))


def zipf_exponent(counts: Counts) -> float | None:
    """Return the exponent s of ``p(rank) ~ rank^-s`` that makes the counts likeliest.

    Over the words that occur, by falling count. ``None`` for fewer than two: any s fits.
    """
    ordered = np.sort(counts[counts > 0])[::-1].astype(float)
    if len(ordered) < 2:
        return None
    logs = np.log(np.arange(1, len(ordered) + 1))
    mean = float(ordered @ logs / ordered.sum())
    found = optimize.minimize_scalar(
        lambda s: s * mean + float(special.logsumexp(-s * logs)),
        bounds=(0.0, STEEPEST),
        method="bounded",
        options={"xatol": 1e-7},
    )
    return float(found.x)


def coverage(
    counts: Mapping[str, Counts], unknown: Mapping[str, int]
) -> tuple[Int[np.ndarray, " ranks"], dict[str, list[float]]]:
    """Return numbers k, and the share of each split's tokens among the k most frequent words.

    Most frequent in the training set; ties by id. Unknown words count as tokens that none covers.
    """
    order = np.argsort(-counts["train"], kind="stable")
    ranks = log_spaced(int((counts["train"] > 0).sum()))
    return ranks, {
        name: (found[order].cumsum()[ranks - 1] / max(1, found.sum() + unknown[name])).tolist()
        for name, found in counts.items()
    }


def frequencies(
    counts: Mapping[str, Counts], unknown: Mapping[str, int], words: Sequence[str]
) -> dict[str, Any]:
    """Return what the counts of words say, of the training set and of what it covers.

    Args:
        counts: How often each word stands in each split; ``train`` is one of them.
        unknown: How often an unknown word stands in each.
        words: Names of the words.
    """
    train = counts["train"]
    order = np.argsort(-train, kind="stable")
    occurring = int((train > 0).sum())
    ranks, covered = coverage(counts, unknown)
    return {
        "ranks": ranks.tolist(),
        "counts": train[order][ranks - 1].tolist(),
        "zipf_exponent": zipf_exponent(train),
        "share_of_words_seen_once": float((train == 1).sum() / max(1, occurring)),
        "words_in_training": occurring,
        "coverage": covered,
        "most_frequent": [[words[i], int(train[i])] for i in order[: min(SHOWN, occurring)]],
    }
