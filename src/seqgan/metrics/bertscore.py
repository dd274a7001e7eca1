"""BERTScore against the nearest sentence of a set, from vectors of word pieces."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqgan.metrics.score import Score, sign

CHUNK = 32
"""Sentences of the first set whose similarities to all word pieces of the other are held."""

Matrix = Float[np.ndarray, "sentences references"]


@dataclass(frozen=True)
class TokenEmbeddings:
    """Vectors of the word pieces of several sentences, end to end.

    Attributes:
        flat: A vector of length 1 for each word piece.
        lengths: Number of word pieces of each sentence, 1 or more.
        special: Marks of begin and end, which may be matched but do not count in averages.
    """

    flat: Float[np.ndarray, "tokens dim"]
    lengths: Int[np.ndarray, " sentences"]
    special: Bool[np.ndarray, " tokens"]

    @classmethod
    def join(
        cls,
        vectors: Sequence[Float[np.ndarray, "_ dim"]],
        special: Sequence[Bool[np.ndarray, " _"]],
    ) -> "TokenEmbeddings":
        """Return sentences given one by one.

        Raises ``ValueError`` without a sentence, and for one without a vector.
        """
        lengths = np.array([len(each) for each in vectors], dtype=np.int64)
        if not len(lengths) or not lengths.all():
            raise ValueError("BERTScore needs at least one sentence, and a vector in each")
        return cls(np.concatenate(list(vectors)), lengths, np.concatenate(list(special)))

    def starts(self) -> Int[np.ndarray, " sentences"]:
        """Return where each sentence begins."""
        return np.cumsum(self.lengths) - self.lengths

    def cut(self, first: int, last: int) -> "TokenEmbeddings":
        """Return the sentences from ``first`` up to, but without, ``last``."""
        starts = np.r_[self.starts(), self.lengths.sum()]
        tokens = slice(starts[first], starts[min(last, len(self.lengths))])
        return TokenEmbeddings(self.flat[tokens], self.lengths[first:last], self.special[tokens])

    def counted(self) -> Int[np.ndarray, " sentences"]:
        """Return how many word pieces of each sentence count in averages."""
        return np.add.reduceat((~self.special).astype(np.int64), self.starts())


def pairwise_f1(candidates: TokenEmbeddings, references: TokenEmbeddings) -> Matrix:
    """Return the BERTScore F1 of every candidate with every reference, in [-1, 1].

    Each word piece takes its most similar one of the other sentence; precision averages over the
    pieces of the candidate, recall over those of the reference. Zhang et al. (2020), section 3,
    without weights of inverse document frequency and without rescaling. A pair has the value that
    it has alone. It is 0 where precision and recall differ in sign, of which there is no harmonic
    mean, and where a sentence has nothing but special marks.
    """
    found = np.zeros((len(candidates.lengths), len(references.lengths)), dtype=np.float64)
    for first in range(0, len(found), CHUNK):
        some = candidates.cut(first, first + CHUNK)
        similarity = some.flat @ references.flat.T
        best_reference = np.maximum.reduceat(similarity, references.starts(), axis=1)
        best_candidate = np.maximum.reduceat(similarity, some.starts(), axis=0)
        precision = _means(best_reference, some)
        recall = _means(best_candidate.T, references).T
        product = precision * recall
        defined = product > 0
        f1 = 2 * product / np.where(defined, precision + recall, 1)
        found[first : first + CHUNK] = np.where(defined, f1, 0)
    return found


def nearest_bertscore(
    candidates: TokenEmbeddings, references: TokenEmbeddings, **settings: object
) -> list[Score]:
    """Return the mean F1 of each sentence with the nearest of the other set; higher is closer.

    - ``bertscore_precision``: mean over candidates of the largest F1 with any reference; quality.
    - ``bertscore_recall``: mean over references of the largest F1 with any candidate; diversity.

    Not the BERTScore of translations, where each candidate has a reference of its own. Both grow
    with the number of sentences on the other side, so only sets of equal size compare; as every
    pair is compared, draw up to 1,000 of each side. The standard error is that of the mean, with
    the other set fixed.
    """
    f1 = pairwise_f1(candidates, references)
    signature = sign(samples=f1.shape[0], references=f1.shape[1], aggregate="nearest", **settings)
    scores = []
    for name, nearest in (
        ("bertscore_precision", f1.max(axis=1)),
        ("bertscore_recall", f1.max(axis=0)),
    ):
        count = len(nearest)
        error = float(nearest.std(ddof=1) / count**0.5) if count > 1 else None
        scores.append(Score(name, float(nearest.mean()), signature, error))
    return scores


def _means(
    best: Float[np.ndarray, "tokens others"], sentences: TokenEmbeddings
) -> Float[np.ndarray, "sentences others"]:
    """Return the mean over the word pieces of each sentence that count."""
    counting = np.where(sentences.special[:, None], 0, best).astype(np.float64)
    sums = np.add.reduceat(counting, sentences.starts(), axis=0)
    return sums / np.maximum(1, sentences.counted())[:, None]
