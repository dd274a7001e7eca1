import json
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from seqgan.corpus import duplicates, leaks, rows
from seqgan.corpus.card import card
from seqgan.corpus.cautions import percent
from seqgan.corpus.duplicates import near_duplicates, nearest
from seqgan.corpus.frequency import coverage, log_spaced, zipf_exponent
from seqgan.corpus.leaks import HALF
from seqgan.corpus.rows import Rows, evenly_spaced, ngram_hashes, sentence_hashes
from seqgan.corpus.shift import (
    ALIKE,
    DIFFER,
    Profile,
    holm,
    shift,
    smirnov,
    two_proportions,
)

END, UNKNOWN, FIRST = 1, 2, 3
WORDS = [f"w{i}" for i in range(400)]


def padded(sentences, length=None):
    """Rows of a dataset, of sentences given as numbers of words."""
    found = [[FIRST + word for word in each] + [END] for each in sentences]
    width = length or max(map(len, found))
    return np.array([each + [-1] * (width - len(each)) for each in found], np.int32)


def sentences_of(rng, count, *, vocab=60, low=2, high=9):
    chance = 1 / np.arange(1, vocab + 1)
    chance /= chance.sum()
    lengths = rng.integers(low, high, count)
    return [rng.choice(vocab, size, p=chance).tolist() for size in lengths]


def card_of(train, validation, test, **given):
    width = max(len(each) for part in (train, validation, test) for each in part) + 1
    parts = {"train": train, "validation": validation, "test": test}
    found = {name: padded(part, width) for name, part in parts.items()}
    known = {"words": WORDS, "first_word": FIRST, "end": END, "unknown": UNKNOWN}
    return card(found, **(known | given))


def random_card(seed=0, sizes=(300, 60, 60), **given):
    rng = np.random.default_rng(seed)
    return card_of(*(sentences_of(rng, size) for size in sizes), **given)


# --- rows -----------------------------------------------------------------------------------------


def test_blocks_hold_every_sentence_without_its_end_and_its_condition(monkeypatch):
    tokens = np.array([[9, 3, 5, 1, -1], [9, 8, 3, 6, 7], [3, 4, 1, -1, -1]], np.int32)
    monkeypatch.setattr(rows, "BLOCK", 7)
    found = [(start, block.tolist()) for start, block in Rows(tokens, 1, 3).blocks()]
    bare = [[5, -1, -1, -1, -1], [6, 7, -1, -1, -1], [4, -1, -1, -1, -1]]
    assert found == [(i, [row]) for i, row in enumerate(bare)]
    assert Rows(tokens, None).take(np.array([1, 0])).tolist() == tokens[[1, 0]].tolist()
    assert Rows(tokens, 1).take(np.array([0])).tolist() == [[9, 3, 5, -1, -1]]


def test_fingerprints_are_equal_for_equal_sentences_alone():
    rng = np.random.default_rng(1)
    parts = [*sentences_of(rng, 400, vocab=4, high=6), [1], [1, 1], [0], [0, 0], [0, 1], [1, 0]]
    hashes = sentence_hashes(Rows(padded(parts), END)).tolist()
    assert len(set(zip(hashes, map(tuple, parts), strict=True))) == len(set(hashes))
    assert len(set(hashes)) == len(set(map(tuple, parts)))
    wider = sentence_hashes(Rows(padded(parts, 40), END)).tolist()
    assert wider == hashes


def test_sentences_with_an_unknown_word_equal_no_other(monkeypatch):
    monkeypatch.setattr(rows, "BLOCK", 7)
    tokens = padded([[4, UNKNOWN - FIRST], [4, 5]] * 2)
    one, other = (sentence_hashes(Rows(tokens, END), UNKNOWN, split).tolist() for split in (0, 1))
    assert one[1] == one[3] == other[1]
    assert len({one[0], one[2], other[0], other[2], one[1]}) == 5
    same = sentence_hashes(Rows(tokens, END)).tolist()
    assert same[0] == same[2]


def test_ngrams_hold_no_unknown_word():
    block = np.array([[4, 5, UNKNOWN, 4, 5], [4, 5, 6, 7, -1]])
    found = [known.tolist() for _, known in ngram_hashes(block, UNKNOWN)]
    assert found[0] == [[True, False, False, True], [True, True, True, False]]
    assert found[1] == [[False] * 3, [True, True, False]]
    assert [len(known[0]) for known in found] == [4, 3, 2, 1, 0, 0, 0]
    bigrams, _ = next(ngram_hashes(block, UNKNOWN))
    assert bigrams[0, 0] == bigrams[0, 3] == bigrams[1, 0] != bigrams[1, 1]


def test_samples_are_even():
    assert evenly_spaced(10, 4).tolist() == [0, 2, 5, 7]
    assert evenly_spaced(3, 4).tolist() == [0, 1, 2]
    assert evenly_spaced(0, 4).tolist() == []


# --- counts and frequencies -----------------------------------------------------------------------


def test_counts_of_a_small_world():
    found = card_of([[0, 1], [0, 1], [0], [2, 2, 2, 3]], [[0, 1, 2]], [[5], [0, 5]])
    assert found["splits"]["train"] == {
        "sentences": 4,
        "tokens": 9,
        "distinct_tokens": 4,
        "length": {
            "shortest": 1,
            "longest": 4,
            "mean": 2.25,
            "quantiles": {"0.05": 1, "0.25": 1, "0.5": 2, "0.75": 2, "0.95": 4},
        },
        "distinct_sentences": 3,
        "repeated_share": 0.25,
        "labels": None,
    }
    assert found["lengths"] == {
        "edges": [1, 2, 3, 4, 5],
        "counts": {"train": [1, 2, 0, 1], "validation": [0, 0, 1, 0], "test": [1, 1, 0, 0]},
    }
    words = found["frequency"]
    assert words["most_frequent"] == [["w0", 3], ["w2", 3], ["w1", 2], ["w3", 1]]
    assert words["ranks"] == [1, 2, 3, 4]
    assert words["counts"] == [3, 3, 2, 1]
    assert words["share_of_words_seen_once"] == 0.25
    assert words["coverage"]["train"] == pytest.approx([3 / 9, 6 / 9, 8 / 9, 1])
    assert words["coverage"]["test"] == pytest.approx([1 / 3] * 4)
    assert found["leaks"]["sentences"] == {"validation": 0, "test": 0}


def test_long_rows_share_bars_and_none_is_lost():
    rng = np.random.default_rng(0)
    found = card_of(*(sentences_of(rng, 50, low=5, high=290) for _ in range(3)))["lengths"]
    assert len(found["edges"]) <= 61
    assert {len(each) for each in found["counts"].values()} == {len(found["edges"]) - 1}
    assert {sum(each) for each in found["counts"].values()} == {50}


def test_the_exponent_of_a_power_law_is_found():
    for exponent in (0.7, 1.0, 1.6):
        counts = np.rint(1e9 * np.arange(1.0, 301) ** -exponent).astype(np.int64)
        shuffled = np.random.default_rng(0).permutation(np.append(counts, [0, 0]))
        assert zipf_exponent(shuffled) == pytest.approx(exponent, abs=1e-4)
    assert zipf_exponent(np.array([5])) is None
    assert zipf_exponent(np.array([5, 5, 5])) == pytest.approx(0, abs=1e-4)


def test_unknown_tokens_are_covered_by_no_word():
    ranks, found = coverage({"train": np.array([1, 3]), "test": np.array([1, 1])},
                            {"train": 0, "test": 2})  # fmt: skip
    assert ranks.tolist() == [1, 2]
    assert found == {"train": [0.75, 1.0], "test": [0.25, 0.5]}
    assert log_spaced(1).tolist() == [1]
    assert log_spaced(0).tolist() == []
    assert log_spaced(10**6)[-1] == 10**6


def test_unknown_words_are_counted_and_dropped_shares_passed_on():
    train = padded([[0, 1]] * 3)
    test = np.array([[3, UNKNOWN, 1], [3, 4, 1]], np.int32)
    found = card({"train": train, "test": test}, words=["a", "b"], first_word=FIRST, end=END,
                 unknown=UNKNOWN, dropped={"test": 0.4})  # fmt: skip
    assert found["unknown"]["test"] == {
        "token_share": 0.25, "sentence_share": 0.5, "dropped_share": 0.4,
    }  # fmt: skip
    assert found["unknown"]["train"]["dropped_share"] is None
    assert found["overlap"] is None
    said = " ".join(found["warnings"])
    assert "25% of the test tokens are unknown words, in 50% of its sentences" in said
    assert "left out, 40% of test: those that remain" in said


# --- leaks ----------------------------------------------------------------------------------------


def ngrams(sentences, order):
    return [tuple(each[i : i + order]) for each in sentences for i in range(len(each) - order + 1)]


@pytest.mark.parametrize("block", [7, 200, 2**20])
def test_leaked_ngrams_are_those_of_nested_loops(monkeypatch, block):
    monkeypatch.setattr(rows, "BLOCK", block)
    rng = np.random.default_rng(2)
    train, validation, test = (sentences_of(rng, n, vocab=6) for n in (80, 30, 40))
    found = card_of(train, validation, test)["leaks"]
    bits = sentence_hashes(Rows(padded(train, 12), END)) >> HALF & np.uint64(1)
    halves = [[each for each, bit in zip(train, bits, strict=True) if bit == b] for b in (0, 1)]
    assert found["half_sentences"] == len(halves[1]) > 20
    asked = [
        ("test", test, train), ("validation", validation, train), ("test_in_half", test, halves[1]),
        ("validation_in_half", validation, halves[1]), ("half", halves[0], halves[1]),
    ]  # fmt: skip
    for name, ours, theirs in asked:
        for order, share in zip(found["orders"], found["ngrams"][name], strict=True):
            grams, known = ngrams(ours, order), set(ngrams(theirs, order))
            expected = sum(gram in known for gram in grams) / len(grams)
            assert share == pytest.approx(expected), (name, order)
    assert not set(map(tuple, halves[0])) & set(map(tuple, halves[1]))
    copies = sum(each in train for each in test) / len(test)
    assert found["sentences"]["test"] == pytest.approx(copies)
    assert copies > 0


def test_samples_of_ngrams_say_how_large_they_are(monkeypatch):
    monkeypatch.setattr(leaks, "SENTENCES", 10)
    found = random_card()["leaks"]
    assert found["sampled"] == {"validation": 10, "test": 10, "half": 10}
    assert found["training_sentences"] == 300


def test_a_leak_stands_out_from_its_yardstick():
    rng = np.random.default_rng(3)
    train = [rng.integers(0, 400, 12).tolist() for _ in range(400)]
    test = [[*each[:11], 399 - each[11]] for each in train[:250]]
    clean = [rng.integers(0, 400, 12).tolist() for _ in range(250)]
    said = card_of(train, clean, test)["warnings"]
    assert any("-grams of the test set" in each for each in said)
    assert not any("-grams of the validation set" in each for each in said)
    assert (
        "100% of 250 test sentences share at least 80% of their bigrams with one training sentence."
        in said
    )


# --- near-duplicates ------------------------------------------------------------------------------


def bigrams(sentence):
    found = set(pairwise(sentence))
    return found if len(sentence) > 1 else {(each,) for each in sentence}


def jaccard(one, other):
    both = bigrams(one) | bigrams(other)
    return len(bigrams(one) & bigrams(other)) / len(both) if both else 0.0


@pytest.mark.parametrize("block", [11, 2**20])
def test_the_nearest_sentence_is_that_of_nested_loops(monkeypatch, block):
    monkeypatch.setattr(rows, "BLOCK", block)
    monkeypatch.setattr(duplicates, "_COMPARED", 7)
    rng = np.random.default_rng(4)
    train, test = (sentences_of(rng, n, vocab=12, low=1) for n in (90, 50))
    test += [[200, 201], [300]]
    best, where = nearest(Rows(padded(test), END).take(np.arange(52)), Rows(padded(train), END))
    for i, ours in enumerate(test):
        all_of_them = [jaccard(ours, theirs) for theirs in train]
        assert best[i] == max(all_of_them)
        assert where[i] == (all_of_them.index(best[i]) if best[i] else -1)


def test_the_closest_pairs_are_told_as_text():
    train = Rows(padded([[0, 1, 2, 3], [7, 8, 9, 10, 11], [5]]), END)
    test = Rows(padded([[7, 8, 9, 10], [30, 31], [0, 1, 2, 3], [5], [0, 1]]), END)
    found = near_duplicates(test, train, text=lambda ids: " ".join(map(str, ids)))
    assert found["shares"] == {"0.5": 0.6, "0.8": 0.4, "1.0": 0.4}
    assert found["sampled"] == 5
    assert [(each["similarity"], each["place"], each["training_place"]) for each in
            found["pairs"]] == [(1, 2, 0), (1, 3, 2), (0.75, 0, 1), (1 / 3, 4, 0)]  # fmt: skip
    assert found["pairs"][1]["text"] == found["pairs"][1]["training_text"] == "8"
    assert found["pairs"][2]["training_tokens"] == [10, 11, 12, 13, 14]


def test_too_much_work_is_shared_out_and_the_sample_named(monkeypatch):
    monkeypatch.setattr(duplicates, "WORK", 1000)
    monkeypatch.setattr(duplicates, "SENTENCES", 40)
    found = random_card()["near_duplicates"]["test"]
    assert 1 <= found["sampled"] < 40


# --- shift ----------------------------------------------------------------------------------------


def test_two_proportions_agree_with_known_tests():
    for a, n, b, m in [(3, 40, 12, 60), (0, 500, 9, 100), (20, 30, 5, 40), (10, 100, 20, 200)]:
        (p,) = two_proportions(np.array([a]), n, np.array([b]), m)
        exact = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert exact * 0.8 <= p <= min(1, 4 * exact + 0.05), (a, n, b, m)
    (p,) = two_proportions(np.array([200]), 1000, np.array([260]), 1000)
    table = [[200, 800], [260, 740]]
    expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").pvalue
    assert p == pytest.approx(expected)
    (few,) = two_proportions(np.array([2]), 100, np.array([10]), 100)
    assert few == pytest.approx(2 * stats.binom.cdf(2, 12, 0.5))
    (most,) = two_proportions(np.array([98]), 100, np.array([90]), 100)
    assert most == pytest.approx(few)


def test_lengths_are_compared_as_by_scipy():
    rng = np.random.default_rng(0)
    one, other = rng.integers(3, 20, 500), rng.integers(4, 20, 300)
    distance, p = smirnov(np.bincount(one), np.bincount(other))
    expected = stats.ks_2samp(one, other, method="asymp")
    assert distance == pytest.approx(expected.statistic)
    assert p == pytest.approx(expected.pvalue, rel=0.5)
    assert smirnov(np.array([0, 4]), np.array([0, 2])) == (0, 1)


def test_adjusted_p_values_are_holms():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1, 1]


def simulated(rng, sizes, topic=None):
    """A corpus split at random; a topic word may stand in other shares of training and test."""
    parts = [sentences_of(rng, size, vocab=300) for size in sizes]
    if topic:
        for part, share in zip(parts, topic, strict=True):
            for each in part:
                each[:1] = [399] if rng.random() < share else each[:1]
    profiles = {}
    for name, part in zip(("train", "validation", "test"), parts, strict=True):
        distinct = Rows(padded(sorted(set(map(tuple, part))), 10), END)
        first = np.ones(len(distinct), bool)
        profiles[name] = Profile.of(distinct, first, FIRST + len(WORDS))
    return shift(profiles, words=WORDS, first_word=FIRST, alpha=0.05)


def test_random_splits_are_rarely_said_to_differ():
    rng = np.random.default_rng(5)
    called = sum(simulated(rng, (400, 100, 100))["verdict"] == DIFFER for _ in range(300))
    # At a true rate of 5 % more than 26 of 300 have a probability below 0.3 %.
    assert called <= 26


def test_a_topic_of_one_split_is_found():
    rng = np.random.default_rng(6)
    for _ in range(10):
        found = simulated(rng, (2000, 400, 400), (0.001, 0.1, 0.1))
        assert found["verdict"] == DIFFER
        worst = next(pair for pair in found["pairs"] if pair["splits"] == ["train", "test"])
        assert worst["words"][0]["word"] == "w399"
        assert worst["words"][0]["rates"][0] < 0.02 < 0.04 < worst["words"][0]["rates"][1]


def test_other_lengths_are_found():
    rng = np.random.default_rng(7)
    train, validation = sentences_of(rng, 400, low=6), sentences_of(rng, 200, low=6)
    found = card_of(train, validation, sentences_of(rng, 200, low=2, high=5))
    pairs = {tuple(pair["splits"]): pair["lengths"]["p_holm"] for pair in found["shift"]["pairs"]}
    assert pairs["train", "test"] < 1e-6
    assert pairs["train", "validation"] > 0.01
    assert any("test sets differ in length" in each for each in found["warnings"])


def test_repeated_sentences_count_once_in_the_shift():
    rng = np.random.default_rng(8)
    parts = [sentences_of(rng, size) for size in (400, 100, 100)]
    parts[2] += [[399, 398, 397]] * 300
    found = card_of(*parts)
    assert found["shift"]["verdict"] == ALIKE
    assert any("of the test sentences repeat another: 400 sentences" in each
               for each in found["warnings"])  # fmt: skip


# --- warnings -------------------------------------------------------------------------------------


def test_a_validation_set_that_is_the_test_set_is_named():
    rng = np.random.default_rng(9)
    train, test = sentences_of(rng, 50), sentences_of(rng, 300, low=5)
    distinct = len(set(map(tuple, test)))
    first = card_of(train, test[::-1], test)["warnings"][0]
    assert first.startswith(f"Validation equals test: both hold the same {distinct} distinct")
    most = card_of(train, test, test[:200])["warnings"][0]
    assert "of the distinct validation sentences are test sentences too" in most
    assert "Validation" not in " ".join(card_of(train, train, test)["warnings"])


def test_copies_of_training_are_named():
    rng = np.random.default_rng(10)
    train = sentences_of(rng, 300, vocab=400, low=6)
    test = [*train[:30], *sentences_of(rng, 270, vocab=400, low=6)]
    said = card_of(train, sentences_of(rng, 99, low=6), test)["warnings"]
    assert "10% of the test sentences stand in the training set word for word." in said


def test_a_good_corpus_raises_no_warning():
    rng = np.random.default_rng(11)
    parts = [sentences_of(rng, n, vocab=400, low=6, high=12) for n in (3000, 400, 400)]
    assert card_of(*parts)["warnings"] == []


def test_responses_are_copies_only_after_the_same_prompt():
    train = np.array([[5, 3, 7, 8, 1], [6, 3, 7, 8, 1]], np.int32)
    test = np.array([[9, 3, 7, 8, 1], [5, 3, 7, 8, 1]], np.int32)
    given = {"words": WORDS, "first_word": 4, "end": END, "unknown": UNKNOWN, "separator": 3}
    parts = {"train": train, "test": test}
    assert card(parts, **given)["leaks"]["sentences"]["test"] == 1
    found = card(parts, **given, with_condition=True)
    assert found["leaks"]["sentences"]["test"] == 0.5
    assert found["splits"]["train"]["distinct_sentences"] == 2
    assert found["splits"]["train"]["tokens"] == 4


def test_classes_are_counted_and_an_empty_one_is_named():
    labels = {"train": np.array([0, 1, 0]), "test": np.array([0, 0])}
    found = card(
        {"train": padded([[1], [2], [3]]), "test": padded([[4], [5]])},
        words=WORDS, first_word=FIRST, end=END, unknown=UNKNOWN, labels=labels,
        label_names=["good", "bad"],
    )  # fmt: skip
    assert found["splits"]["train"]["labels"] == [["good", 2], ["bad", 1]]
    assert found["splits"]["test"]["labels"] == [["good", 2], ["bad", 0]]
    assert "The test set has no sentence of “bad”." in found["warnings"]
    assert (
        "The test set has 2 distinct sentences; below 200, scores say little."
        in (found["warnings"])
    )


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0%"), (1.0, "100%"), (0.5, "50%"), (0.123, "12.3%"), (0.0004, "0.04%"),
     (0.99999, "more than 99.9%"), (0.999, "99.9%"), (0.001, "0.1%")],
)  # fmt: skip
def test_shares_are_told_from_nothing_and_from_all(share, text):
    assert percent(share) == text


# --- edges ----------------------------------------------------------------------------------------

EDGES = {
    "one sentence each": ([[0]], [[1]], [[2]]),
    "one word": ([[0], [0, 0]], [[0]], [[0, 0, 0]]),
    "all equal": ([[0, 1, 2]] * 5, [[0, 1, 2]] * 3, [[0, 1, 2]] * 2),
    "nothing in common": ([[0, 1]] * 3, [[2, 3]] * 3, [[4, 5]] * 3),
    "empty sentences": ([[], [0]], [[]], [[], []]),
}


def finite(value):
    """Every number of nested JSON data is one that JSON has."""
    if isinstance(value, dict | list):
        return all(map(finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)


@pytest.mark.parametrize("name", EDGES)
def test_any_corpus_has_a_card_of_plain_data(name):
    found = card_of(*EDGES[name])
    assert finite(found)
    assert json.loads(json.dumps(found)) == found
    assert found["shift"]["verdict"] == ALIKE
    assert found["warnings"]


def test_sentences_without_end_fill_their_rows():
    tokens = np.random.default_rng(0).integers(0, 6, (30, 8)).astype(np.int32)
    found = card({"train": tokens, "test": tokens[:5]}, words=list("abcdef"), first_word=0,
                 end=None, unknown=-2)  # fmt: skip
    assert found["splits"]["train"]["tokens"] == 240
    assert found["leaks"]["sentences"]["test"] == 1
    assert Counter(tokens.ravel().tolist())[0] in [
        n for _, n in found["frequency"]["most_frequent"]
    ]
    assert found["unknown"]["train"]["token_share"] == 0


def test_equal_corpora_give_equal_cards_however_they_are_read(monkeypatch, tmp_path):
    expected = random_card()
    monkeypatch.setattr(rows, "BLOCK", 50)
    assert random_card() == expected
    rng = np.random.default_rng(0)
    mapped = {}
    for name, size in {"train": 300, "validation": 60, "test": 60}.items():
        path = tmp_path / f"{name}.npy"
        np.save(path, padded(sentences_of(rng, size), 9))
        mapped[name] = np.load(path, mmap_mode="r", allow_pickle=False)
    assert card(mapped, words=WORDS, first_word=FIRST, end=END, unknown=UNKNOWN) == expected


def test_a_card_needs_sentences():
    given = {"words": WORDS, "first_word": FIRST, "end": END, "unknown": UNKNOWN}
    with pytest.raises(ValueError, match="needs a training set, and sentences in every split"):
        card({"test": padded([[0]])}, **given)
    with pytest.raises(ValueError, match="sentences in every split"):
        card({"train": padded([[0]]), "test": np.zeros((0, 3), np.int32)}, **given)
