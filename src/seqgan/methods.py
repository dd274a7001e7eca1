"""From the settings of a method to its judge and its objective: the tables of their names.

With those of :mod:`seqgan.assembly` the only place that tells kinds apart.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from seqgan import action_values, baselines, curricula, rewards, shaping
from seqgan.action_values import ActionValue
from seqgan.adversaries import DiscriminatorReward
from seqgan.assembly import (
    SCHEDULES,
    build_discriminator,
    build_fit,
    build_kind,
    load_discriminator,
    read_discriminator,
)
from seqgan.baselines import Baseline
from seqgan.bleu_reward import BleuReward
from seqgan.corpus.dataset import Dataset
from seqgan.curricula import Curriculum
from seqgan.discriminators import Discriminator
from seqgan.errors import UserError
from seqgan.generators import Generator
from seqgan.model_files import Settings
from seqgan.objectives import Objective
from seqgan.policy_gradient import PolicyGradient
from seqgan.randomness import derive_seed
from seqgan.ranking import RankingReward
from seqgan.relaxation import GumbelSoftmax
from seqgan.repetition import PenalisedReward
from seqgan.rewards import RewardModel
from seqgan.shaping import Credit, Normalisation
from seqgan.team import ALONE, Team

ACTION_VALUES: Mapping[str, Callable[..., ActionValue]] = {
    "rollout": action_values.MonteCarloRollout,
    "terminal": action_values.TerminalReward,
    "dense": action_values.PrefixValue,
}
BASELINES: Mapping[str, Callable[..., Baseline]] = {
    "none": lambda generator: baselines.Zero(),
    "mean_of_others": lambda generator: baselines.MeanOfOthers(),
    "moving_average": lambda generator, decay: baselines.MovingAverage(decay=decay),
    "critic": baselines.Critic,
}
NORMALISATIONS: Mapping[str, Normalisation] = {
    "none": shaping.as_they_are,
    "share": shaping.as_shares,
    "deviation": shaping.by_deviation,
}
CREDITS: Mapping[str, Credit] = {"random": shaping.random, "shuffled": shaping.shuffled}
CURRICULA: Mapping[str, Callable[..., Curriculum]] = {
    "schedule": curricula.Scheduled,
    "accuracy": curricula.ByAccuracy,
}


@dataclass(frozen=True)
class Surroundings:
    """What a reward model is made from besides its settings.

    Attributes:
        data: The corpus.
        seed: Training seed.
        device: Where it computes.
        pretrained: Checkpoint of ``pretrain_discriminator``, for what begins with it.
        team: The processes that train together.
    """

    data: Dataset
    seed: int
    device: str
    pretrained: Path | None = None
    team: Team = ALONE

    def stream(self, name: str) -> torch.Generator:
        """Return a stream of the method's own, on the processor."""
        return torch.Generator().manual_seed(derive_seed(self.seed, "reward", name))


def build_reward(settings: Settings, around: Surroundings) -> RewardModel:
    """Return the judge of a method; one that learns continues from its pretraining.

    Args:
        settings: The section ``reward`` of a method.
        around: What else it is made from.
    """
    return REWARDS[settings["kind"]](settings, around)


def _network(settings: Settings, around: Surroundings) -> Discriminator:
    """Return an untrained network of a method's own."""
    data = around.data
    network = build_discriminator(settings, data.alphabet, data.length, around.stream("weights"))
    return network.to(around.device)


def _classifier(settings: Settings, around: Surroundings) -> RewardModel:
    if settings["discriminator"] is not None:
        return build_fit(settings, _network(settings["discriminator"], around), around.team)
    return load_discriminator(_pretrained(around), settings, around.device, around.team)


def _ranking(settings: Settings, around: Surroundings) -> RewardModel:
    if settings["discriminator"] is not None:
        network = _network(settings["discriminator"], around)
    else:
        network = read_discriminator(_pretrained(around))[0].to(around.device)
    names = ("learning_rate", "batch_size", "epochs")
    more = ("num_references", "num_comparisons", "sharpness")
    rng = torch.Generator(around.device).manual_seed(derive_seed(around.seed, "reward", "ranks"))
    return RankingReward(
        network,
        around.data.positives,
        rng,
        **{name: settings[name] for name in (*names, *more)},
        team=around.team,
    )


def _bleu(settings: Settings, around: Surroundings) -> RewardModel:
    positives = around.data.positives
    rows = torch.randperm(len(positives), generator=around.stream("references"))
    chosen = positives[rows[: settings["num_references"]].to(positives.device)]
    return BleuReward(
        chosen, around.data.alphabet, order=settings["order"], smoothing=settings["smoothing"]
    )


def _pretrained(around: Surroundings) -> Path:
    if around.pretrained is None:
        raise UserError(
            "a reward without a discriminator of its own needs --discriminator, the pretrained one"
        )
    return around.pretrained


REWARDS: Mapping[str, Callable[[Settings, Surroundings], RewardModel]] = {
    "discriminator": _classifier,
    "shuffled": _classifier,
    "ranking": _ranking,
    "bleu": _bleu,
    "constant": lambda settings, around: rewards.ConstantReward(settings["value"]),
    "random": lambda settings, around: rewards.ConstantReward(),
}


def build_adversarial_objective(
    settings: Settings,
    generator: Generator,
    reward: RewardModel,
    prefix: Curriculum | None = None,
    team: Team = ALONE,
) -> Objective:
    """Return what a method trains its generator to do; the parts of it may have states."""
    return ADVERSARIAL_OBJECTIVES[settings["kind"]](settings, generator, reward, prefix, team)


def _policy_gradient(
    settings: Settings,
    generator: Generator,
    reward: RewardModel,
    prefix: Curriculum | None,
    team: Team,
) -> Objective:
    advantage, judge = settings["advantage"], reward
    if settings["repetition_penalty"] is not None:
        judge = PenalisedReward(reward, generator.alphabet, **settings["repetition_penalty"])
    return PolicyGradient(
        build_kind(
            ACTION_VALUES, settings["action_value"], generator=generator, reward=judge, team=team
        ),
        build_kind(BASELINES, settings["baseline"], generator=generator),
        credit=CREDITS.get(settings["reward"]["kind"], shaping.own),
        value_scale=NORMALISATIONS[advantage["value_scale"]],
        advantage_scale=NORMALISATIONS[advantage["advantage_scale"]],
        clip=advantage["clip"],
        entropy_bonus=settings["entropy_bonus"],
        prefix=prefix,
    )


def _gumbel_softmax(
    settings: Settings,
    generator: Generator,
    reward: RewardModel,
    prefix: Curriculum | None,
    team: Team,
) -> Objective:
    assert isinstance(reward, DiscriminatorReward)
    temperature = build_kind(SCHEDULES, settings["temperature"])
    return GumbelSoftmax(reward.discriminator, temperature, settings["straight_through"])


ADVERSARIAL_OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "policy_gradient": _policy_gradient,
    "gumbel_softmax": _gumbel_softmax,
}


def build_curricula(settings: Settings, length: int) -> dict[str, Curriculum]:
    """Return the curricula of a method by name, ``length`` or ``prefix``: those that it has.

    Args:
        settings: The section ``curriculum`` of a method.
        length: Length of a row of the corpus.
    """
    goals = {"length": length, "prefix": 0}
    return {
        name: build_kind(CURRICULA, {"kind": "schedule", **settings[name]}, goal=goal)
        for name, goal in goals.items()
        if settings.get(name) is not None
    }
