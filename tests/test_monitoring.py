import itertools

import pytest
import torch
from torch import Tensor, nn

import slow_twins
from conftest import ALPHABETS, make_generator
from seqgan.adversaries import DiscriminatorReward
from seqgan.decoding import sample_sentences
from seqgan.discriminators import Discriminator
from seqgan.monitoring import (
    DiscriminatorMonitor,
    GeneratorMonitor,
    distinct_pairs,
    nll,
    unique,
)
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import PAD, is_real


def naive_nll(generator: LSTMGenerator, tokens: Tensor) -> float:
    total = slow_twins.log_prob(generator, tokens).sum().item()
    return -total / int(is_real(tokens).sum())


def naive_distinct_pairs(samples: Tensor) -> float:
    pairs = [pair for row in samples.tolist() for pair in itertools.pairwise(row) if pair[1] != PAD]
    return len(set(pairs)) / len(pairs)


def stream() -> torch.Generator:
    return torch.Generator().manual_seed(11)


def test_nll_is_nats_per_token_without_padding(generator, rng):
    tokens = sample_sentences(generator, 15, 5, rng)
    assert nll(generator, tokens) == pytest.approx(naive_nll(generator, tokens), abs=1e-10)
    padded = torch.nn.functional.pad(tokens, (0, 3), value=-1)
    assert nll(generator, padded) == pytest.approx(nll(generator, tokens), abs=1e-10)


def test_a_generator_is_measured_on_validation_data_and_on_its_own_samples(alphabet):
    generator, oracle = make_generator(alphabet, seed=1), make_generator(alphabet, seed=2)
    validation = sample_sentences(oracle, 20, 5, stream())
    pretrained = make_generator(alphabet, seed=3)
    monitor = GeneratorMonitor(generator, validation, oracle, 12, stream(), pretrained)
    before = torch.get_rng_state()
    first, second = monitor(), monitor()
    assert torch.equal(torch.get_rng_state(), before)
    rng = stream()
    samples, more = (sample_sentences(generator, 12, 5, rng) for _ in range(2))
    assert first == pytest.approx(
        {
            "nll_validation": naive_nll(generator, validation),
            "entropy": naive_nll(generator, samples),
            "nll_oracle": naive_nll(oracle, samples),
            "kl_pretrained": naive_nll(pretrained, samples) - naive_nll(generator, samples),
            "unique": len({tuple(row) for row in samples.tolist()}) / 12,
            "distinct_2": naive_distinct_pairs(samples),
        },
        abs=1e-10,
    )
    assert second["nll_validation"] == first["nll_validation"]
    assert second["entropy"] == pytest.approx(naive_nll(generator, more), abs=1e-10)


def test_without_an_oracle_there_is_no_nll_of_it(generator, rng):
    monitor = GeneratorMonitor(generator, sample_sentences(generator, 4, 5, rng), None, 3, rng)
    assert monitor().keys() == {"nll_validation", "entropy", "unique", "distinct_2"}


def test_what_is_repeated_is_not_distinct():
    tokens = torch.tensor([[3, 4, 3], [3, 4, 3], [5, PAD, PAD]])
    assert unique(tokens) == pytest.approx(2 / 3)
    assert distinct_pairs(tokens) == 0.5
    assert distinct_pairs(tokens[2:]) == 1.0


def test_a_generator_is_no_distance_from_itself(generator, rng):
    real = sample_sentences(generator, 4, 5, rng)
    monitor = GeneratorMonitor(generator, real, None, 3, rng, generator)
    assert monitor()["kl_pretrained"] == 0.0


class FirstTokenDiscriminator(Discriminator):
    """Takes a sentence for real by its first token alone."""

    def __init__(self, log_odds: list[float]) -> None:
        super().__init__()
        self.max_length = 2
        self.log_odds = nn.Parameter(torch.tensor(log_odds))

    def noise(self, batch: int, rng: torch.Generator) -> Tensor:
        raise AssertionError("no dropout while it is measured")

    def embedding_table(self) -> Tensor:
        return self.log_odds[:, None]

    def features(self, embedded: Tensor, real: Tensor) -> Tensor:
        return embedded[:, 0]

    def classify(self, features: Tensor, noise: Tensor | None = None) -> Tensor:
        assert noise is None
        return features[:, 0]

    def penalty(self) -> Tensor:
        return self.log_odds.sum() * 0


@pytest.mark.parametrize("num_sentences", [3, 50])
def test_the_accuracy_is_the_mean_of_that_on_real_and_on_fresh(num_sentences: int):
    generator = make_generator(ALPHABETS["oracle"])
    network = FirstTokenDiscriminator([2.0, -1.0, 0.5, -3.0, 0.0, 1.0, -0.2])
    reward = DiscriminatorReward(network, learning_rate=0.1, batch_size=2, epochs=1)
    validation = torch.tensor([[0, 1], [1, 1], [2, 5], [3, 3], [0, 0]])
    monitor = DiscriminatorMonitor(reward, generator, validation, num_sentences, stream())
    real = validation[:num_sentences]
    fake = sample_sentences(generator, len(real), 2, stream())
    odds = network.log_odds.detach()
    right = [float(odds[row[0]] > 0) for row in real], [float(odds[row[0]] <= 0) for row in fake]
    found = monitor()
    assert found["accuracy_heldout"] == pytest.approx(
        (sum(right[0]) / len(real) + sum(right[1]) / len(fake)) / 2
    )
    assert found["score_heldout"] == pytest.approx(odds[real[:, 0]].sigmoid().mean().item())
    assert found["score_fresh"] == pytest.approx(odds[fake[:, 0]].sigmoid().mean().item())
    assert found.keys() == {"accuracy_heldout", "score_heldout", "score_fresh"}


def test_an_undecided_discriminator_is_right_half_the_time():
    """A score of one half takes every sentence for fresh."""
    generator, network = make_generator(ALPHABETS["oracle"]), FirstTokenDiscriminator([0.0] * 7)
    reward = DiscriminatorReward(network, learning_rate=0.1, batch_size=2, epochs=1)
    validation = torch.zeros(4, 2, dtype=torch.int64)
    found = DiscriminatorMonitor(reward, generator, validation, 4, stream())()
    assert found == {"accuracy_heldout": 0.5, "score_heldout": 0.5, "score_fresh": 0.5}
