"""From settings to objects: the only tables of names, and the only place that tells kinds apart."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from seqgan import (
    action_values,
    adversaries,
    baselines,
    curricula,
    discriminators,
    objectives,
    recurrent,
    rewards,
    schedules,
    shaping,
)
from seqgan.action_values import ActionValue
from seqgan.adversaries import DiscriminatorReward, Shape
from seqgan.baselines import Baseline
from seqgan.checkpoints import load_tree, save_tree
from seqgan.corpus.vocabulary import Vocabulary, write_vocabulary
from seqgan.curricula import Curriculum
from seqgan.discriminators import Discriminator
from seqgan.errors import UserError
from seqgan.generators import Generator
from seqgan.model_files import (
    Settings,
    check_moments,
    filled,
    fitting,
    part,
    read_model,
    save_model,
)
from seqgan.objectives import Objective
from seqgan.policy_gradient import PolicyGradient
from seqgan.rewards import RewardModel
from seqgan.scheduled_sampling import ScheduledSampling
from seqgan.schedules import Schedule
from seqgan.shaping import Credit, Normalisation
from seqgan.team import ALONE, Team
from seqgan.tokens import Alphabet

GENERATORS: Mapping[str, Callable[..., Generator]] = {
    "lstm": recurrent.LSTMGenerator,
    "gru": recurrent.GRUGenerator,
}
DISCRIMINATORS: Mapping[str, Callable[..., Discriminator]] = {
    "cnn": discriminators.CNNDiscriminator
}
LIKELIHOOD_OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "maximum_likelihood": objectives.MaximumLikelihood,
    "scheduled_sampling": lambda truth: ScheduledSampling(_build(SCHEDULES, truth)),
}
SCHEDULES: Mapping[str, Callable[..., Schedule]] = {
    "linear": schedules.Linear,
    "exponential": schedules.Exponential,
    "inverse_sigmoid": schedules.InverseSigmoid,
}
ACTION_VALUES: Mapping[str, Callable[..., ActionValue]] = {
    "rollout": action_values.MonteCarloRollout,
    "terminal": action_values.TerminalReward,
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
SHAPES: Mapping[str, Shape] = {
    "probability": torch.sigmoid,
    "centred": adversaries.centred,
    "log_probability": torch.nn.functional.logsigmoid,
    "logit": adversaries.as_they_are,
    "odds": adversaries.odds,
}
CREDITS: Mapping[str, Credit] = {"random": shaping.random, "shuffled": shaping.shuffled}
CURRICULA: Mapping[str, Callable[..., Curriculum]] = {
    "schedule": curricula.Scheduled,
    "accuracy": curricula.ByAccuracy,
}
FIXED_REWARDS: Mapping[str, Callable[..., RewardModel]] = {
    "constant": rewards.ConstantReward,
    "random": rewards.ConstantReward,
}


def build_generator(settings: Settings, alphabet: Alphabet, rng: torch.Generator) -> Generator:
    """Return an untrained generator; ``rng`` is on the processor, whatever the device."""
    return _build(GENERATORS, settings, alphabet=alphabet, rng=rng)


def build_discriminator(
    settings: Settings, alphabet: Alphabet, max_length: int, rng: torch.Generator
) -> Discriminator:
    """Return an untrained discriminator for sentences of at most ``max_length`` tokens."""
    return _build(DISCRIMINATORS, settings, alphabet=alphabet, max_length=max_length, rng=rng)


def build_likelihood_objective(settings: Settings) -> Objective:
    """Return what a generator is pretrained with."""
    return _build(LIKELIHOOD_OBJECTIVES, settings)


def build_fit(
    settings: Settings, discriminator: Discriminator, team: Team = ALONE
) -> DiscriminatorReward:
    """Return a discriminator as reward model, with a fresh optimizer."""
    names = ("learning_rate", "batch_size", "epochs", "label_smoothing")
    return DiscriminatorReward(
        discriminator,
        **{name: settings[name] for name in names},
        shape=SHAPES[settings.get("shape", "probability")],
        team=team,
    )


def build_reward(
    settings: Settings, pretrained: Path | None, device: str, team: Team = ALONE
) -> RewardModel:
    """Return the judge of a method; one that learns continues from its pretraining.

    Args:
        settings: The section ``reward`` of a method.
        pretrained: Checkpoint of ``pretrain_discriminator``, for the kinds that need it.
        device: Where it computes.
        team: The processes that fit it together.
    """
    if settings["kind"] in FIXED_REWARDS:
        return _build(FIXED_REWARDS, settings)
    if pretrained is None:
        raise UserError("a discriminator reward needs --discriminator, the pretrained one")
    return load_discriminator(pretrained, settings, device, team)


def build_policy_gradient(
    settings: Settings,
    generator: Generator,
    reward: RewardModel,
    prefix: Curriculum | None = None,
    team: Team = ALONE,
) -> PolicyGradient:
    """Return the objective of a method; its action value and its baseline have states."""
    advantage = settings["advantage"]
    return PolicyGradient(
        _build(
            ACTION_VALUES, settings["action_value"], generator=generator, reward=reward, team=team
        ),
        _build(BASELINES, settings["baseline"], generator=generator),
        credit=CREDITS.get(settings["reward"]["kind"], shaping.own),
        value_scale=NORMALISATIONS[advantage["value_scale"]],
        advantage_scale=NORMALISATIONS[advantage["advantage_scale"]],
        clip=advantage["clip"],
        entropy_bonus=settings["entropy_bonus"],
        prefix=prefix,
    )


def build_curricula(settings: Settings, length: int) -> dict[str, Curriculum]:
    """Return the curricula of a method by name, ``length`` or ``prefix``: those that it has.

    Args:
        settings: The section ``curriculum`` of a method.
        length: Length of a row of the corpus.
    """
    goals = {"length": length, "prefix": 0}
    return {
        name: _build(CURRICULA, {"kind": "schedule", **settings[name]}, goal=goal)
        for name, goal in goals.items()
        if settings[name] is not None
    }


def _build(table: Mapping[str, Callable[..., Any]], settings: Settings, **more: Any) -> Any:
    options = {name: value for name, value in settings.items() if name != "kind"}
    return table[settings["kind"]](**options, **more)


# --- checkpoints of networks ----------------------------------------------------------------------
# A checkpoint folder is complete: architecture, alphabet, vocabulary and weights, so that sampling
# needs nothing else.


def save_generator(
    folder: Path,
    generator: Generator,
    settings: Settings,
    length: int,
    vocabulary: Vocabulary | None = None,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> None:
    """Write a generator that can be sampled from; ``weights`` in place of its present ones."""
    save_model(folder, settings, generator.alphabet, length)
    if vocabulary is not None:
        write_vocabulary(folder / "vocabulary.json", vocabulary)
    save_tree(folder / "weights.safetensors", dict(weights or generator.state_dict()))


def load_generator(folder: Path, device: str) -> tuple[Generator, Settings]:
    """Return a generator and its ``model.json``, whose ``settings`` it was built from.

    Raises :class:`UserError` if the folder is no checkpoint of a generator, or damaged.
    """
    model, alphabet = read_model(folder, GENERATORS)
    weights = load_tree(folder / "weights.safetensors")

    def build() -> Generator:
        return build_generator(model["settings"], alphabet, torch.Generator())

    return filled(build, weights, folder).to(device), model


def read_oracle(data: Path, device: str) -> Generator | None:
    """Return the oracle of a dataset, or ``None`` for sentences that people wrote."""
    folder = data / "oracle"
    return load_generator(folder, device)[0] if folder.is_dir() else None


def save_discriminator(
    folder: Path, reward: DiscriminatorReward, settings: Settings, alphabet: Alphabet, length: int
) -> None:
    """Write a discriminator with its optimizer, which the adversarial phase goes on with."""
    save_model(folder, settings, alphabet, length)
    save_tree(folder / "weights.safetensors", reward.state_dict())


def load_discriminator(
    folder: Path, fit: Settings, device: str, team: Team = ALONE
) -> DiscriminatorReward:
    """Return a discriminator that goes on learning with its optimizer's state.

    Args:
        folder: Checkpoint of ``pretrain_discriminator``.
        fit: Learning rate, batch size and epochs from here on.
        device: Where it computes.
        team: The processes that fit it together.
    """
    model, alphabet = read_model(folder, DISCRIMINATORS)
    state = load_tree(folder / "weights.safetensors")

    def build() -> Discriminator:
        settings, length = model["settings"], model["length"]
        return build_discriminator(settings, alphabet, length, torch.Generator())

    with fitting(folder):
        weights, learned = part(state, "discriminator"), part(state, "optimizer", "state")
    reward = build_fit(fit, filled(build, weights, folder).to(device), team)
    with fitting(folder):
        check_moments(learned, reward.optimizer)
        # Learning rate and all else that is set come from the settings, not from the file.
        groups = reward.optimizer.state_dict()["param_groups"]
        reward.optimizer.load_state_dict({"state": learned, "param_groups": groups})
    return reward
