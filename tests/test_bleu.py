import math

import numpy as np
import pytest
from nltk.translate import bleu_score

from seqgan.metrics.bleu import (
    EPSILON,
    bleu,
    closest_other_lengths,
    leave_one_out_matches,
    self_bleu,
)
from seqgan.metrics.matches import (
    Matches,
    ReferenceIndex,
    closest_lengths,
    match,
    sentence_bleu,
)
from seqgan.metrics.ngrams import Ngrams, Sentences

ORDERS = (1, 2, 3, 4, 5)
WEIGHTS = [(1 / order,) * order for order in ORDERS]
Rows = list[list[int]]


def trusted(hypothesis: list[int], references: Rows) -> list[float]:
    """Return the BLEU of one sentence for every order by nltk."""
    method = bleu_score.SmoothingFunction().method1
    scores = bleu_score.sentence_bleu(references, hypothesis, WEIGHTS, smoothing_function=method)
    return [float(score) for score in scores]


def ours(hypotheses: Rows, references: Rows) -> np.ndarray:
    """Return a row of scores for every hypothesis."""
    index, given = (
        ReferenceIndex(Sentences.from_rows(references), 5),
        Sentences.from_rows(hypotheses),
    )
    closest = closest_lengths(given.lengths, index.lengths)
    scores = sentence_bleu(index.matches(given), given.lengths, closest, ORDERS, smoothing=EPSILON)
    return np.stack([scores[order] for order in ORDERS], axis=1)


def ours_of_self(sentences: Rows) -> np.ndarray:
    given = Sentences.from_rows(sentences)
    closest = closest_other_lengths(given.lengths)
    matched = leave_one_out_matches(Ngrams(given, 5))
    scores = sentence_bleu(matched, given.lengths, closest, ORDERS, smoothing=EPSILON)
    return np.stack([scores[order] for order in ORDERS], axis=1)


def random_rows(rng: np.random.Generator, count: int, vocab: int, longest: int) -> Rows:
    lengths = rng.integers(0, longest + 1, count)
    return [rng.integers(0, vocab, length).tolist() for length in lengths]


def matches(hypotheses: Rows, references: Rows, max_order: int) -> Matches:
    index = ReferenceIndex(Sentences.from_rows(references), max_order)
    return match(Sentences.from_rows(hypotheses), index)


# --- against nltk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("vocab", [2, 5, 40])
@pytest.mark.parametrize("longest", [4, 12])
def test_bleu_equals_nltk_on_random_sentences(vocab: int, longest: int):
    rng = np.random.default_rng(vocab * 100 + longest)
    for num_references in (1, 2, 8):
        for _ in range(5):
            references = random_rows(rng, num_references, vocab, longest)
            hypotheses = random_rows(rng, 120, vocab + 2, longest)  # two tokens are never seen
            expected = [trusted(hypothesis, references) for hypothesis in hypotheses]
            np.testing.assert_allclose(ours(hypotheses, references), expected, atol=1e-12)


@pytest.mark.parametrize("vocab", [2, 5, 40])
def test_self_bleu_equals_nltk_on_random_sentences(vocab: int):
    rng = np.random.default_rng(vocab)
    for count in (2, 3, 12):
        for _ in range(8):
            sentences = random_rows(rng, count, vocab, 9)
            sentences[-1] = list(sentences[0])  # a duplicate still matches
            expected = [
                trusted(each, sentences[:i] + sentences[i + 1 :])
                for i, each in enumerate(sentences)
            ]
            np.testing.assert_allclose(ours_of_self(sentences), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("hypothesis", "references"),
    [
        ([], [[1, 2, 3]]),  # nothing said
        ([], [[]]),
        ([1, 2, 3], [[]]),  # nothing to say
        ([1, 2, 3], [[], [1, 2, 3]]),
        ([1], [[1, 2, 3, 4, 5, 6]]),  # shorter than every n-gram but one
        ([1, 2], [[1, 2]]),
        ([1, 2, 3, 4], [[1, 2, 3, 4]]),
        ([1, 2, 3, 4, 5], [[1, 2, 3, 4, 5]]),
        ([1, 2, 3, 4], [[1, 2], [1, 2, 3, 4, 5, 6]]),  # two lengths are equally close
        ([1, 2, 3, 4], [[1, 2, 3, 4, 5, 6], [1, 2]]),
        ([7, 7, 7, 7, 7], [[7, 7, 1], [7, 2]]),  # clipped at two
        ([7, 7, 7, 7], [[7, 1], [7, 2], [7, 3]]),  # counts of references do not add up
        ([1, 2, 3], [[3, 2, 1]]),  # words, no pair of words
        ([8, 9], [[1, 2]]),  # nothing in common
        ([1, 9, 2, 9], [[1, 2, 1, 2]]),
        ([1, 2, 1, 2, 1, 2], [[1, 2, 1, 2], [2, 1, 2, 1, 2, 1]]),
        ([0, 0, 0], [[0, 0]]),  # id zero is a token as any other
        ([2, 3, 4, 5, 6, 7], [[2, 3, 4], [4, 5, 6, 7]]),  # 3-grams across references do not count
    ],
)
def test_bleu_equals_nltk_on_edge_cases(hypothesis: list[int], references: Rows):
    expected = trusted(hypothesis, references)
    np.testing.assert_allclose(ours([hypothesis], references)[0], expected, atol=1e-15)
    several = ours([[1, 2, 3], hypothesis, [], [5]], references)
    np.testing.assert_allclose(several[1], expected, atol=1e-15)  # neighbours play no part


@pytest.mark.parametrize(
    "sentences",
    [
        [[1, 2, 3], [1, 2, 3]],
        [[1, 2, 3], [1, 2, 3], [1, 2, 3, 4]],
        [[], []],
        [[], [1]],
        [[1], [], [1]],
        [[1, 1, 1], [1, 1], [1]],  # the largest count is held by one sentence alone
        [[1, 1, 1], [1, 1, 1], [1]],  # by two
        [[1, 2], [1, 2, 3, 4], [5, 6, 7]],
        [[1, 2, 3, 4, 5, 6], [9]],
    ],
)
def test_self_bleu_equals_nltk_on_edge_cases(sentences: Rows):
    expected = [
        trusted(each, sentences[:i] + sentences[i + 1 :]) for i, each in enumerate(sentences)
    ]
    np.testing.assert_allclose(ours_of_self(sentences), expected, atol=1e-15)


# --- by hand --------------------------------------------------------------------------------------


def test_bleu_by_hand():
    # Three of four words, one of three pairs; shorter than the reference by one.
    (two,) = bleu(matches([[1, 2, 9, 3]], [[1, 2, 3, 4, 5]], 2), [2], a="b")
    assert two.name == "bleu_2"
    assert two.value == pytest.approx(math.exp(1 - 5 / 4) * math.sqrt(3 / 4 * 1 / 3))
    assert two.as_dict()["standard_error"] is None
    assert two.signature == (
        "hypotheses:1|references:1|smoothing:method1|aggregate:sentence-mean|a:b"
    )


def test_scores_are_means_over_sentences_in_the_order_asked_for():
    rng = np.random.default_rng(1)
    hypotheses, references = random_rows(rng, 30, 4, 8), random_rows(rng, 9, 4, 8)
    scores = bleu(matches(hypotheses, references, 4), [4, 2])
    expected = ours(hypotheses, references)
    assert [score.name for score in scores] == ["bleu_4", "bleu_2"]
    for score, column in zip(scores, (3, 1), strict=True):
        assert score.value == pytest.approx(expected[:, column].mean())
        error = expected[:, column].std(ddof=1) / 30**0.5
        assert score.standard_error == pytest.approx(error)
        assert score.parts is not None
        assert score.parts.values.tolist() == pytest.approx(expected[:, column].tolist())
    (back,) = bleu(matches(references, hypotheses, 2), [2], name="reverse_bleu", of="test")
    assert back.parts is not None
    assert (back.name, back.parts.of) == ("reverse_bleu_2", "test")
    assert back.value == pytest.approx(ours(references, hypotheses)[:, 1].mean())
    selves = self_bleu(Ngrams(Sentences.from_rows(hypotheses), 3), [2, 3], tokenizer="ids")
    assert [score.name for score in selves] == ["self_bleu_2", "self_bleu_3"]
    assert selves[0].value == pytest.approx(ours_of_self(hypotheses)[:, 1].mean())
    assert selves[0].standard_error is None
    assert selves[0].signature.startswith("sentences:30|self:excluded-by-index|smoothing:method1|")
    assert selves[0].signature.endswith("|tokenizer:ids")


def test_a_copy_of_a_reference_scores_one_and_nothing_scores_more():
    sentence = [1, 2, 3, 4, 5, 6]
    assert ours([sentence], [[9, 9], sentence])[0].tolist() == pytest.approx([1] * 5)
    rng = np.random.default_rng(2)
    scores = ours(random_rows(rng, 200, 3, 20), random_rows(rng, 5, 3, 20))
    assert ((scores >= 0) & (scores <= 1)).all()


def test_padding_and_the_end_token_are_no_words():
    tokens = np.array([[3, 4, 1, -1], [5, 3, 4, 5], [1, -1, -1, -1]])
    text = Sentences.from_tokens(tokens, padding=-1, end=1)
    assert (text.flat.tolist(), text.lengths.tolist()) == ([3, 4, 5, 3, 4, 5], [2, 4, 0])
    every = Sentences.from_tokens(tokens, padding=-1, end=None)
    assert (every.flat.tolist(), every.lengths.tolist()) == ([3, 4, 1, 5, 3, 4, 5, 1], [3, 4, 1])


def test_of_two_equally_close_lengths_the_shorter_counts():
    lengths = np.array([1, 4, 5, 7, 9, 30])
    assert closest_lengths(lengths, np.array([2, 6, 8])).tolist() == [2, 2, 6, 6, 8, 8]
    assert closest_other_lengths(np.array([2, 4, 6, 6])).tolist() == [4, 2, 6, 6]


def test_the_order_of_references_and_hypotheses_plays_no_part():
    rng = np.random.default_rng(3)
    hypotheses, references = random_rows(rng, 20, 4, 8), random_rows(rng, 7, 4, 8)
    expected = ours(hypotheses, references)
    np.testing.assert_array_equal(ours(hypotheses, references[::-1]), expected)
    np.testing.assert_array_equal(ours(hypotheses[::-1], references)[::-1], expected)


# --- errors ---------------------------------------------------------------------------------------


def test_bleu_needs_a_reference():
    with pytest.raises(ValueError, match=r"^BLEU needs at least one reference$"):
        matches([[1]], [], 2)


def test_bleu_needs_a_hypothesis():
    with pytest.raises(ValueError, match=r"^BLEU needs at least one hypothesis$"):
        matches([], [[1]], 2)


@pytest.mark.parametrize("rows", [[], [[1, 2, 3]]])
def test_self_bleu_needs_two_sentences(rows: Rows):
    with pytest.raises(ValueError, match=r"^Self-BLEU needs at least two sentences$"):
        self_bleu(Ngrams(Sentences.from_rows(rows), 2), [2])
