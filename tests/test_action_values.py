import pytest
import torch
from torch import Tensor

import slow_twins
from conftest import make_generator
from seqgan.action_values import MonteCarloRollout, TerminalReward, spread
from seqgan.decoding import roll_out, sample_sentences
from seqgan.rewards import ConstantReward, RewardModel
from seqgan.tokens import PAD, Alphabet, is_real


class Summing(RewardModel):
    """A reward that depends on every token."""

    def score(self, tokens: Tensor) -> Tensor:
        places = torch.arange(1.0, tokens.shape[1] + 1)
        return torch.where(is_real(tokens), (tokens + 1) * places, 0.0).sum(dim=1) % 1.7

    def fit(self, real, fake, rng, progress):
        return {}

    def state_dict(self):
        return {}

    def load_state_dict(self, state):
        pass


TEXT = Alphabet(7, start=0, end=1, never_emitted=(0, 2))


def test_some_prefixes_are_completed_as_among_all(alphabet: Alphabet, rng):
    """With the uniforms of its own, a prefix has the completions that it has beside all others."""
    generator = make_generator(alphabet)
    tokens = sample_sentences(generator, 3, 6, rng)
    uniforms = torch.rand(5, 3, 2, 6, generator=rng)
    lengths = [1, 3, 4]
    everything = roll_out(generator, tokens, uniforms)
    some = roll_out(generator, tokens, uniforms[[each - 1 for each in lengths]], lengths)
    assert torch.equal(some, everything[[each - 1 for each in lengths]])


def test_values_lie_on_straight_lines_between_prefixes():
    values, final = torch.tensor([[1.0], [4.0]]), torch.tensor([10.0])
    found = spread(values, final, torch.tensor([1, 4]), torch.tensor([6]), 6)
    assert found.tolist() == [[1.0, 2.0, 3.0, 4.0, 7.0, 10.0]]


def test_a_sentence_that_ends_between_two_prefixes_has_its_own_value_at_its_end():
    values, final = torch.tensor([[1.0], [9.0]]), torch.tensor([5.0])
    found = spread(values, final, torch.tensor([1, 4]), torch.tensor([3]), 6)
    assert found[0, :3].tolist() == [1.0, 3.0, 5.0]


def test_with_every_prefix_the_values_are_those_of_the_prefixes_themselves(rng):
    values, final = torch.rand(4, 3, generator=rng), torch.rand(3, generator=rng)
    found = spread(values, final, torch.arange(1, 5), torch.tensor([5, 5, 5]), 5)
    assert torch.equal(found, torch.cat([values, final[None]]).T)
    given = spread(values[2:], final, torch.arange(3, 5), torch.tensor([5, 5, 5]), 5)
    assert torch.equal(given[:, 2:], found[:, 2:])
    alone = spread(values[:0], final, torch.arange(0), torch.tensor([1, 1, 1]), 1)
    assert torch.equal(alone[:, 0], final)


@pytest.mark.parametrize("every", [1, 2, 3, 9])
@pytest.mark.parametrize("discount", [1.0, 0.7])
def test_rollouts_equal_loops(every: int, discount: float, rng):
    generator, reward, time = make_generator(TEXT), Summing(), 6
    tokens = sample_sentences(generator, 4, time, rng)
    value = MonteCarloRollout(
        generator, reward, num_rollouts=3, tracking_rate=0.0, every=every, discount=discount
    )
    state = rng.get_state()
    found = value(tokens, rng)
    rng.set_state(state)
    lengths = list(range(1, time, every))
    uniforms = torch.rand(len(lengths), 4, 3, time, generator=rng)
    for i, row in enumerate(tokens):
        end = int(is_real(row).sum())
        known = {}
        for place, kept in enumerate(lengths):
            prefix = row[:kept].tolist()
            completed = torch.tensor(
                [slow_twins.complete(generator, prefix, uniforms[place, i, k]) for k in range(3)]
            )
            ends = is_real(completed).sum(dim=1)
            known[kept] = (reward.score(completed) * discount ** (ends - kept)).mean().item()
        known = {kept: each for kept, each in known.items() if kept < end}
        known[end] = reward.score(row[None]).item()
        places = sorted(known)
        for t in range(end):
            left = max(place for place in places if place <= t + 1)
            right = min(place for place in places if place >= t + 1)
            share = (t + 1 - left) / max(1, right - left)
            expected = known[left] * (1 - share) + known[right] * share
            assert found[i, t].item() == pytest.approx(expected, abs=1e-5)
        assert not found[i, end:].any()


def test_a_discounted_terminal_reward(rng):
    tokens = torch.tensor([[3, 4, 5, 1], [3, 1, PAD, PAD]])
    value = TerminalReward(make_generator(TEXT), ConstantReward(0.8), discount=0.5)
    found = value(tokens, rng)
    expected = torch.tensor([[0.1, 0.2, 0.4, 0.8], [0.4, 0.8, 0.0, 0.0]])
    torch.testing.assert_close(found, expected)
