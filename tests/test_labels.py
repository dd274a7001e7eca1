import itertools
import math

import numpy as np
import pytest

from seqgan.metrics.ngrams import Sentences
from seqgan.metrics.validity.labels import (
    LabelClassifier,
    label_agreement,
    label_agreement_real,
)


def rows(*each):
    return Sentences.from_rows(each)


def labels(*each):
    return np.array(each, dtype=np.int64)


def slow_joint(train, of_train, sentence, num_labels):
    """Multinomial naive Bayes with loops."""

    def ngrams(row):
        return [(token,) for token in row] + list(itertools.pairwise(row))

    known = {gram for row in train for gram in ngrams(row)}
    found = []
    for label in range(num_labels):
        mine = [row for row, each in zip(train, of_train, strict=True) if each == label]
        if not mine:
            found.append(-math.inf)
            continue
        grams = [gram for row in mine for gram in ngrams(row)]
        joint = math.log(len(mine) / len(train))
        for gram in ngrams(sentence):
            if gram in known:
                joint += math.log((grams.count(gram) + 1) / (len(grams) + len(known)))
        found.append(joint)
    return found


def test_the_joint_density_equals_loops():
    rng = np.random.default_rng(3)
    train = [rng.integers(0, 6, rng.integers(0, 7)).tolist() for _ in range(40)]
    of_train = rng.choice([0, 1, 3], 40)
    others = [rng.integers(0, 8, rng.integers(0, 9)).tolist() for _ in range(30)]
    classifier = LabelClassifier(rows(*train), of_train)
    joint = classifier.log_joint(rows(*others))
    expected = np.array([slow_joint(train, of_train.tolist(), row, 4) for row in others])
    assert joint.shape == (30, 4)
    np.testing.assert_allclose(joint, expected, atol=1e-10)
    assert classifier.predict(rows(*others)).tolist() == expected.argmax(axis=1).tolist()
    assert 2 not in classifier.predict(rows(*others))


def test_pairs_tell_what_words_do_not():
    train = [[0, 1, 2], [2, 0, 1], [1, 0, 2], [2, 1, 0]]
    classifier = LabelClassifier(rows(*train), labels(0, 0, 1, 1))
    assert classifier.predict(rows([0, 1], [1, 0])).tolist() == [0, 1]


def test_what_nothing_is_known_of_has_the_most_frequent_label():
    classifier = LabelClassifier(rows([0], [1], [1]), labels(0, 1, 1))
    assert classifier.predict(rows([], [9, 9], [0])).tolist() == [1, 1, 0]
    tied = LabelClassifier(rows([0], [1]), labels(1, 0))
    assert tied.predict(rows([7])).tolist() == [0]


def test_scores_keep_each_sentence_and_name_what_matters():
    classifier = LabelClassifier(rows([0], [1], [1]), labels(0, 1, 1))
    score = label_agreement(
        classifier, rows([0], [1], [1], [0]), labels(0, 1, 0, 0), tokenizer="ids"
    )
    assert score.name == "label_agreement"
    assert score.value == 0.75
    assert score.parts is not None
    assert score.parts.of == "samples"
    assert score.parts.values.tolist() == [1, 1, 0, 1]
    assert score.standard_error == pytest.approx(0.25)
    settings = "train:3|labels:2|classifier:naive-bayes-2|smoothing:1.0"
    assert score.signature == f"samples:4|{settings}|tokenizer:ids"
    real = label_agreement_real(classifier, rows([0], [1]), labels(1, 1))
    assert (real.name, real.value) == ("label_agreement_real", 0.5)
    assert real.parts is not None
    assert real.parts.of == "test"
    assert real.signature == f"test:2|{settings}"


def test_rows_of_a_padded_matrix():
    tokens = np.array([[3, 4, 1, -1], [4, 4, 4, 1], [1, -1, -1, -1]])
    train = Sentences.from_tokens(tokens, padding=-1, end=1)
    classifier = LabelClassifier(train, labels(0, 1, 1))
    assert classifier.predict(train).tolist() == [0, 1, 1]


def test_what_cannot_be_learnt_or_compared():
    with pytest.raises(ValueError, match=r"^each sentence needs a label, but 1 have 2$"):
        LabelClassifier(rows([0]), labels(0, 1))
    for bad in (labels(1, 1), labels(-1, 1)):
        with pytest.raises(
            ValueError, match=r"^a classifier needs sentences of two labels, numbered from 0 on$"
        ):
            LabelClassifier(rows([0], [1]), bad)
    with pytest.raises(ValueError, match="two labels"):
        LabelClassifier(rows(), labels())
    classifier = LabelClassifier(rows([0], [1]), labels(0, 1))
    for samples, asked, have in (
        (rows(), labels(), "0 have 0"),
        (rows([0]), labels(0, 1), "1 have 2"),
    ):
        line = f"label agreement needs a label for each of one sentence or more, but {have}"
        for score in (label_agreement, label_agreement_real):
            with pytest.raises(ValueError, match=f"^{line}$"):
                score(classifier, samples, asked)
