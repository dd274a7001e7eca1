"""From settings to objects: the only tables of names, and the only place that tells kinds apart."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from seqgan import discriminators, generators, objectives, rewards
from seqgan.checkpoints import load_tree, save_tree
from seqgan.corpus.dataset import read_alphabet, write_alphabet
from seqgan.corpus.vocabulary import Vocabulary, write_vocabulary
from seqgan.discriminators import Discriminator
from seqgan.errors import UserError
from seqgan.generators import Generator
from seqgan.objectives import Baseline, Objective, PolicyGradient
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.rewards import ActionValue, DiscriminatorReward, RewardModel
from seqgan.team import ALONE, Team
from seqgan.tokens import Alphabet

Settings = Mapping[str, Any]
Module = TypeVar("Module", bound=torch.nn.Module)

GENERATORS: Mapping[str, Callable[..., Generator]] = {"lstm": generators.LSTMGenerator}
DISCRIMINATORS: Mapping[str, Callable[..., Discriminator]] = {
    "cnn": discriminators.CNNDiscriminator
}
LIKELIHOOD_OBJECTIVES: Mapping[str, Callable[..., Objective]] = {
    "maximum_likelihood": objectives.MaximumLikelihood
}
ACTION_VALUES: Mapping[str, Callable[..., ActionValue]] = {
    "rollout": rewards.MonteCarloRollout,
    "terminal": rewards.TerminalReward,
}
BASELINES: Mapping[str, Baseline | None] = {
    "none": None,
    "mean_of_others": objectives.mean_of_others,
}
FIXED_REWARDS: Mapping[str, Callable[..., RewardModel]] = {"constant": rewards.ConstantReward}


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
    names = ("learning_rate", "batch_size", "epochs")
    return DiscriminatorReward(discriminator, **{name: settings[name] for name in names}, team=team)


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
    settings: Settings, generator: Generator, reward: RewardModel, team: Team = ALONE
) -> tuple[PolicyGradient, ActionValue]:
    """Return the objective of a method, and the action value inside it, which has a state."""
    value = _build(
        ACTION_VALUES, settings["action_value"], generator=generator, reward=reward, team=team
    )
    return PolicyGradient(value, baseline=BASELINES[settings["baseline"]]), value


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
    _save_model(folder, settings, generator.alphabet, length)
    if vocabulary is not None:
        write_vocabulary(folder / "vocabulary.json", vocabulary)
    save_tree(folder / "weights.safetensors", dict(weights or generator.state_dict()))


def load_generator(folder: Path, device: str) -> tuple[Generator, Settings]:
    """Return a generator and its ``model.json``, whose ``settings`` it was built from.

    Raises :class:`UserError` if the folder is no checkpoint of a generator, or damaged.
    """
    model, alphabet = _read_model(folder, GENERATORS)
    weights = load_tree(folder / "weights.safetensors")

    def build() -> Generator:
        return build_generator(model["settings"], alphabet, torch.Generator())

    return _filled(build, weights, folder).to(device), model


def read_oracle(data: Path, device: str) -> Generator | None:
    """Return the oracle of a dataset, or ``None`` for sentences that people wrote."""
    folder = data / "oracle"
    return load_generator(folder, device)[0] if folder.is_dir() else None


def save_discriminator(
    folder: Path, reward: DiscriminatorReward, settings: Settings, alphabet: Alphabet, length: int
) -> None:
    """Write a discriminator with its optimizer, which the adversarial phase goes on with."""
    _save_model(folder, settings, alphabet, length)
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
    model, alphabet = _read_model(folder, DISCRIMINATORS)
    state = load_tree(folder / "weights.safetensors")

    def build() -> Discriminator:
        settings, length = model["settings"], model["length"]
        return build_discriminator(settings, alphabet, length, torch.Generator())

    with _fitting(folder):
        weights, learned = _part(state, "discriminator"), _part(state, "optimizer", "state")
    reward = build_fit(fit, _filled(build, weights, folder).to(device), team)
    with _fitting(folder):
        _check_moments(learned, reward.optimizer)
        # Learning rate and all else that is set come from the settings, not from the file.
        groups = reward.optimizer.state_dict()["param_groups"]
        reward.optimizer.load_state_dict({"state": learned, "param_groups": groups})
    return reward


def _save_model(folder: Path, settings: Settings, alphabet: Alphabet, length: int) -> None:
    write_atomically(
        folder / "model.json", readable_json({"settings": dict(settings), "length": length})
    )
    write_alphabet(folder / "alphabet.json", alphabet)


def _read_model(folder: Path, table: Mapping[str, Any]) -> tuple[Settings, Alphabet]:
    model = read_json(folder / "model.json")
    with _described(folder):
        settings = model["settings"]
        if settings["kind"] not in table:
            raise UserError(f"{folder} holds {settings['kind']}, not one of {list(table)}")
        for name, value in {"length": model["length"], **settings}.items():
            if name != "kind" and not VALID.get(name, _is_unknown)(value):
                raise ValueError(f"{name} cannot be {value!r}")
    return model, read_alphabet(folder / "alphabet.json")


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value < 2**31


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_size, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 2**31


def _is_unknown(_: Any) -> bool:
    return False


VALID: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("length", "embedding_dim", "hidden_dim"), _is_size),
    **dict.fromkeys(("widths", "num_filters"), _are_sizes),
    **dict.fromkeys(("std", "dropout", "l2"), _is_number),
    "num_layers": lambda value: _is_size(value) and value <= 100,
}
"""What ``model.json`` may say. The configuration says it better, but a stage does not know it."""


@contextmanager
def _described(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the content of ``model.json`` into a line for the user."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}/model.json does not describe a model: {reason}") from None


@contextmanager
def _fitting(folder: Path) -> Iterator[None]:
    """Turn what does not fit to ``model.json`` into a line for the user."""
    try:
        yield
    except (RuntimeError, TypeError, KeyError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: weights and model.json do not fit together: {reason}") from None


def _filled(build: Callable[[], Module], weights: Any, folder: Path) -> Module:
    """Return a network with its weights, after their names and shapes were found to be its own.

    First it is built without memory: a few digits in ``model.json`` can ask for any amount, the
    weights never for more than their file holds.
    """
    with _described(folder), torch.device("meta"):
        shapes = dict(build().named_parameters())
    with _fitting(folder):
        _check_alike(weights, shapes)
        module = build()
        module.load_state_dict(weights)
        return module


def _part(tree: Any, *names: str) -> dict[Any, Any]:
    """Return the dict below some names; raise ``ValueError`` if there is none."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        raise ValueError(f"there is no {names[-1]}")
    return tree


def _check_moments(learned: dict[Any, Any], optimizer: torch.optim.Optimizer) -> None:
    """Raise ``ValueError`` unless each weight has what Adam remembers of it, or none has."""
    parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
    if learned == {}:
        return
    if learned.keys() != set(range(len(parameters))):
        raise ValueError("the optimizer remembers other weights")
    for i, weight in enumerate(parameters):
        _check_alike(
            learned[i], {"step": torch.tensor(0.0), "exp_avg": weight, "exp_avg_sq": weight}
        )


def _check_alike(found: Any, expected: Mapping[str, torch.Tensor]) -> None:
    """Raise ``ValueError`` unless two mappings hold tensors of the same shapes, found finite."""
    if not isinstance(found, dict) or found.keys() != expected.keys():
        names = sorted(map(str, found)) if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"expected {sorted(expected)}, but found {names}")
    for name, tensor in found.items():
        if not isinstance(tensor, torch.Tensor) or tensor.shape != expected[name].shape:
            shape = tuple(getattr(tensor, "shape", ()))
            raise ValueError(f"{name} must be {tuple(expected[name].shape)}, but is {shape}")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"{name} must hold finite numbers")
