import pytest
import torch

from conftest import ALPHABETS, make_generator
from seqgan import repetition
from seqgan.decoding import sample_sentences
from seqgan.repetition import PenalisedReward, repeated_share
from seqgan.rewards import ConstantReward
from seqgan.tokens import PAD, Alphabet


def by_hand(row: list[int], order: int, end: int | None) -> float:
    kept = [token for token in row if token not in (PAD, end)]
    grams = [tuple(kept[i : i + order]) for i in range(len(kept) - order + 1)]
    repeats = sum(gram in grams[:i] for i, gram in enumerate(grams))
    return repeats / len(grams) if grams else 0.0


@pytest.mark.parametrize("order", [2, 3, 4, 7])
def test_the_share_is_that_of_a_loop(alphabet: Alphabet, order: int, rng, monkeypatch):
    tokens = sample_sentences(make_generator(alphabet, std=2.0), 200, 6, rng)
    expected = torch.tensor([by_hand(row, order, alphabet.end) for row in tokens.tolist()])
    torch.testing.assert_close(repeated_share(tokens, order, alphabet), expected)
    assert order > 3 or expected.any()
    monkeypatch.setattr(repetition, "COMPARED_AT_ONCE", 36 * 7)
    torch.testing.assert_close(repeated_share(tokens, order, alphabet), expected)


def test_known_answers():
    rows = torch.tensor([[3, 4, 3, 4, 3, 4], [3, 3, 3, 3, 3, 3], [3, 4, 5, 6, 7, 8]])
    assert repeated_share(rows, 2, Alphabet(9)).tolist() == pytest.approx([3 / 5, 4 / 5, 0.0])
    text = torch.tensor([[3, 4, 3, 4, 1, PAD], [3, 1, PAD, PAD, PAD, PAD], [1] + [PAD] * 5])
    share = repeated_share(text, 2, ALPHABETS["text"])
    assert share.tolist() == pytest.approx([1 / 3, 0.0, 0.0])


def test_the_penalty_is_taken_from_the_reward_of_the_answer_alone():
    alphabet = Alphabet(9, start=2, end=1, never_emitted=(0, 2, 3), separator=3)
    tokens = torch.tensor([[4, 5, 4, 5, 3, 6, 7, 6, 7, 1], [3, 4, 5, 4, 5, 4, 5, 8, 8, 1]])
    reward = PenalisedReward(ConstantReward(0.75), alphabet, order=2, weight=0.5)
    expected = [0.75 - 0.5 / 3, 0.75 - 0.5 * 3 / 7]
    assert reward.score(tokens).tolist() == pytest.approx(expected)


def test_whole_sentences_alone_are_penalised():
    reward = PenalisedReward(ConstantReward(), Alphabet(5), order=2, weight=1.0)
    with pytest.raises(TypeError, match="PenalisedReward judges whole sentences alone"):
        reward.prefix_score(torch.zeros(1, 3).long())
