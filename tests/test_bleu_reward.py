import pytest
import torch
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from conftest import ALPHABETS, make_generator
from seqgan.action_values import MonteCarloRollout
from seqgan.bleu_reward import BleuReward
from seqgan.decoding import sample_sentences
from seqgan.progress import Progress
from seqgan.tokens import PAD, Alphabet


def words(row: list[int], end: int | None) -> list[int]:
    return [token for token in row if token not in (PAD, end)]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_the_reward_is_the_bleu_of_nltk(alphabet: Alphabet, order: int, rng):
    generator = make_generator(alphabet, std=0.5)
    references = sample_sentences(generator, 12, 6, rng)
    references = references[references[:, 0] != 1] if alphabet.end == 1 else references
    tokens = sample_sentences(generator, 300, 6, rng)
    found = BleuReward(references, alphabet, order=order).score(tokens)
    assert found.dtype == torch.float32
    smooth = SmoothingFunction().method1
    for row, score in zip(tokens.tolist(), found.tolist(), strict=True):
        hypothesis = words(row, alphabet.end)
        expected = sentence_bleu(
            [words(each, alphabet.end) for each in references.tolist()],
            hypothesis,
            weights=[1 / order] * order,
            smoothing_function=smooth,
        )
        assert score == pytest.approx(expected, abs=1e-6), row


def test_a_reference_itself_is_worth_everything_and_nothing_nothing():
    references = torch.tensor([[3, 4, 5, 6, 1], [7, 8, 7, 1, PAD]])
    reward = BleuReward(references, ALPHABETS["text"], order=3)
    empty = torch.tensor([[1, PAD, PAD, PAD, PAD]])
    assert reward.score(references).tolist() == pytest.approx([1.0, 1.0])
    assert reward.score(empty).tolist() == [0.0]


def test_conditions_do_not_count():
    alphabet = Alphabet(9, start=2, end=1, never_emitted=(0, 2, 3), separator=3)
    reward = BleuReward(torch.tensor([[8, 3, 4, 5, 6, 1]]), alphabet, order=2)
    tokens = torch.tensor([[7, 7, 3, 4, 5, 6], [4, 3, 8, 8, 8, 8]])
    assert reward.score(tokens).tolist()[0] == pytest.approx(1.0)
    assert reward.score(tokens).tolist()[1] == 0.0


def test_it_learns_nothing(rng):
    reward = BleuReward(torch.tensor([[3, 4, 5]]), Alphabet(7), order=2)
    assert reward.fit(*torch.zeros(2, 2, 3).long(), rng, Progress()) == {}
    assert reward.state_dict() == {}
    with pytest.raises(ValueError, match="a fixed reward has no state, but was given"):
        reward.load_state_dict({"x": 1})


def test_rollouts_of_it_are_its_means(rng):
    alphabet = Alphabet(5)
    generator = make_generator(alphabet)
    reward = BleuReward(sample_sentences(generator, 20, 4, rng), alphabet, order=2)
    tokens = sample_sentences(generator, 6, 4, rng)
    values = MonteCarloRollout(generator, reward, num_rollouts=3, tracking_rate=0.0)(tokens, rng)
    assert torch.equal(values[:, -1], reward.score(tokens))
    assert ((values >= 0) & (values <= 1)).all()
    assert values.unique().numel() > 6
