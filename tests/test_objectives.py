from typing import Any

import pytest
import torch
from torch import Tensor

import slow_twins
from conftest import make_generator
from seqgan import policy_gradient
from seqgan.action_values import ActionValue
from seqgan.baselines import Baseline, Critic, MeanOfOthers, MovingAverage, Zero
from seqgan.decoding import log_prob, sample_sentences
from seqgan.generators import Generator
from seqgan.objectives import MaximumLikelihood
from seqgan.policy_gradient import PolicyGradient, policy_gradient_loss
from seqgan.tokens import PAD, Alphabet, is_real


def value_of(sentence: list[int]) -> float:
    """A reward that depends on every token and its place."""
    return sum((t + 1.5) ** 2 * (token + 2) for t, token in enumerate(sentence)) % 1.0


class TableValue(ActionValue):
    """The exact action value of every sentence of a small world."""

    def __init__(self, sentences: Tensor, values: Tensor) -> None:
        self.rows = {
            tuple(y): row for y, row in zip(sentences.tolist(), values.tolist(), strict=True)
        }

    def __call__(self, tokens: Tensor, rng: torch.Generator) -> Tensor:
        return torch.tensor([self.rows[tuple(y)] for y in tokens.tolist()], dtype=torch.float64)

    def track(self, generator: Generator) -> None:
        pass

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def gradient(loss: Tensor, generator: Generator) -> Tensor:
    """Return the gradient of a value with respect to all parameters, as one vector."""
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(generator.parameters()))])


# --- maximum likelihood ---------------------------------------------------------------------------


def test_maximum_likelihood_equals_a_loop_over_tokens(generator, rng):
    tokens = sample_sentences(generator, 7, 5, rng)
    losses = [
        -slow_twins.next_logits(generator, row[:t]).log_softmax(dim=0)[token]
        for row in tokens.tolist()
        for t, token in enumerate(row)
        if token != PAD
    ]
    naive = torch.stack(losses).mean()
    loss = MaximumLikelihood()(generator, tokens, step=0, rng=rng)
    torch.testing.assert_close(loss.value, naive, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(
        gradient(loss.value, generator), gradient(naive, generator), atol=1e-12, rtol=1e-9
    )
    assert torch.equal(loss.metrics["nll_train"], loss.value.detach())
    assert not loss.metrics["nll_train"].requires_grad


# --- policy gradient ------------------------------------------------------------------------------


def test_the_surrogate_is_a_sum_and_differentiates_the_scores_alone(small_world: Alphabet, rng):
    generator = make_generator(small_world, hidden=3)
    tokens = sample_sentences(generator, 6, 4, rng)
    advantage = torch.randn(6, 4, generator=rng, dtype=torch.float64, requires_grad=True)
    loss = policy_gradient_loss(generator, tokens, advantage)
    naive = -(log_prob(generator, tokens) * advantage.detach()).sum()
    torch.testing.assert_close(loss, naive, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(
        gradient(loss, generator), gradient(naive, generator), atol=1e-12, rtol=1e-9
    )
    assert advantage.grad is None


def learnt_average(generator: Generator) -> Baseline:
    baseline = MovingAverage(decay=0.5)
    baseline.load_state_dict({"sums": torch.tensor([[0.3, 0.1, 0.2], [0.5, 0.75, 0.0]]).double()})
    return baseline


def learnt_critic(generator: Generator) -> Baseline:
    critic = Critic(generator, learning_rate=0.1)
    with torch.no_grad():
        critic.weights.copy_(torch.tensor([0.7, -0.4, 0.2, 0.3]))
    return critic


BASELINES = {
    "none": lambda generator: Zero(),
    "mean of others": lambda generator: MeanOfOthers(),
    "moving average": learnt_average,
    "critic": learnt_critic,
}


@pytest.mark.parametrize("baseline", list(BASELINES))
def test_the_expected_gradient_is_that_of_the_expected_reward(
    small_world: Alphabet, baseline: str, monkeypatch, rng
):
    """Visits every batch that can be sampled: one sentence, or two where they need each other."""
    generator = make_generator(small_world, hidden=3)
    sentences = slow_twins.all_sentences(small_world, 3)
    shares = slow_twins.probabilities(generator, sentences)
    assert shares.sum().item() == pytest.approx(1)
    rewards = torch.tensor([value_of(y) for y in sentences.tolist()], dtype=torch.float64)
    expected = gradient((shares * rewards).sum(), generator)
    values = TableValue(sentences, slow_twins.action_values(generator, sentences, value_of))
    count = 2 if baseline == "mean of others" else 1
    chosen = torch.cartesian_prod(*[torch.arange(len(sentences))] * count).view(-1, count)
    found, plain = torch.zeros_like(expected), torch.zeros(())
    for rows in chosen:
        batch = sentences[rows]
        monkeypatch.setattr(policy_gradient, "sample_sentences", lambda *_, y=batch, **__: y)
        objective = PolicyGradient(values, BASELINES[baseline](generator))
        loss = objective(generator, batch, step=0, rng=rng)
        found -= shares[rows].prod().item() * gradient(loss.value, generator)
        plain = plain + objective.baseline(values(batch, rng), batch != PAD, batch).abs().sum()
    assert expected.norm() > 1e-3
    assert (found / count - expected).abs().max() < 1e-12
    assert bool(plain > 0) == (baseline != "none")


def test_the_mean_of_others_by_hand():
    value = torch.tensor([[1.0, 2.0, 3.0], [5.0, 7.0, 100.0], [9.0, 100.0, 100.0]])
    real = torch.tensor([[True, True, True], [True, True, False], [True, False, False]])
    expected = [[7.0, 7.0, 0.0], [5.0, 2.0, 0.0], [3.0, 0.0, 0.0]]
    assert MeanOfOthers()(value, real, value.long()).tolist() == expected


def test_a_batch_of_one_has_no_others():
    value = torch.tensor([[1.0, 2.0]])
    real = torch.ones(1, 2, dtype=torch.bool)
    assert MeanOfOthers()(value, real, value.long()).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("baseline", [Zero(), MeanOfOthers()])
def test_what_a_policy_gradient_reports_and_minimises(baseline, monkeypatch, rng):
    generator = make_generator(Alphabet(6, start=0, end=1, never_emitted=(0, 2)))
    tokens = torch.tensor([[3, 4, 1, PAD], [1, PAD, PAD, PAD], [5, 3, 4, 5]])
    values = torch.tensor([[0.1, 0.2, 0.6, 0.0], [0.5, 0.0, 0.0, 0.0], [0.3, 0.3, 0.2, 1.0]])
    monkeypatch.setattr(policy_gradient, "sample_sentences", lambda *_, **__: tokens)
    objective = PolicyGradient(TableValue(tokens, values.double()), baseline)
    loss = objective(generator, torch.zeros_like(tokens), step=0, rng=rng)
    finals = torch.tensor([0.6, 0.5, 1.0])
    assert loss.metrics["reward"].item() == pytest.approx(0.7)
    assert loss.metrics["reward_deviation"].item() == pytest.approx(finals.std(correction=0).item())
    assert loss.metrics["reward_per_position"].tolist() == pytest.approx([0.3, 0.25, 0.4, 1.0])
    advantage = values - baseline(values, is_real(tokens), tokens)
    spread = advantage[is_real(tokens)].std(correction=0).item()
    assert loss.metrics["advantage_deviation"].item() == pytest.approx(spread)
    scores = slow_twins.log_prob(generator, tokens)
    assert loss.value.item() == pytest.approx(-(scores * advantage).sum().item(), abs=1e-6)
    assert not any(each.requires_grad for each in loss.metrics.values())


def test_sentences_are_sampled_from_the_generator_with_the_stream(generator, rng):
    """As many and as long as the real ones, whose content plays no part."""
    seen = []

    class Spy(TableValue):
        def __call__(self, tokens: Tensor, rng: torch.Generator) -> Tensor:
            seen.append(tokens)
            return is_real(tokens).double()

    objective = PolicyGradient(Spy(torch.zeros(0, 1), torch.zeros(0, 1)))
    for real in (torch.full((9, 4), 3), torch.full((9, 4), 4)):
        objective(generator, real, step=0, rng=torch.Generator().manual_seed(1))
    expected = sample_sentences(generator, 9, 4, torch.Generator().manual_seed(1))
    assert torch.equal(seen[0], expected)
    assert torch.equal(seen[1], expected)
