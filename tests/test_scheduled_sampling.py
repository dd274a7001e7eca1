import itertools
import math

import pytest
import torch

import slow_twins
from conftest import make_generator
from seqgan import scheduled_sampling
from seqgan.decoding import sample, sample_sentences
from seqgan.objectives import MaximumLikelihood
from seqgan.scheduled_sampling import ScheduledSampling, mix
from seqgan.schedules import Exponential, InverseSigmoid, Linear, Schedule
from seqgan.tokens import PAD, Alphabet, is_chosen, is_real
from test_objectives import gradient

# --- schedules ------------------------------------------------------------------------------------


def test_linear_decay_is_that_of_the_paper():
    found = [Linear(1.0, 0.0, 0.002)(epoch) for epoch in (0, 1, 100, 500, 900)]
    assert found == pytest.approx([1.0, 0.998, 0.8, 0.0, 0.0])
    assert Linear(0.9, 0.5, 0.1)(10) == 0.5


def test_exponential_decay():
    found = [Exponential(0.8, 0.1, 0.5)(step) for step in range(5)]
    assert found == pytest.approx([0.8, 0.4, 0.2, 0.1, 0.1])


def test_inverse_sigmoid_decay_is_half_way_after_k_times_log_k():
    decay = InverseSigmoid(1.0, 0.0, 10.0)
    assert decay(0) == pytest.approx(10 / 11)
    assert decay(23) == pytest.approx(0.5, abs=0.005)
    assert decay(10**9) == pytest.approx(0.0, abs=1e-12)
    assert InverseSigmoid(0.9, 0.4, 10.0)(0) == pytest.approx(0.4 + 0.5 * 10 / 11)


@pytest.mark.parametrize(
    "decay", [Linear(1.0, 0.2, 0.05), Exponential(1.0, 0.2, 0.9), InverseSigmoid(1.0, 0.2, 4.0)]
)
def test_no_schedule_rises(decay: Schedule):
    values = [decay(step) for step in range(60)]
    assert values == sorted(values, reverse=True)
    assert values[-1] >= 0.2


# --- the objective --------------------------------------------------------------------------------

ALWAYS, NEVER = Linear(1.0, 1.0, 0.0), Linear(0.0, 0.0, 0.0)


def test_with_the_truth_alone_it_is_maximum_likelihood(generator, rng):
    real = sample_sentences(generator, 7, 5, rng)
    mine = ScheduledSampling(ALWAYS)(generator, real, step=3, rng=rng)
    theirs = MaximumLikelihood()(generator, real, step=3, rng=rng)
    assert torch.equal(mine.value, theirs.value)
    assert torch.equal(gradient(mine.value, generator), gradient(theirs.value, generator))
    assert mine.metrics["truth_share"].item() == 1.0


def test_without_the_truth_a_generator_reads_what_it_samples():
    generator = make_generator(Alphabet(7))
    rng = torch.Generator().manual_seed(4)
    real, uniforms = torch.randint(7, (6, 5), generator=rng), torch.rand(6, 5, generator=rng)
    read = mix(generator, real, torch.zeros(6, 5, dtype=torch.bool), uniforms)
    assert torch.equal(read, sample(generator, uniforms))


def test_a_token_that_is_kept_is_read_and_what_follows_is_drawn_after_it(alphabet, rng):
    generator = make_generator(alphabet)
    real = sample_sentences(generator, 9, 6, rng)
    keep = (torch.rand(9, 6, generator=rng) < 0.5) | ~is_real(real)
    uniforms = torch.rand(9, 6, generator=rng)
    read = mix(generator, real, keep, uniforms)
    for i, row in enumerate(real.tolist()):
        tokens: list[int] = []
        for t, token in enumerate(row):
            if keep[i, t]:
                tokens.append(token)
                continue
            seen = [max(each, 0) for each in tokens]
            weights = slow_twins.next_logits(generator, seen).softmax(dim=0)
            tokens.append(slow_twins.inverse_cdf(weights, uniforms[i, t].item()))
        assert read[i].tolist() == tokens


def test_the_loss_is_of_the_real_tokens_after_what_was_read(alphabet, monkeypatch, rng):
    generator = make_generator(alphabet)
    real = sample_sentences(generator, 5, 4, rng)
    read = torch.where(is_real(real), (real + 3).clamp(max=alphabet.vocab_size - 1), PAD)
    monkeypatch.setattr(scheduled_sampling, "mix", lambda *_: read)
    loss = ScheduledSampling(NEVER)(generator, real, step=0, rng=rng)
    losses = [
        -slow_twins.next_logits(generator, inputs[:t]).log_softmax(dim=0)[token]
        for row, inputs in zip(real.tolist(), read.tolist(), strict=True)
        for t, token in enumerate(row)
        if token != PAD
    ]
    naive = torch.stack(losses).mean()
    torch.testing.assert_close(loss.value, naive, atol=1e-12, rtol=1e-12)
    torch.testing.assert_close(
        gradient(loss.value, generator), gradient(naive, generator), atol=1e-12, rtol=1e-9
    )


def test_the_expected_loss_is_that_over_every_choice_of_inputs(rng):
    """A world of two tokens: each of the first two is read as it is, or as one of two samples."""
    generator = make_generator(Alphabet(2), hidden=3)
    real, truth = torch.tensor([[1, 0, 1]]), 0.3
    expected = 0.0
    for first, second in itertools.product(range(2), repeat=2):
        share = 1.0
        read: list[int] = []
        for t, token in enumerate((first, second)):
            drawn = slow_twins.next_logits(generator, read).softmax(dim=0)[token].item()
            share *= truth * (token == int(real[0, t])) + (1 - truth) * drawn
            read.append(token)
        nll = [
            -slow_twins.next_logits(generator, read[:t]).log_softmax(dim=0)[int(real[0, t])].item()
            for t in range(3)
        ]
        expected += share * sum(nll) / 3
    objective = ScheduledSampling(Linear(truth, truth, 0.0))
    many = real.expand(40_000, 3)
    found = objective(generator, many, step=0, rng=rng)
    assert found.value.item() == pytest.approx(expected, abs=0.01)
    assert found.metrics["truth_share"].item() == pytest.approx(truth, abs=0.01)
    always = MaximumLikelihood()(generator, real, step=0, rng=rng).value.item()
    assert abs(always - expected) > 0.03


def test_the_probability_falls_with_the_epochs(generator, rng):
    real = sample_sentences(generator, 300, 5, rng)
    objective = ScheduledSampling(Linear(1.0, 0.0, 0.1))
    shares = [
        objective(generator, real, step=step, rng=rng).metrics["truth_share"].item()
        for step in (0, 3, 20)
    ]
    assert shares == pytest.approx([1.0, 0.7, 0.0], abs=0.06)


def test_conditions_are_read_as_they_are(rng):
    alphabet = Alphabet(8, start=0, end=1, never_emitted=(0, 2, 3), separator=3)
    generator = make_generator(alphabet)
    real = torch.tensor([[2, 3, 4, 5, 1], [6, 2, 3, 7, 1]])
    seen = []
    original = generator.encode

    def spy(tokens, noise=None):
        seen.append(tokens)
        return original(tokens, noise)

    generator.encode = spy
    loss = ScheduledSampling(NEVER)(generator, real, step=0, rng=rng)
    (read,) = seen
    given = ~is_chosen(real, alphabet)
    assert torch.equal(read[given], real[given])
    assert math.isfinite(loss.value.item())
