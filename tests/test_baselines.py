import pytest
import torch

from conftest import make_generator
from seqgan.baselines import Baseline, Critic, MeanOfOthers, MovingAverage, Zero
from seqgan.tokens import PAD, Alphabet

ALPHABET = Alphabet(6, start=0, end=1, never_emitted=(0, 2))
TOKENS = torch.tensor([[3, 4, 1], [5, 1, PAD]])
CHOSEN = TOKENS != PAD
VALUE = torch.tensor([[1.0, 2.0, 4.0], [3.0, 6.0, 0.0]], dtype=torch.float64)


def test_a_moving_average_knows_earlier_batches_alone():
    baseline = MovingAverage(decay=0.75)
    assert baseline(VALUE, CHOSEN, TOKENS).tolist() == [[0.0] * 3] * 2
    first = baseline(VALUE * 2, CHOSEN, TOKENS)
    torch.testing.assert_close(first, torch.tensor([[2.0, 4.0, 4.0], [2.0, 4.0, 0.0]]).double())
    # Of means 2, 4, 4 and then twice that: (0.75 * 0.25 * m + 0.25 * 2 * m) / (1 - 0.75 ** 2).
    factor = (0.75 * 0.25 + 0.25 * 2) / (1 - 0.75**2)
    second = baseline(VALUE, CHOSEN, TOKENS)
    torch.testing.assert_close(second[0], factor * torch.tensor([2.0, 4.0, 4.0]).double())


def test_a_position_that_no_sentence_reaches_keeps_its_average():
    baseline = MovingAverage(decay=0.5)
    baseline(VALUE, CHOSEN, TOKENS)
    short = CHOSEN.clone()
    short[0, 2] = False
    baseline(VALUE * 100, short, TOKENS)
    assert baseline(VALUE, CHOSEN, TOKENS)[0, 2].item() == pytest.approx(4.0)


def test_a_critic_is_linear_in_the_features_and_learns_from_what_it_has_seen():
    generator = make_generator(ALPHABET, hidden=3)
    critic = Critic(generator, learning_rate=0.05)
    assert critic(VALUE, CHOSEN, TOKENS).tolist() == [[0.0] * 3] * 2
    before = critic.weights.detach().clone()
    features = generator.encode(TOKENS).detach()
    expected = features @ before[:-1] + before[-1]
    found = critic(VALUE, CHOSEN, TOKENS)
    torch.testing.assert_close(found, torch.where(CHOSEN, expected, 0.0))
    assert not found.requires_grad
    errors = []
    for _ in range(400):
        off = critic(VALUE, CHOSEN, TOKENS) - VALUE
        errors.append(off[CHOSEN].square().mean().item())
    assert errors[-1] < 0.5 * errors[0]
    assert all(weight.grad is None for weight in generator.parameters())


def test_a_first_step_of_the_critic_goes_to_the_mean():
    """From zero, the gradient of the mean squared error is -2 E[v (h, 1)]: Adam takes its sign."""
    generator = make_generator(ALPHABET, hidden=3)
    critic = Critic(generator, learning_rate=0.05)
    critic(VALUE, CHOSEN, TOKENS)
    features = torch.cat([generator.encode(TOKENS).detach(), torch.ones(2, 3, 1)], dim=2)
    slope = (VALUE[..., None] * features)[CHOSEN].mean(dim=0)
    torch.testing.assert_close(critic.weights.detach(), 0.05 * slope.sign(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["average", "critic"])
def test_a_baseline_goes_on_where_it_was(kind: str):
    def fresh() -> Baseline:
        if kind == "average":
            return MovingAverage(decay=0.5)
        return Critic(make_generator(ALPHABET, hidden=3), learning_rate=0.05)

    whole, part = fresh(), fresh()
    for _ in range(2):
        whole(VALUE, CHOSEN, TOKENS)
        part(VALUE, CHOSEN, TOKENS)
    other = fresh()
    other.load_state_dict(part.state_dict())
    for _ in range(2):
        assert torch.equal(whole(VALUE, CHOSEN, TOKENS), other(VALUE, CHOSEN, TOKENS))


@pytest.mark.parametrize("baseline", [Zero(), MeanOfOthers()])
def test_what_learns_nothing_has_no_state(baseline: Baseline):
    assert baseline.state_dict() == {}
    baseline.load_state_dict({})
    with pytest.raises(ValueError, match="no state, but was given \\['x'\\]"):
        baseline.load_state_dict({"x": 1})


def test_an_average_that_has_seen_nothing_has_no_state_either():
    baseline = MovingAverage(decay=0.5)
    assert baseline.state_dict() == {}
    baseline.load_state_dict({})
    assert not baseline(VALUE, CHOSEN, TOKENS).any()
