import math
from collections import Counter

import numpy as np
import pytest

from seqgan.metrics.diversity import (
    copying,
    distinct,
    lengths,
    ms_jaccard,
    ngram_entropy,
    repetition,
    shared_with,
    zipf_exponent,
)
from seqgan.metrics.ngrams import Ngrams, Sentences
from seqgan.metrics.score import Score

Rows = list[list[int]]
ORDERS = (1, 2, 3, 4)


def of(rows: Rows) -> Sentences:
    return Sentences.from_rows(rows)


def by_name(scores: list[Score]) -> dict[str, float]:
    return {score.name: score.value for score in scores}


def grams(rows: Rows, order: int) -> list[tuple[int, ...]]:
    return [tuple(row[i : i + order]) for row in rows for i in range(len(row) - order + 1)]


def random_rows(rng: np.random.Generator, count: int, vocab: int = 5, longest: int = 9) -> Rows:
    return [rng.integers(vocab, size=rng.integers(0, longest)).tolist() for _ in range(count)]


WORLDS = [
    (random_rows(np.random.default_rng(seed), 12), random_rows(np.random.default_rng(99 + seed), 9))
    for seed in range(40)
]


@pytest.mark.parametrize("world", range(len(WORLDS)))
def test_counts_of_ngrams_equal_those_of_a_dictionary(world):
    rows, others = WORLDS[world]
    ngrams = Ngrams(of(rows), 4)
    ratios, entropies = (by_name(each(ngrams, ORDERS)) for each in (distinct, ngram_entropy))
    for order in ORDERS:
        counted = Counter(grams(rows, order))
        total = counted.total()
        if not total:
            assert f"distinct_{order}" not in ratios
            continue
        assert ratios[f"distinct_{order}"] == len(counted) / total
        entropy = -sum(c / total * math.log(c / total) for c in counted.values())
        assert entropies[f"ngram_entropy_{order}"] == pytest.approx(entropy, abs=1e-12)
    similarity = by_name(ms_jaccard(ngrams, Ngrams(of(others), 4), ORDERS))
    product = 1.0
    for order in ORDERS:
        a, b = Counter(grams(rows, order)), Counter(grams(others, order))
        pairs = [(a[g] / len(rows), b[g] / len(others)) for g in a.keys() | b.keys()]
        either = sum(max(pair) for pair in pairs)
        product *= sum(min(pair) for pair in pairs) / either if either else 0.0
        expected = product ** (1 / order)
        assert similarity[f"ms_jaccard_{order}"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("world", range(len(WORLDS)))
def test_what_was_copied_equals_a_search_through_all_sentences(world):
    rows, train = WORLDS[world]
    found = by_name(copying(of(rows), of(train), ORDERS))
    for order in ORDERS:
        known, mine = set(grams(train, order)), grams(rows, order)
        if mine:
            novel = sum(gram not in known for gram in mine) / len(mine)
            assert found[f"novelty_{order}"] == pytest.approx(novel, abs=1e-12)
    assert found["copy_rate"] == pytest.approx(sum(row in train for row in rows) / len(rows))
    longest = []
    for row in rows:
        best = max(
            (n for n in range(1, len(row) + 1) if set(grams([row], n)) & set(grams(train, n))),
            default=0,
        )
        longest.append(best / max(1, len(row)))
    assert found["longest_copy"] == pytest.approx(sum(longest) / len(longest), abs=1e-12)


def test_a_run_is_not_found_across_the_border_of_two_sentences():
    assert [len(places) for places in shared_with(of([[1, 2, 3]]), of([[1, 2], [3, 1]]))] == [
        3,
        1,
        0,
    ]


def test_identical_sets_are_as_similar_as_can_be_and_disjoint_ones_not_at_all():
    one, other = Ngrams(of([[1, 2, 3], [2, 3]]), 2), Ngrams(of([[7, 8], [9, 7, 8]]), 2)
    assert by_name(ms_jaccard(one, one, (1, 2))) == {"ms_jaccard_1": 1.0, "ms_jaccard_2": 1.0}
    assert by_name(ms_jaccard(one, other, (1, 2))) == {"ms_jaccard_1": 0.0, "ms_jaccard_2": 0.0}


def test_similarity_counts_per_sentence():
    """Twice the sentences with the same frequencies are the same text."""
    one = Ngrams(of([[1, 2], [2, 3]]), 2)
    twice = Ngrams(of([[1, 2], [2, 3]] * 2), 2)
    assert by_name(ms_jaccard(twice, one, (2,))) == {"ms_jaccard_2": 1.0}


def test_repetition_counts_whole_sentences():
    # [1, 2] + [3] and [1] + [2, 3] have the same tokens end to end.
    rows = [[1, 2], [3], [1], [2, 3], [1, 2], [1, 2], [], []]
    assert by_name(repetition(of(rows))) == {"unique": 5 / 8, "most_frequent": 3 / 8}


def test_the_exponent_of_a_text_that_follows_zipfs_law():
    rows = [[word] for word in range(1, 200) for _ in range(round(20_000 / word))]
    assert by_name(zipf_exponent(Ngrams(of(rows), 1)))["zipf_exponent"] == pytest.approx(
        1, abs=0.01
    )
    assert zipf_exponent(Ngrams(of([[1, 2, 3]]), 1)) == []


def test_lengths_and_their_distance():
    found = by_name(lengths(of([[1], [1], [1, 2], [1, 2, 3]]), of([[1], [1, 2], [1, 2], [1, 2]])))
    assert found == {"length": 7 / 4, "length_distance": 0.25}
    same = by_name(lengths(of([[1], [2, 3]]), of([[4], [5, 6]])))
    assert same["length_distance"] == 0.0


def test_disjoint_parts_of_a_set():
    rows = [[1], [2, 3], [], [4, 5, 6], [7]]
    parts = of(rows).parts(2)
    assert [part.texts() for part in parts] == [of(rows[:2]).texts(), of(rows[2:4]).texts()]
    with pytest.raises(ValueError, match="5 sentences cannot be divided into 6 sets"):
        of(rows).parts(6)
