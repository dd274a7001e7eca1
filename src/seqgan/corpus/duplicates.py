"""Held-out sentences that are almost training sentences: sets of token bigrams that overlap."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from seqgan.corpus.rows import Rows, evenly_spaced
from seqgan.tokens import PAD

SENTENCES, PAIRS = 2000, 10
"""Held-out sentences that are looked up, and pairs that are shown, at most."""
LEVELS = (0.5, 0.8, 1.0)
WORK = 4 * 10**9
"""Pairs of equal bigrams that are counted at most; fewer sentences are looked up beyond."""
_PROBE = 2000
_COMPARED = 2**13


def bigram_keys(
    block: Int[np.ndarray, "block time"],
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """Return owner and key of every distinct bigram of each sentence, sorted.

    The key of a single token stands for a sentence of one token, and for no bigram.
    """
    first, second = block[:, :-1], block[:, 1:]
    owners, places = np.nonzero(second != PAD)
    keys = (first[owners, places] + 1) << 32 | (second[owners, places] + 1)
    alone = np.flatnonzero((block != PAD).sum(axis=1) == 1)
    owners = np.concatenate([owners, alone])
    keys = np.concatenate([keys, block[alone, 0] + 1])
    order = np.lexsort((keys, owners))
    owners, keys = owners[order], keys[order]
    new = np.ones(len(keys), bool)
    new[1:] = (owners[1:] != owners[:-1]) | (keys[1:] != keys[:-1])
    return owners[new], keys[new]


def _matrix(
    block: Int[np.ndarray, "block time"], known: Int[np.ndarray, " keys"]
) -> tuple[sparse.csr_matrix, Int[np.ndarray, " block"]]:
    """Return which sentence holds which known key, and how many keys each sentence has."""
    owners, keys = bigram_keys(block)
    sizes = np.bincount(owners, minlength=len(block))
    places = np.minimum(np.searchsorted(known, keys), max(0, len(known) - 1))
    hit = known[places] == keys if len(known) else np.zeros(len(keys), bool)
    owners, places = owners[hit], places[hit]
    ones = np.ones(len(owners), np.int32)
    return sparse.csr_matrix((ones, (owners, places)), (len(block), len(known))), sizes


def nearest(
    queries: Int[np.ndarray, "queries time"], train: Rows
) -> tuple[Float[np.ndarray, " queries"], Int[np.ndarray, " queries"]]:
    """Return the highest Jaccard similarity of each sentence to any of the training set, and where.

    Exact. The first of equals is named, and -1 where none has a bigram in common.
    """
    known = np.unique(bigram_keys(queries)[1])
    wanted, sizes = _matrix(queries, known)
    best, place = np.zeros(len(queries)), np.full(len(queries), -1)
    for first, large in train.blocks():
        for start in range(0, len(large), _COMPARED):
            held, others = _matrix(large[start : start + _COMPARED], known)
            common = sparse.csr_matrix(wanted @ held.T)
            filled = np.flatnonzero(np.diff(common.indptr))
            if not len(filled):
                continue
            owners = np.repeat(np.arange(len(queries)), np.diff(common.indptr))
            similar = common.data / (sizes[owners] + others[common.indices] - common.data)
            highest = np.zeros(len(queries))
            highest[filled] = np.maximum.reduceat(similar, common.indptr[filled])
            better = highest > best
            ties = better[owners] & (similar == highest[owners])
            where = np.full(len(queries), len(train))
            np.minimum.at(where, owners[ties], first + start + common.indices[ties])
            best[better], place[better] = highest[better], where[better]
    return best, place


def _affordable(queries: Int[np.ndarray, "queries time"], train: Rows) -> int:
    """Return how many sentences can be looked up: of few characters, all pairs share bigrams."""
    probe = train.take(evenly_spaced(len(train), _PROBE))
    known = np.unique(bigram_keys(queries)[1])
    ours, theirs = (
        np.asarray(_matrix(each, known)[0].sum(axis=0)).ravel() for each in (queries, probe)
    )
    work = float(ours.astype(float) @ theirs) * len(train) / max(1, len(probe))
    return len(queries) if work <= WORK else max(1, int(len(queries) * WORK / work))


def near_duplicates(
    held_out: Rows, train: Rows, *, text: Callable[[Sequence[int]], str]
) -> dict[str, Any]:
    """Return how close held-out sentences come to training sentences, and the closest pairs.

    Sentences are taken at even distances and compared with the whole training set.

    Args:
        held_out: Where at most 2,000 sentences are taken from.
        train: What they are compared with.
        text: Returns a sentence as text.
    """
    places = evenly_spaced(len(held_out), SENTENCES)
    places = places[evenly_spaced(len(places), _affordable(held_out.take(places), train))]
    queries = held_out.take(places)
    best, where = nearest(queries, train)
    closest = [i for i in np.argsort(-best, kind="stable")[:PAIRS] if where[i] >= 0]
    pairs = []
    for i in closest:
        (other,) = train.take(where[i : i + 1])
        ours, theirs = (row[row != PAD].tolist() for row in (queries[i], other))
        pairs.append(
            {
                "similarity": float(best[i]),
                "place": int(places[i]),
                "training_place": int(where[i]),
                "tokens": ours,
                "training_tokens": theirs,
                "text": text(ours),
                "training_text": text(theirs),
            }
        )
    return {
        "sampled": len(queries),
        "training_sentences": len(train),
        "shares": {str(level): float((best >= level).mean()) for level in LEVELS},
        "pairs": pairs,
    }
