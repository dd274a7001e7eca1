import numpy as np
import pytest

from seqgan.metrics import bertscore
from seqgan.metrics.bertscore import TokenEmbeddings, nearest_bertscore, pairwise_f1


def sentences(seed: int, lengths: list[int], dim: int = 6) -> TokenEmbeddings:
    """Random vectors of length 1, the first and last of each sentence special."""
    rng = np.random.default_rng(seed)
    vectors, special = [], []
    for length in lengths:
        rows = rng.normal(size=(length, dim))
        vectors.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32))
        marks = np.zeros(length, dtype=bool)
        marks[[0, -1]] = True
        special.append(marks)
    return TokenEmbeddings.join(vectors, special)


def naive_f1(candidates: TokenEmbeddings, i: int, references: TokenEmbeddings, j: int) -> float:
    one, other = candidates.cut(i, i + 1), references.cut(j, j + 1)
    precision = [
        max(float(a @ b) for b in other.flat)
        for a, special in zip(one.flat, one.special, strict=True) if not special
    ]  # fmt: skip
    recall = [
        max(float(a @ b) for a in one.flat)
        for b, special in zip(other.flat, other.special, strict=True) if not special
    ]  # fmt: skip
    if not precision or not recall:
        return 0.0
    p, r = float(np.mean(precision)), float(np.mean(recall))
    return 2 * p * r / (p + r) if p * r > 0 else 0.0


@pytest.mark.parametrize("chunk", [2, 32])
def test_every_pair_equals_loops_over_word_pieces(chunk: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bertscore, "CHUNK", chunk)
    candidates = sentences(1, [5, 3, 9, 2, 4])  # the fourth has nothing but marks
    references = sentences(2, [4, 12, 3, 2])
    expected = [[naive_f1(candidates, i, references, j) for j in range(4)] for i in range(5)]
    np.testing.assert_allclose(pairwise_f1(candidates, references), expected, atol=1e-6)


def test_a_pair_alone_is_the_pair_in_a_batch():
    candidates, references = sentences(3, [5, 8, 3], dim=64), sentences(4, [4, 30, 3], dim=64)
    together = pairwise_f1(candidates, references)
    for i in range(3):
        for j in range(3):
            alone = pairwise_f1(candidates.cut(i, i + 1), references.cut(j, j + 1))
            assert alone[0, 0] == pytest.approx(together[i, j], abs=1e-6)


def test_negative_similarities_count():
    """Padding with zeros would hide them."""
    up, down = np.array([[0.0, 1.0]]), np.array([[0.6, -0.8]])
    mark = np.zeros(1, dtype=bool)
    short, long = TokenEmbeddings.join([up], [mark]), TokenEmbeddings.join([down], [mark])
    assert pairwise_f1(short, long)[0, 0] == pytest.approx(-0.8)


def test_similarities_of_two_signs_have_no_harmonic_mean():
    """Its formula would give 4 for -0.5 and 0.4."""
    mark = np.array([False, True])
    candidate = TokenEmbeddings.join([np.array([[-0.5, 0.75**0.5], [0.4, 0.84**0.5]])], [mark])
    reference = TokenEmbeddings.join([np.array([[1.0, 0.0]])], [np.zeros(1, dtype=bool)])
    assert pairwise_f1(candidate, reference)[0, 0] == 0


def test_marks_may_be_matched_but_are_not_averaged():
    axes = np.eye(3)
    candidate = TokenEmbeddings.join([axes[[0, 1]]], [np.array([False, True])])
    reference = TokenEmbeddings.join([axes[[2, 0]]], [np.array([False, True])])
    # The candidate's word finds the reference's mark: precision 1. The other way round nothing: 0.
    assert pairwise_f1(candidate, reference)[0, 0] == 0
    both = TokenEmbeddings.join([axes[[1, 0]]], [np.array([False, True])])
    assert pairwise_f1(candidate, both)[0, 0] == pytest.approx(1)


def test_scores_are_means_of_the_nearest():
    candidates, references = sentences(5, [5, 4, 7, 6]), sentences(6, [3, 9, 4])
    f1 = pairwise_f1(candidates, references)
    precision, recall = nearest_bertscore(candidates, references, encoder="toy")
    assert (precision.name, recall.name) == ("bertscore_precision", "bertscore_recall")
    assert precision.value == pytest.approx(f1.max(axis=1).mean())
    assert recall.value == pytest.approx(f1.max(axis=0).mean())
    assert recall.standard_error == pytest.approx(f1.max(axis=0).std(ddof=1) / 3**0.5)
    assert precision.signature == "samples:4|references:3|aggregate:nearest|encoder:toy"
    swapped, _ = nearest_bertscore(references, candidates)
    assert swapped.value == pytest.approx(recall.value)
    one, other = nearest_bertscore(candidates.cut(0, 1), references)
    assert (one.standard_error, other.standard_error is None) == (None, False)


def test_a_collapsed_set_is_precise_and_recalls_little():
    references = sentences(7, [6] * 20, dim=32)
    copies = TokenEmbeddings.join(
        [references.cut(0, 1).flat] * 20, [references.cut(0, 1).special] * 20
    )
    precision, recall = nearest_bertscore(copies, references)
    assert precision.value == pytest.approx(1, abs=1e-6)
    assert recall.value < 0.6
    same = nearest_bertscore(references, references)
    assert [score.value for score in same] == pytest.approx([1, 1], abs=1e-6)


def test_a_set_without_sentences_or_vectors_is_refused():
    with pytest.raises(ValueError, match=r"^BERTScore needs at least one sentence"):
        TokenEmbeddings.join([], [])
    with pytest.raises(ValueError, match=r"and a vector in each$"):
        TokenEmbeddings.join([np.zeros((0, 3))], [np.zeros(0, dtype=bool)])
