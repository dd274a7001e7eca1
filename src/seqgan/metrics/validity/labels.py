"""Whether a sentence has the label that it was asked to have, by a classifier of real sentences."""

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.ngrams import Counts, Ngrams, Sentences
from seqgan.metrics.score import Score, mean_score, sign

Labels = Int[np.ndarray, " sentences"]
ORDER = 2
"""Words and pairs of words."""
SMOOTHING = 1.0
"""What is added to each count (Laplace)."""


class LabelClassifier:
    """Multinomial naive Bayes on words and pairs of words: counting alone, so always the same.

    ``argmax_c log P(c) + sum_g n_g log P(g | c)`` over words and pairs g of a sentence, with one
    added to all counts; those that no training sentence has say nothing. McCallum & Nigam (1998);
    with pairs: Wang & Manning (2012).

    Args:
        train: Real sentences, without the label that they may begin with.
        labels: The label of each, from 0 on.

    Raises:
        ValueError: If they are not as many, a label is negative, or all are the same.
    """

    def __init__(self, train: Sentences, labels: Int[np.ndarray, " labels"]) -> None:
        if len(train.lengths) != len(labels):
            raise ValueError(
                f"each sentence needs a label, but {len(train.lengths)} have {len(labels)}"
            )
        if len(np.unique(labels)) < 2 or labels.min() < 0:
            raise ValueError("a classifier needs sentences of two labels, numbered from 0 on")
        self.num_train, self.num_labels = len(labels), int(labels.max()) + 1
        self._ngrams = Ngrams(train, ORDER)
        of_label = np.bincount(labels, minlength=self.num_labels)
        with np.errstate(divide="ignore"):  # a label without a sentence is never predicted
            self._prior = np.log(of_label / len(labels))
        counts = []
        for order, found in enumerate(self._ngrams.occurrences, 1):
            size = self._ngrams.distinct(order)
            keys = labels[train.owners()[found.places]] * size + found.ids
            counted = np.bincount(keys, minlength=self.num_labels * size)
            counts.append(counted.reshape(self.num_labels, size) + SMOOTHING)
        total = sum(each.sum(axis=1, keepdims=True) for each in counts)
        self._weights: list[Float[np.ndarray, "labels ngrams"]] = [
            np.log(each / total) for each in counts
        ]

    def log_joint(self, sentences: Sentences) -> Float[np.ndarray, "sentences labels"]:
        """Return the logarithm of the joint density of each sentence and each label."""
        found = np.tile(self._prior, (len(sentences.lengths), 1))
        for weights, places in zip(self._weights, self._ngrams.find(sentences), strict=True):
            counted = Counts(sentences, places)
            np.add.at(found, counted.owners, (weights[:, counted.ids] * counted.counts).T)
        return found

    def predict(self, sentences: Sentences) -> Labels:
        """Return the likeliest label of each sentence; of several, the first."""
        return self.log_joint(sentences).argmax(axis=1)


def label_agreement(
    classifier: LabelClassifier,
    samples: Sentences,
    asked: Int[np.ndarray, " labels"],
    **settings: object,
) -> Score:
    """Return the share of generated sentences that the classifier gives the label asked for.

    ``label_agreement``, in [0, 1]. It cannot be read without :func:`label_agreement_real`: a
    classifier is wrong on real sentences too, and typical ones are easier than real ones, so a
    generator may agree more often than people do. Raises ``ValueError`` without a sentence, and if
    labels are not as many.
    """
    return mean_score(
        "label_agreement",
        _agreement(classifier, samples, asked),
        _signature(classifier, {"samples": len(asked)}, settings),
        "samples",
    )


def label_agreement_real(
    classifier: LabelClassifier,
    test: Sentences,
    labels: Int[np.ndarray, " labels"],
    **settings: object,
) -> Score:
    """Return the accuracy of the classifier on held-out real sentences.

    ``label_agreement_real``, in [0, 1]: what agreement is worth. Raises ``ValueError`` without a
    sentence, and if labels are not as many.
    """
    return mean_score(
        "label_agreement_real",
        _agreement(classifier, test, labels),
        _signature(classifier, {"test": len(labels)}, settings),
        "test",
    )


def _agreement(
    classifier: LabelClassifier, sentences: Sentences, labels: Int[np.ndarray, " labels"]
) -> Float[np.ndarray, " sentences"]:
    if not len(sentences.lengths) or len(sentences.lengths) != len(labels):
        raise ValueError(
            f"label agreement needs a label for each of one sentence or more, but "
            f"{len(sentences.lengths)} have {len(labels)}"
        )
    return (classifier.predict(sentences) == labels).astype(np.float64)


def _signature(
    classifier: LabelClassifier, size: dict[str, int], settings: dict[str, object]
) -> str:
    return sign(
        **size,
        train=classifier.num_train,
        labels=classifier.num_labels,
        classifier=f"naive-bayes-{ORDER}",
        smoothing=SMOOTHING,
        **settings,
    )
