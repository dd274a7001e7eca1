"""From settings to networks and back: the tables of their names, and their checkpoints."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from seqgan import (
    adversaries,
    discriminators,
    objectives,
    recurrent,
    schedules,
    sequence_discriminators,
    transformer,
)
from seqgan.adversaries import DiscriminatorReward, Shape
from seqgan.checkpoints import load_tree, save_tree
from seqgan.corpus.vocabulary import Vocabulary, write_vocabulary
from seqgan.discriminators import Discriminator
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
from seqgan.scheduled_sampling import ScheduledSampling
from seqgan.schedules import Schedule
from seqgan.team import ALONE, Team
from seqgan.tokens import Alphabet

GENERATORS: Mapping[str, Callable[..., Generator]] = {
    # What is recurrent reads sentences of any length.
    "lstm": lambda max_length, **options: recurrent.LSTMGenerator(**options),
    "gru": lambda max_length, **options: recurrent.GRUGenerator(**options),
    "transformer": transformer.TransformerGenerator,
}
DISCRIMINATORS: Mapping[str, Callable[..., Discriminator]] = {
    "cnn": discriminators.CNNDiscriminator,
    "rnn": sequence_discriminators.RNNDiscriminator,
    "prefix": sequence_discriminators.PrefixDiscriminator,
    "transformer": sequence_discriminators.TransformerDiscriminator,
}
LIKELIHOOD_OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "maximum_likelihood": objectives.MaximumLikelihood,
    "scheduled_sampling": lambda truth: ScheduledSampling(build_kind(SCHEDULES, truth)),
}
SCHEDULES: Mapping[str, Callable[..., Schedule]] = {
    "linear": schedules.Linear,
    "exponential": schedules.Exponential,
    "inverse_sigmoid": schedules.InverseSigmoid,
}
SHAPES: Mapping[str, Shape] = {
    "probability": torch.sigmoid,
    "centred": adversaries.centred,
    "log_probability": torch.nn.functional.logsigmoid,
    "logit": adversaries.as_they_are,
    "odds": adversaries.odds,
}


def build_generator(
    settings: Settings, alphabet: Alphabet, max_length: int, rng: torch.Generator
) -> Generator:
    """Return an untrained generator of sentences of at most ``max_length`` tokens.

    ``rng`` is on the processor, whatever the device.
    """
    return build_kind(GENERATORS, settings, alphabet=alphabet, max_length=max_length, rng=rng)


def build_discriminator(
    settings: Settings, alphabet: Alphabet, max_length: int, rng: torch.Generator
) -> Discriminator:
    """Return an untrained discriminator for sentences of at most ``max_length`` tokens."""
    return build_kind(DISCRIMINATORS, settings, alphabet=alphabet, max_length=max_length, rng=rng)


def build_likelihood_objective(settings: Settings) -> Objective:
    """Return what a generator is pretrained with."""
    return build_kind(LIKELIHOOD_OBJECTIVES, settings)


def build_fit(
    settings: Settings, discriminator: Discriminator, team: Team = ALONE
) -> DiscriminatorReward:
    """Return a discriminator as reward model, with a fresh optimizer."""
    names = ("learning_rate", "batch_size", "epochs", "label_smoothing", "gradient_penalty")
    return DiscriminatorReward(
        discriminator,
        **{name: settings[name] for name in names},
        shape=SHAPES[settings.get("shape", "probability")],
        team=team,
    )


def build_kind(table: Mapping[str, Callable[..., Any]], settings: Settings, **more: Any) -> Any:
    """Return what a table makes of a section: of its kind, from its other keys and some more."""
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
        return build_generator(model["settings"], alphabet, model["length"], torch.Generator())

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


def read_discriminator(folder: Path) -> tuple[Discriminator, Any]:
    """Return a discriminator on the processor, and all that its checkpoint holds.

    Raises :class:`UserError` if the folder is no checkpoint of a discriminator, or damaged.
    """
    model, alphabet = read_model(folder, DISCRIMINATORS)
    state = load_tree(folder / "weights.safetensors")

    def build() -> Discriminator:
        settings, length = model["settings"], model["length"]
        return build_discriminator(settings, alphabet, length, torch.Generator())

    with fitting(folder):
        weights = part(state, "discriminator")
    return filled(build, weights, folder), state


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
    discriminator, state = read_discriminator(folder)
    reward = build_fit(fit, discriminator.to(device), team)
    with fitting(folder):
        learned = part(state, "optimizer", "state")
        check_moments(learned, reward.optimizer)
        # Learning rate and all else that is set come from the settings, not from the file.
        groups = reward.optimizer.state_dict()["param_groups"]
        reward.optimizer.load_state_dict({"state": learned, "param_groups": groups})
    return reward
