"""Repetition, coverage of n-grams and copying: what likelihoods and BLEU do not see.

Most of these change with the number of sentences, so only sets of one size compare.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from seqgan.metrics.ngrams import Ids, Ngrams, Sentences
from seqgan.metrics.score import Score, mean_score, sign


def distinct(ngrams: Ngrams, orders: Sequence[int], **settings: str) -> list[Score]:
    """Return the number of different n-grams divided by that of all; in [0, 1].

    Li et al. (2016). A set without an n-gram of an order has no such score.
    """
    signature = sign(sentences=len(ngrams.sentences.lengths), **settings)
    return [
        Score(f"distinct_{order}", ngrams.distinct(order) / total, signature)
        for order in orders
        if (total := len(ngrams.occurrences[order - 1].ids))
    ]


def ngram_entropy(ngrams: Ngrams, orders: Sequence[int], **settings: str) -> list[Score]:
    """Return the entropy of the frequencies of n-grams in nats: ``-sum_g f(g) log f(g)``."""
    signature = sign(sentences=len(ngrams.sentences.lengths), unit="nats", **settings)
    scores = []
    for order in orders:
        share = ngrams.counts(order) / max(1, len(ngrams.occurrences[order - 1].ids))
        if len(share):
            value = -float((share * np.log(share)).sum())
            scores.append(Score(f"ngram_entropy_{order}", value, signature))
    return scores


def zipf_exponent(ngrams: Ngrams, **settings: str) -> list[Score]:
    """Return ``a`` of the fit ``log frequency = c - a · log rank`` to the tokens (Zipf, 1949).

    By least squares over tokens that occur at least twice; with fewer than two of these there is
    no such score.
    """
    counts = np.sort(ngrams.counts(1))[::-1]
    frequent = counts[counts > 1]
    if len(frequent) < 2:
        return []
    ranks = np.log(np.arange(1, len(frequent) + 1))
    slope = np.polyfit(ranks, np.log(frequent), 1)[0]
    signature = sign(sentences=len(ngrams.sentences.lengths), frequency="2-or-more", **settings)
    return [Score("zipf_exponent", -float(slope), signature)]


def repetition(sentences: Sentences, **settings: str) -> list[Score]:
    """Return the share of different sentences, and the share that the most frequent one has."""
    counts = np.unique(sentences.numbered(), return_counts=True)[1]
    size = len(sentences.lengths)
    signature = sign(sentences=size, **settings)
    return [
        Score("unique", len(counts) / size, signature),
        Score("most_frequent", int(counts.max()) / size, signature),
    ]


def ms_jaccard(
    generated: Ngrams, references: Ngrams, orders: Sequence[int], **settings: str
) -> list[Score]:
    """Return the multiset Jaccard similarity of n-grams up to each order; in [0, 1].

    The geometric mean over ``k = 1 … n`` of ``sum_g min(a_g, b_g) / sum_g max(a_g, b_g)``, where
    ``a_g`` and ``b_g`` count an n-gram per sentence: Montahaei et al. (2019). Both what is said too
    often and what is missing lower it.
    """
    size, others = len(generated.sentences.lengths), len(references.sentences.lengths)
    logs = []
    for order, found in enumerate(references.find(generated.sentences), 1):
        ours = np.bincount(found.ids, minlength=references.distinct(order)) / size
        theirs = references.counts(order) / others
        unknown = (len(generated.occurrences[order - 1].ids) - len(found.ids)) / size
        either = float(np.maximum(ours, theirs).sum()) + unknown
        both = float(np.minimum(ours, theirs).sum())
        logs.append(np.log(both / either) if both else -np.inf)
    signature = sign(hypotheses=size, references=others, **settings)
    return [
        Score(f"ms_jaccard_{order}", float(np.exp(np.mean(logs[:order]))), signature)
        for order in orders
    ]


def shared_with(sentences: Sentences, others: Sentences) -> Iterator[Int[np.ndarray, " places"]]:
    """Yield, order by order, where n-grams begin that others hold too.

    Ends after the first order of which none is shared. An n-gram is looked for only where the
    shorter one that it begins with was found, on either side: long orders cost little.
    """
    vocab = int(max(sentences.flat.max(initial=0), others.flat.max(initial=0))) + 1
    ours, theirs = _Frontier(sentences), _Frontier(others)
    order = 0
    while len(ours.places):
        order += 1
        mine, other = ours.keys(order, vocab), theirs.keys(order, vocab)
        known = np.intersect1d(mine, other)
        ours.keep(mine, known)
        theirs.keep(other, known)
        yield ours.places


class _Frontier:
    """The places of a set whose n-gram is shared so far, with its id."""

    def __init__(self, sentences: Sentences) -> None:
        self.sentences = sentences
        self.places = np.arange(len(sentences.flat))
        self._ids = np.zeros(len(sentences.flat), dtype=np.int64)
        self._ends = np.repeat(np.cumsum(sentences.lengths), sentences.lengths)

    def keys(self, order: int, vocab: int) -> Ids:
        """Drop places where an n-gram of this order does not fit; return the keys of the rest."""
        fits = self.places + order <= self._ends[self.places]
        self.places, self._ids = self.places[fits], self._ids[fits]
        return self._ids * vocab + self.sentences.flat[self.places + order - 1]

    def keep(self, keys: Ids, known: Int[np.ndarray, " known"]) -> None:
        """Keep the places whose key is known, numbered by it."""
        found = np.searchsorted(known, keys)
        hit = known[np.minimum(found, len(known) - 1)] == keys if len(known) else keys < 0
        self.places, self._ids = self.places[hit], found[hit]


def copying(
    sentences: Sentences, train: Sentences, orders: Sequence[int], **settings: str
) -> list[Score]:
    """Return what generated sentences took over from those that were trained on.

    ``novelty_n``: share of n-grams that no training sentence holds. ``copy_rate``: share of
    sentences that are training sentences. ``longest_copy``: longest run of tokens that stands in
    one training sentence, as a share of the sentence, on average.
    """
    size = len(sentences.lengths)
    signature = sign(sentences=size, train=len(train.lengths), **settings)
    owners, longest = sentences.owners(), np.zeros(size)
    scores, largest = [], max(orders)
    found = dict.fromkeys(orders, 0)
    for order, places in enumerate(shared_with(sentences, train), 1):
        longest[owners[places]] = order
        if order <= largest:
            found[order] = len(places)
    for order in orders:
        if total := int(sentences.starts(order).sum()):
            scores.append(Score(f"novelty_{order}", 1 - found[order] / total, signature))
    copied = _is_among(sentences, train).astype(float)
    share = longest / np.maximum(1, sentences.lengths)
    scores.append(mean_score("copy_rate", copied, signature, of="samples"))
    scores.append(mean_score("longest_copy", share, signature, of="samples"))
    return scores


def _is_among(sentences: Sentences, others: Sentences) -> Bool[np.ndarray, " sentences"]:
    known = set(others.texts())
    return np.array([text in known for text in sentences.texts()], dtype=bool)


def lengths(sentences: Sentences, references: Sentences, **settings: str) -> list[Score]:
    """Return the mean length in tokens, and its distance from references in distribution.

    The distance is that of Kolmogorov and Smirnov: the largest gap between the cumulative
    distributions; in [0, 1].
    """
    ours, theirs = np.sort(sentences.lengths), np.sort(references.lengths)
    signature = sign(sentences=len(ours), **settings)
    both = sign(sentences=len(ours), references=len(theirs), **settings)
    grid = np.union1d(ours, theirs)
    gap = np.abs(_cumulative(ours, grid) - _cumulative(theirs, grid)).max()
    return [
        mean_score("length", sentences.lengths.astype(float), signature, of="samples"),
        Score("length_distance", float(gap), both),
    ]


def _cumulative(
    values: Int[np.ndarray, " values"], grid: Int[np.ndarray, " grid"]
) -> Float[np.ndarray, " grid"]:
    return np.searchsorted(values, grid, side="right") / len(values)
