"""Whole runs of a world with conditions: stopped, resumed, and sampled beside real sentences."""

import itertools
from pathlib import Path

import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

import sample_sentences
import slow_twins
from conftest import make_generator
from seqgan import policy_gradient
from seqgan.baselines import Baseline, MeanOfOthers, Zero
from seqgan.checkpoints import load_tree
from seqgan.corpus.dataset import Dataset, read_tokens, write_dataset
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import Vocabulary
from seqgan.decoding import log_prob, sample, score
from seqgan.policy_gradient import PolicyGradient
from seqgan.tokens import PAD, Alphabet, conditions, cycled, is_chosen
from stage_worlds import network, run_stage, write_generator
from test_objectives import TableValue, gradient, value_of
from test_training import carry_on, saved
from training_worlds import WORLDS

WORDS = Vocabulary(tuple("abcdef"), WordTokenizer(), condition="prompt")
SMALL = Alphabet(6, start=0, end=1, never_emitted=(0, 2, 3), separator=3)
PROMPTS = torch.tensor([[4, 3, PAD, PAD], [2, 3, PAD, PAD]])


def answers(given: Tensor) -> Tensor:
    """Return every row that may answer one condition of two tokens with two more."""
    free = slow_twins.all_sentences(Alphabet(6, start=0, end=1, never_emitted=(0, 2, 3)), 2)
    return torch.cat([given[:2].expand(len(free), 2), free], dim=1)


def corpus_of(alphabet: Alphabet, count: int = 10) -> Tensor:
    rng = torch.Generator().manual_seed(7)
    given = cycled(torch.tensor([[4, 3, PAD, PAD], [5, 3, PAD, PAD], [3, PAD, PAD, PAD]]), count)
    return sample(make_generator(alphabet), torch.rand(count, 4, generator=rng), given=given)


@pytest.mark.parametrize("make", WORLDS)
def test_a_resumed_run_equals_an_uninterrupted_one(make, monkeypatch, tmp_path: Path):
    monkeypatch.setattr("training_worlds.corpus_of", corpus_of)
    run, update = make(SMALL, seed=1)
    pauses = []
    run.progress.pause = lambda: pauses.append(saved(run, tmp_path / str(len(pauses))))
    carry_on(run, update, 2)
    expected = saved(run, tmp_path / "whole")
    assert len(set(pauses)) == len(pauses) >= 6
    for number in range(len(pauses)):
        other, update = make(SMALL, seed=2)
        other.load_state_dict(load_tree(tmp_path / str(number)))
        carry_on(other, update, 2)
        assert saved(other, tmp_path / "resumed") == expected, f"stopped at pause {number}"


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_each_condition_has_its_own_frequencies(temperature: float, rng):
    generator, count = make_generator(SMALL, hidden=3), 20_000
    given = cycled(PROMPTS, 2 * count)
    drawn = sample(
        generator,
        torch.rand(2 * count, 4, generator=rng),
        temperature=temperature,
        given=given,
    )
    for i in range(2):
        rows = answers(PROMPTS[i])
        shares = score(generator, rows, temperature).sum(dim=1).exp()
        assert shares.sum().item() == pytest.approx(1)
        observed = (drawn[i::2, None] == rows).all(dim=2).sum(dim=0)
        assert observed.sum() == count
        assert chisquare(observed, shares * count).pvalue > 1e-4


@pytest.mark.parametrize("baseline", [Zero(), MeanOfOthers()])
def test_exact_action_values_give_the_gradient_of_the_expected_reward(
    baseline: Baseline, monkeypatch, rng
):
    """Values of rollouts of every length, over every batch that answers two conditions."""
    generator = make_generator(SMALL, hidden=3)
    rows = [answers(each) for each in PROMPTS]
    shares = [log_prob(generator, some).sum(dim=1).exp() for some in rows]
    values, total = [], torch.zeros((), dtype=torch.float64)
    for some, share in zip(rows, shares, strict=True):
        rewards = torch.tensor([value_of(y) for y in some.tolist()], dtype=torch.float64)
        total = total + (share * rewards).sum()
        value = torch.zeros(some.shape, dtype=torch.float64)
        for i, t in is_chosen(some, SMALL).nonzero().tolist():
            follow = (some[:, : t + 1] == some[i, : t + 1]).all(dim=1)
            weights = share.detach()[follow]
            value[i, t] = (weights * rewards[follow]).sum() / weights.sum()
        values.append(value)
    expected = gradient(total, generator)
    objective = PolicyGradient(TableValue(torch.cat(rows), torch.cat(values)), baseline)
    found = torch.zeros_like(expected)
    for one, other in itertools.product(range(len(rows[0])), repeat=2):
        batch = torch.stack([rows[0][one], rows[1][other]])
        monkeypatch.setattr(policy_gradient, "sample_sentences", lambda *_, y=batch, **__: y)
        loss = objective(generator, batch, step=0, rng=rng)
        found -= (shares[0][one] * shares[1][other]).item() * gradient(loss.value, generator)
    assert expected.norm() > 1e-3
    assert (found - expected).abs().max() < 1e-12


@pytest.mark.parametrize("num_sentences", [15, 50])
def test_generated_and_real_sentences_answer_the_same_conditions(tmp_path: Path, num_sentences):
    rng, alphabet = torch.Generator().manual_seed(3), WORDS.alphabet
    prompts = torch.randint(4, 10, (70, 2), generator=rng)
    given = torch.full((70, 6), PAD)
    given[:, :2], given[:, 2] = prompts, 3
    corpus = sample(network(alphabet, 2), torch.rand(70, 6, generator=rng), given=given)
    write_dataset(
        tmp_path / "data", Dataset(*corpus.split([20, 30, 20]), alphabet, WORDS), {"kind": "text"}
    )
    write_generator(tmp_path / "pretrained" / "last", network(alphabet, 50), WORDS)
    settings = {
        "sampling": {"num_sentences": num_sentences, "temperature": 1.0},
        "weights": "last",
    }
    made = [
        run_stage(sample_sentences, tmp_path / name, settings, data=tmp_path / "data", **more)
        for name, more in (("real", {}), ("drawn", {"generator": tmp_path / "pretrained"}))
    ]
    real, drawn = (read_tokens(each["samples"] / "sentences.npy").long() for each in made)
    assert len(drawn) == num_sentences
    asked = conditions(cycled(real, num_sentences), alphabet)
    assert torch.equal(conditions(drawn, alphabet), asked)
    lines = (made[1]["samples"] / "sentences.txt").read_text().splitlines()
    assert lines == [
        f"{WORDS.decode_condition(row)}\t{WORDS.decode(row)}" for row in drawn.tolist()
    ]
