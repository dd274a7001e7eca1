"""Small complete training runs, one for each kind, whose objects are fresh at every call."""

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from seqgan import shaping
from seqgan.action_values import ActionValue, MonteCarloRollout, PrefixValue, TerminalReward
from seqgan.adversaries import DiscriminatorReward
from seqgan.baselines import Baseline, Critic, MeanOfOthers, MovingAverage
from seqgan.curricula import ByAccuracy, Curriculum, Scheduled
from seqgan.decoding import sample_sentences
from seqgan.discriminators import CNNDiscriminator
from seqgan.generators import Generator
from seqgan.objectives import MaximumLikelihood
from seqgan.policy_gradient import PolicyGradient
from seqgan.randomness import RandomStreams
from seqgan.ranking import RankingReward
from seqgan.recurrent import LSTMGenerator
from seqgan.relaxation import GumbelSoftmax
from seqgan.rewards import ConstantReward, RewardModel
from seqgan.schedules import Exponential
from seqgan.sequence_discriminators import PrefixDiscriminator
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
from seqgan.transformer import TransformerGenerator

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


def transformer(alphabet: Alphabet, seed: int) -> TransformerGenerator:
    return TransformerGenerator(
        alphabet=alphabet,
        max_length=4,
        embedding_dim=4,
        num_heads=2,
        num_layers=1,
        feedforward_dim=6,
        std=0.5,
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
    alphabet: Alphabet,
    seed: int,
    reward: RewardModel,
    make_value: Callable[..., ActionValue],
    make_baseline: Callable[[Generator], Baseline] = lambda generator: MeanOfOthers(),
    curricula: Mapping[str, Curriculum] = MappingProxyType({}),
    likelihood_steps: int = 0,
    **more: Any,
) -> tuple[Run, Update]:
    generator = lstm(alphabet, seed)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    moments = torch.optim.Adam(generator.parameters(), lr=0.01)
    value, baseline = make_value(generator, reward), make_baseline(generator)
    objective = PolicyGradient(value, baseline, prefix=curricula.get("prefix"), **more)
    update = AdversarialRound(
        GeneratorUpdate(generator, objective, optimizer, 5.0),
        DiscriminatorRound(generator, reward, corpus_of(alphabet), 6, curricula.get("length")),
        generator_steps=2,
        reward_steps=2,
        batch_size=5,
        likelihood=GeneratorUpdate(generator, MaximumLikelihood(), moments, 5.0)
        if likelihood_steps
        else None,
        likelihood_steps=likelihood_steps,
        warm_up=likelihood_steps,
    )
    parts = {
        "generator": generator,
        "optimizer": optimizer,
        "moments": moments,
        "reward": reward,
        **objective.parts(),
        **curricula,
    }
    return Run(parts, RandomStreams(seed, names=NAMES)), update


def adversarial_with_rollouts(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    def rollout(generator: Generator, reward: RewardModel) -> ActionValue:
        return MonteCarloRollout(generator, reward, num_rollouts=3, tracking_rate=0.8)

    return adversarial(alphabet, seed, discriminator_reward(alphabet, seed), rollout)


def adversarial_control(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    return adversarial(alphabet, seed, ConstantReward(), TerminalReward)


def adversarial_with_shuffled_shares(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    return adversarial(
        alphabet,
        seed,
        discriminator_reward(alphabet, seed),
        TerminalReward,
        lambda generator: MovingAverage(decay=0.5),
        credit=shaping.shuffled,
        value_scale=shaping.as_shares,
        likelihood_steps=2,
    )


def adversarial_with_a_critic(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    return adversarial(
        alphabet,
        seed,
        ConstantReward(),
        TerminalReward,
        lambda generator: Critic(generator, learning_rate=0.1),
        credit=shaping.random,
        advantage_scale=shaping.by_deviation,
        clip=1.0,
        entropy_bonus=0.1,
    )


def adversarial_with_curricula(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    def rollout(generator: Generator, reward: RewardModel) -> ActionValue:
        return MonteCarloRollout(
            generator, reward, num_rollouts=2, tracking_rate=0.5, every=2, discount=0.9
        )

    curricula: dict[str, Curriculum] = {
        "length": ByAccuracy(start=2, goal=4, step=1, threshold=0.7),
        "prefix": Scheduled(start=2, goal=0, step=1, every=1),
    }
    reward = discriminator_reward(alphabet, seed)
    return adversarial(alphabet, seed, reward, rollout, curricula=curricula)


def relaxed(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    reward = discriminator_reward(alphabet, seed)
    generator = transformer(alphabet, seed)
    optimizer = torch.optim.Adam(generator.parameters(), lr=0.01)
    cooling = Exponential(1.0, 0.1, 0.5)
    update = AdversarialRound(
        GeneratorUpdate(generator, GumbelSoftmax(reward.discriminator, cooling), optimizer, 5.0),
        DiscriminatorRound(generator, reward, corpus_of(alphabet), 6),
        generator_steps=2,
        reward_steps=1,
        batch_size=5,
    )
    parts = {"generator": generator, "optimizer": optimizer, "reward": reward}
    return Run(parts, RandomStreams(seed, names=NAMES)), update


def ranked(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    network = discriminator_reward(alphabet, seed).discriminator
    reward = RankingReward(
        network,
        corpus_of(alphabet),
        torch.Generator().manual_seed(seed),
        learning_rate=0.01,
        batch_size=4,
        epochs=2,
        num_references=3,
        num_comparisons=2,
        sharpness=5.0,
    )
    return adversarial(alphabet, seed, reward, TerminalReward)


def dense(alphabet: Alphabet, seed: int) -> tuple[Run, Update]:
    rng = torch.Generator().manual_seed(seed)
    network = PrefixDiscriminator(
        alphabet=alphabet,
        max_length=4,
        embedding_dim=3,
        hidden_dim=3,
        dropout=0.25,
        std=0.5,
        rng=rng,
    )
    reward = DiscriminatorReward(
        network, learning_rate=0.01, batch_size=4, epochs=2, gradient_penalty=0.5
    )
    return adversarial(alphabet, seed, reward, partial(PrefixValue, discount=0.5))


WORLDS = [
    likelihood,
    discriminator,
    adversarial_with_rollouts,
    adversarial_control,
    adversarial_with_shuffled_shares,
    adversarial_with_a_critic,
    relaxed,
    ranked,
    dense,
]
"""Runs on sentences that may follow conditions."""
FREE_WORLDS = [*WORLDS, adversarial_with_curricula]
"""Runs on sentences that follow none."""
