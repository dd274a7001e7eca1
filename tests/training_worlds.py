"""Small complete training runs, one for each kind, whose objects are fresh at every call."""

from collections.abc import Callable

import torch
from torch import Tensor

from seqgan.action_values import ActionValue, MonteCarloRollout, TerminalReward
from seqgan.adversaries import DiscriminatorReward
from seqgan.baselines import MeanOfOthers
from seqgan.decoding import sample_sentences
from seqgan.discriminators import CNNDiscriminator
from seqgan.generators import Generator
from seqgan.objectives import MaximumLikelihood
from seqgan.policy_gradient import PolicyGradient
from seqgan.randomness import RandomStreams
from seqgan.recurrent import LSTMGenerator
from seqgan.rewards import ConstantReward, RewardModel
from seqgan.tokens import Alphabet
from seqgan.training import (
    AdversarialRound,
    BestWeights,
    DiscriminatorRound,
    GeneratorUpdate,
    LikelihoodEpoch,
    Run,
    StepMetrics,
)

NAMES = ("batches", "sampling", "negatives", "discriminator")
Update = Callable[[Run], StepMetrics]


def lstm(alphabet: Alphabet, seed: int, std: float = 0.5) -> LSTMGenerator:
    return LSTMGenerator(
        alphabet=alphabet,
        embedding_dim=4,
        hidden_dim=4,
        std=std,
        rng=torch.Generator().manual_seed(seed),
    )


def corpus_of(alphabet: Alphabet, count: int = 10) -> Tensor:
    return sample_sentences(lstm(alphabet, 77), count, 4, torch.Generator().manual_seed(7))


def discriminator_reward(alphabet: Alphabet, seed: int) -> DiscriminatorReward:
    network = CNNDiscriminator(
        alphabet=alphabet,
        max_length=4,
        embedding_dim=3,
        widths=(1, 3),
        num_filters=(4, 4),
        dropout=0.25,
        l2=0.2,
        rng=torch.Generator().manual_seed(seed),
    )
    return DiscriminatorReward(network, learning_rate=0.01, batch_size=4, epochs=2)


def likelihood(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    generator = lstm(alphabet, seed)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    update = GeneratorUpdate(generator, MaximumLikelihood(), optimizer, 0.5)
    best = BestWeights(generator)
    epoch = LikelihoodEpoch(update, corpus_of(alphabet), 4)

    def epoch_and_selection(run: Run) -> StepMetrics:
        metrics = epoch(run)
        best.offer([3.0, 1.0, 2.0, 0.5][run.step], run.step + 1)
        return metrics

    parts = {"generator": generator, "optimizer": optimizer, "best": best}
    return Run(parts, RandomStreams(seed, names=NAMES)), epoch_and_selection


def discriminator(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    reward = discriminator_reward(alphabet, seed)
    update = DiscriminatorRound(lstm(alphabet, 5), reward, corpus_of(alphabet), 9)
    return Run({"reward": reward}, RandomStreams(seed, names=NAMES)), update


def adversarial(
    alphabet: Alphabet, seed: int, reward: RewardModel, make_value: Callable[..., ActionValue]
) -> tuple[Run, Update]:
    generator = lstm(alphabet, seed)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    value = make_value(generator, reward)
    objective = PolicyGradient(value, MeanOfOthers())
    update = AdversarialRound(
        GeneratorUpdate(generator, objective, optimizer, 5.0),
        value,
        DiscriminatorRound(generator, reward, corpus_of(alphabet), 6),
        generator_steps=2,
        reward_steps=2,
        batch_size=5,
    )
    parts = {
        "generator": generator,
        "optimizer": optimizer,
        "reward": reward,
        "action_value": value,
    }
    return Run(parts, RandomStreams(seed, names=NAMES)), update


def adversarial_with_rollouts(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    def rollout(generator: Generator, reward: RewardModel) -> ActionValue:
        return MonteCarloRollout(generator, reward, num_rollouts=3, tracking_rate=0.8)

    return adversarial(alphabet, seed, discriminator_reward(alphabet, seed), rollout)


def adversarial_control(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    return adversarial(alphabet, seed, ConstantReward(), TerminalReward)


WORLDS = [likelihood, discriminator, adversarial_with_rollouts, adversarial_control]
