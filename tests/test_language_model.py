import math
from collections import defaultdict

import numpy as np
import pytest

from seqgan.metrics.language_model import USUAL_DISCOUNT, KneserNey, lm_score, reverse_lm_score
from seqgan.metrics.ngrams import Sentences

Row = list[int]
START, END = "<s>", "</s>"


class Twin:
    """The definition, with dictionaries."""

    def __init__(self, train: list[Row], order: int, vocab_size: int, *, end: bool) -> None:
        self.order, self.vocab_size, self.end = order, vocab_size, end
        raw: list[dict] = [defaultdict(int) for _ in range(order + 1)]
        for row in train:
            framed = self.framed(row)
            for n in range(1, order + 1):
                for i in range(len(framed) - n + 1):
                    raw[n][tuple(framed[i : i + n])] += 1
        self.counts: list[dict] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            before = defaultdict(set)
            for gram in raw[n + 1] if n < order else ():
                before[gram[1:]].add(gram[0])
            for gram, times in raw[n].items():
                if gram[-1] != START:
                    whole = n == order or gram[0] == START
                    self.counts[n][gram] = times if whole else len(before[gram])

    def framed(self, row: Row) -> list:
        return [START] * (self.order - 1) + row + [END] * self.end

    def prob(self, context: tuple, token: object, n: int) -> float:
        if n == 0:
            return 1 / (self.vocab_size + self.end)
        lower = self.prob(context[1:], token, n - 1)
        following = {g: c for g, c in self.counts[n].items() if g[:-1] == context}
        total = sum(following.values())
        if not total:
            return lower
        of_order = list(self.counts[n].values())
        once, twice = of_order.count(1), of_order.count(2)
        discount = once / (once + 2 * twice) if once and twice else USUAL_DISCOUNT
        types = sum(c > 0 for c in following.values())
        own = max(following.get((*context, token), 0) - discount, 0)
        return (own + discount * types * lower) / total

    def log_prob(self, row: Row) -> float:
        framed, pad = self.framed(row), self.order - 1
        return sum(
            math.log(self.prob(tuple(framed[i - pad : i]), framed[i], self.order))
            for i in range(pad, len(framed))
        )


def random_rows(rng: np.random.Generator, count: int, longest: int, vocab: int) -> list[Row]:
    return [rng.integers(vocab, size=rng.integers(longest + 1)).tolist() for _ in range(count)]


@pytest.mark.parametrize("order", [2, 3, 5])
@pytest.mark.parametrize("end", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_the_model_equals_its_definition(order, end, seed):
    rng = np.random.default_rng(seed)
    train, other = random_rows(rng, 30, 8, 5), random_rows(rng, 12, 7, 7)
    twin = Twin(train, order, 9, end=end)
    model = KneserNey(Sentences.from_rows(train), order, vocab_size=9, end=end)
    expected = [twin.log_prob(row) for row in [*other, *train[:5]]]
    found = model.log_prob(Sentences.from_rows([*other, *train[:5]]))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("context", [[], [3], [1, 2], [0, 1, 2, 3], [8, 8, 8, 8], [1, 8, 2]])
@pytest.mark.parametrize("end", [True, False])
def test_probabilities_after_any_context_sum_to_one(context, end):
    """Seen, unseen and half-seen contexts; tokens 5 to 8 are never seen."""
    rows = random_rows(np.random.default_rng(3), 60, 9, 5)
    model = KneserNey(Sentences.from_rows(rows), 4, vocab_size=9, end=end)
    tokens = [[*context, token] for token in range(9)]
    open_ended = KneserNey(Sentences.from_rows(rows), 4, vocab_size=9, end=end)
    open_ended.end = False  # what follows the token is not asked for
    start = open_ended.log_prob(Sentences.from_rows([context]))[0]
    shares = np.exp(open_ended.log_prob(Sentences.from_rows(tokens)) - start)
    total = shares.sum()
    if end:
        total += np.exp(model.log_prob(Sentences.from_rows([context]))[0] - start)
    assert total == pytest.approx(1, abs=1e-9)


def test_a_bigram_model_by_hand():
    # a b, a c, with ends: bigrams <s>a 2, ab 1, ac 1, b</s> 1, c</s> 1: D_2 = 4 / (4 + 2) = 2/3.
    # Before a stands <s>, before b and c a, before </s> b and c: 1 1 1 2, D_1 = 3 / (3 + 2) = 3/5.
    model = KneserNey(Sentences.from_rows([[0, 1], [0, 2]]), 2, vocab_size=4, end=True)

    def unigram(count: float) -> float:
        return (max(count - 3 / 5, 0) + 3 / 5 * 4 * (1 / 5)) / 5

    after_start = (2 - 2 / 3 + 2 / 3 * unigram(1)) / 2
    b_after_a = (1 - 2 / 3 + 2 / 3 * 2 * unigram(1)) / 2
    end_after_b = 1 - 2 / 3 + 2 / 3 * unigram(2)
    found = model.log_prob(Sentences.from_rows([[0, 1], []]))
    assert found[0] == pytest.approx(math.log(after_start * b_after_a * end_after_b))
    assert found[1] == pytest.approx(math.log(2 / 3 * unigram(2) / 2))


def test_a_model_of_nothing_finds_all_alike():
    for empty in ([], [[]]):
        model = KneserNey(Sentences.from_rows(empty), 3, vocab_size=7, end=False)
        assert model.log_prob(Sentences.from_rows([[1, 2], []])).tolist() == pytest.approx(
            [-2 * math.log(7), 0]
        )


def test_more_tokens_than_there_may_be_are_refused():
    with pytest.raises(ValueError, match="there may be 2 different tokens, but there are 3"):
        KneserNey(Sentences.from_rows([[1, 2], [7]]), 2, vocab_size=2, end=False)


def test_scores_are_nats_per_token_with_the_end_counted_once():
    rows, test = [[1, 2, 3], [2, 3]], [[1, 2], [3, 1, 2], []]
    model = KneserNey(Sentences.from_rows(rows), 3, vocab_size=5, end=True)
    given = Sentences.from_rows(test)
    score = lm_score(model, given, tokenizer="ids")
    assert score.value == pytest.approx(-model.log_prob(given).sum() / (5 + 3))
    assert score.parts is not None
    assert (score.name, score.parts.of) == ("lm_score", "samples")
    assert "|order:3|vocabulary:5|end:true|train:2|tokenizer:ids" in score.signature
    back = reverse_lm_score(model, given)
    assert back.parts is not None
    assert (back.name, back.parts.of, back.value) == ("reverse_lm_score", "test", score.value)


def test_what_was_seen_is_likelier():
    rows = [[1, 2, 3, 4]] * 20 + [[4, 3, 2, 1]] * 2
    model = KneserNey(Sentences.from_rows(rows), 3, vocab_size=5, end=False)
    often, seldom, never = model.log_prob(
        Sentences.from_rows([[1, 2, 3, 4], [4, 3, 2, 1], [0] * 4])
    )
    assert often > seldom > never
