"""An n-gram language model of whole sets of sentences: interpolated Kneser-Ney smoothing.

``p_n(w | h) = (max(a(hw) - D_n, 0) + D_n · types(h) · p_{n-1}(w | h')) / total(h)``, where ``h'``
is the context without its first token and ``p_0`` is uniform. ``a`` counts an n-gram of the highest
order by its occurrences, as it does n-grams that begin at the start of a sentence; of all others it
counts the different tokens that stand before them. ``total`` and ``types`` sum and count ``a`` over
what follows a context. ``D_n = n_1 / (n_1 + 2 n_2)`` from the numbers of n-grams with ``a`` of 1
and 2. Kneser & Ney (1995); Chen & Goodman (1999), section 4.1.6.
"""

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.likelihood import nll_per_token
from seqgan.metrics.ngrams import Ngrams, Sentences
from seqgan.metrics.score import Score, sign

END, START, SPECIAL = 0, 1, 2
"""Ids inside the model: the end and the start of a sentence, and the first of ordinary tokens."""
USUAL_DISCOUNT = 0.5
"""Where no n-gram, or none of those counted, has the counts that a discount is estimated from."""

Counted = Float[np.ndarray, " ngrams"]


class KneserNey:
    """A model that gives every sentence over its vocabulary a probability above zero.

    Args:
        train: The sentences it learns from.
        order: Longest n-grams.
        vocab_size: How many different tokens there may be, seen or not, without the end.
        end: Whether sentences can end early, so that their end is a token to be predicted.

    Raises ``ValueError`` if it is given more different tokens than there may be.
    """

    def __init__(self, train: Sentences, order: int, *, vocab_size: int, end: bool) -> None:
        self.order, self.vocab_size, self.end = order, vocab_size, end
        self.num_sentences = len(train.lengths)
        self._uniform = 1 / (vocab_size + end)
        self._ngrams = Ngrams(self._framed(train), order)
        seen = len(np.unique(train.flat))
        if seen > vocab_size:
            raise ValueError(f"there may be {vocab_size} different tokens, but there are {seen}")
        self._adjusted = [self._adjust(n) for n in range(1, order + 1)]
        self._discounts = [_discount(counts) for counts in self._adjusted]
        self._totals: list[Counted] = []
        self._types: list[Counted] = []
        for n, counts in enumerate(self._adjusted, 1):
            contexts = self._ngrams.contexts(n)
            size = self._ngrams.distinct(n - 1) if n > 1 else 1
            # The last number of all three is for what was never seen, which has the id -1.
            self._totals.append(np.r_[np.bincount(contexts, counts, size), 0.0])
            self._types.append(np.r_[np.bincount(contexts[counts > 0], minlength=size), 0.0])
            self._adjusted[n - 1] = np.r_[counts, 0.0]

    def log_prob(self, sentences: Sentences) -> Float[np.ndarray, " sentences"]:
        """Return the log-probability of every sentence in nats, its end included if it has one."""
        framed = self._framed(sentences)
        predicted = np.flatnonzero(framed.flat != START)
        share = np.full(len(predicted), self._uniform)
        known = np.zeros(len(framed.flat), dtype=np.int64)  # the empty context is always known
        for n, found in enumerate(self._ngrams.find(framed), 1):
            begins = predicted - (n - 1)
            contexts, ids = known[begins], np.full(len(framed.flat), -1, dtype=np.int64)
            ids[found.places] = found.ids
            known, here = ids, ids[begins]
            total, discount = self._totals[n - 1][contexts], self._discounts[n - 1]
            left = discount * self._types[n - 1][contexts]
            smoothed = np.maximum(self._adjusted[n - 1][here] - discount, 0) + left * share
            share = np.where(total > 0, smoothed / np.where(total > 0, total, 1.0), share)
        owners = framed.owners()[predicted]
        # The type of the sums of nothing would be whole numbers.
        return np.bincount(owners, weights=np.log(share), minlength=len(sentences.lengths)).astype(
            float
        )

    def lengths(self, sentences: Sentences) -> Int[np.ndarray, " sentences"]:
        """Return how many tokens of every sentence are predicted."""
        return sentences.lengths + int(self.end)

    def signature(self) -> dict[str, str | int]:
        """Return what another model must share for its scores to be compared."""
        return {
            "model": "interpolated-kneser-ney",
            "order": self.order,
            "vocabulary": self.vocab_size,
            "end": str(self.end).lower(),
            "train": self.num_sentences,
        }

    def _framed(self, sentences: Sentences) -> Sentences:
        """Return sentences behind as many starts as a context has tokens, and with their end."""
        pad, end = self.order - 1, int(self.end)
        lengths = sentences.lengths + pad + end
        flat = np.full(int(lengths.sum()), START, dtype=np.int64)
        starts = np.cumsum(lengths) - lengths
        inside = np.arange(len(sentences.flat)) - np.repeat(
            np.cumsum(sentences.lengths) - sentences.lengths, sentences.lengths
        )
        flat[np.repeat(starts + pad, sentences.lengths) + inside] = sentences.flat + SPECIAL
        if self.end:
            flat[starts + lengths - 1] = END
        return Sentences(flat, lengths)

    def _adjust(self, n: int) -> Counted:
        """Return what the n-grams of an order count for: for nothing if they predict a start."""
        ngrams = self._ngrams
        found = ngrams.occurrences[n - 1]
        counts = ngrams.counts(n).astype(float)
        if n < self.order:
            longer = ngrams.occurrences[n]
            ids = np.full(len(ngrams.sentences.flat), -1, dtype=np.int64)
            ids[found.places] = found.ids
            first = np.unique(longer.ids, return_index=True)[1]
            continued = np.bincount(
                ids[longer.places[first] + 1], minlength=ngrams.distinct(n)
            ).astype(float)
            begins = np.zeros(ngrams.distinct(n), dtype=bool)
            begins[found.ids] = ngrams.sentences.flat[found.places] == START
            counts = np.where(begins, counts, continued)
        return np.where(ngrams.last_tokens(n) == START, 0.0, counts)


def _discount(counts: Counted) -> float:
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return once / (once + 2 * twice) if once and twice else USUAL_DISCOUNT


def lm_score(model: KneserNey, sentences: Sentences, **settings: str) -> Score:
    """Return how unlikely a model of training sentences finds generated ones, in nats per token.

    Lower is not better: a text of one easy sentence has the lowest. Read it as the distance from
    what real sentences score.
    """
    signature = _signature(model, sentences, **settings)
    return nll_per_token("lm_score", model.log_prob(sentences), model.lengths(sentences), signature)


def reverse_lm_score(model: KneserNey, test: Sentences, **settings: str) -> Score:
    """Return how unlikely a model of generated sentences finds test sentences: lower is better.

    Both models must share one vocabulary: with one of its own, a generator that says little would
    be measured on little (Semeniuta et al., 2018).
    """
    signature = _signature(model, test, **settings)
    return nll_per_token(
        "reverse_lm_score", model.log_prob(test), model.lengths(test), signature, "test"
    )


def _signature(model: KneserNey, sentences: Sentences, **settings: str) -> str:
    size = len(sentences.lengths)
    return sign(sentences=size, unit="nats/token", **model.signature(), **settings)
