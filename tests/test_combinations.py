"""Every generator with every discriminator under every method: it runs, resumes and samples."""

from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

import train_adversarially
from seqgan.assembly import (
    build_discriminator,
    build_fit,
    build_generator,
    load_generator,
    save_discriminator,
    save_generator,
)
from seqgan.config.discriminators import DiscriminatorConfig
from seqgan.config.generators import GeneratorConfig
from seqgan.config.rewards import DiscriminatorFit
from seqgan.config.training import GumbelSoftmaxMethod, PolicyGradientMethod
from seqgan.corpus.dataset import read_dataset
from seqgan.decoding import sample_sentences
from seqgan.tokens import check_tokens
from stage_worlds import LENGTH, content, run_stage, stream, write_oracle_world, write_text_world

GENERATORS: dict[str, dict[str, Any]] = {
    "lstm": {"kind": "lstm", "embedding_dim": 6, "hidden_dim": 6, "tied": True, "dropout": 0.2},
    "gru": {"kind": "gru", "embedding_dim": 4, "hidden_dim": 6, "num_layers": 2},
    "transformer": {
        "kind": "transformer", "embedding_dim": 8, "num_heads": 2, "num_layers": 1,
        "feedforward_dim": 6, "positions": "learned", "dropout": 0.2,
    },
}  # fmt: skip
DISCRIMINATORS: dict[str, dict[str, Any]] = {
    "cnn": {"kind": "cnn", "embedding_dim": 4, "widths": [1, 2], "num_filters": [4, 4]},
    "rnn": {"kind": "rnn", "embedding_dim": 4, "hidden_dim": 4, "pooling": "max"},
    "prefix": {"kind": "prefix", "embedding_dim": 4, "hidden_dim": 4},
    "transformer": {
        "kind": "transformer", "embedding_dim": 4, "num_heads": 2, "num_layers": 1,
        "feedforward_dim": 6,
    },
}  # fmt: skip
FIT = {"steps": 1, "epochs": 1, "num_sentences": 40, "batch_size": 16, "learning_rate": 0.003}
ROLLOUT = {"kind": "rollout", "num_rollouts": 2, "tracking_rate": 0.5, "every": 2}
TERMINAL = {"kind": "terminal", "discount": 0.9}
WITH_ADVERSARY: dict[str, dict[str, Any]] = {
    "rollouts": {
        "action_value": ROLLOUT,
        "reward": {"kind": "discriminator", "gradient_penalty": 0.5, "label_smoothing": 0.1},
        "baseline": {"kind": "critic"},
        "curriculum": {"length": {"kind": "schedule", "start": 4}, "prefix": {"start": 2}},
        "repetition_penalty": {"order": 2},
    },
    "shuffled": {
        "action_value": TERMINAL,
        "reward": {"kind": "shuffled", "shape": "logit"},
        "baseline": {"kind": "moving_average"},
        "advantage": {"advantage_scale": "deviation", "clip": 2.0},
    },
    "ranking": {
        "action_value": ROLLOUT,
        "reward": {"kind": "ranking", "num_references": 4, "num_comparisons": 3},
        "baseline": {"kind": "mean_of_others"},
    },
    "odds": {
        "action_value": ROLLOUT,
        "reward": {"kind": "discriminator", "shape": "odds"},
        "advantage": {"value_scale": "share"},
        "teacher_forcing": {"steps": 1},
    },
    "gumbel": {"kind": "gumbel_softmax"},
    "mixtures": {"kind": "gumbel_softmax", "straight_through": False},
}
ALONE: dict[str, dict[str, Any]] = {
    "bleu": {"action_value": ROLLOUT, "reward": {"kind": "bleu", "num_references": 30}},
    "constant": {"action_value": TERMINAL, "reward": {"kind": "constant"}, "entropy_bonus": 0.1},
    "random": {"action_value": TERMINAL, "reward": {"kind": "random"}},
}
DENSE = {
    "action_value": {"kind": "dense", "discount": 0.23},
    "reward": {"kind": "discriminator", "shape": "centred"},
}
TRAINING = {
    "rounds": 3,
    "batch_size": 8,
    "learning_rate": 0.02,
    "monitoring": {"num_sentences": 20, "every": 2},
}
COMBINATIONS = [
    *((g, d, m) for g in GENERATORS for d in DISCRIMINATORS for m in WITH_ADVERSARY),
    *((g, "prefix", "dense") for g in GENERATORS),
    *((g, "none", m) for g in GENERATORS for m in ALONE),
]
METHODS = {**WITH_ADVERSARY, **ALONE, "dense": DENSE}


def complete(section: Any, settings: dict[str, Any]) -> dict[str, Any]:
    """Return a section with its defaults, as a stage sees it."""
    return TypeAdapter(section).validate_python(settings).model_dump(mode="json")


@pytest.fixture(scope="module", params=["oracle", "text"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus, and a checkpoint of every kind of network for it."""
    folder = tmp_path_factory.mktemp(request.param)
    write = {"oracle": write_oracle_world, "text": write_text_world}[request.param]
    data = read_dataset(write(folder / "data"))
    for name, settings in GENERATORS.items():
        section = complete(GeneratorConfig, {**settings, "std": 0.5})
        generator = build_generator(section, data.alphabet, LENGTH, stream(1))
        place = folder / "generators" / name / "last"
        save_generator(place, generator, section, LENGTH, data.vocabulary)
    fit = complete(DiscriminatorFit, {})
    for name, settings in DISCRIMINATORS.items():
        section = complete(DiscriminatorConfig, settings)
        network = build_discriminator(section, data.alphabet, LENGTH, stream(2))
        place = folder / "discriminators" / name
        save_discriminator(place, build_fit(fit, network), section, data.alphabet, LENGTH)
    return folder


@pytest.mark.parametrize(("generator", "discriminator", "method"), COMBINATIONS)
def test_it_runs_resumes_and_keeps_the_contract(world, tmp_path, generator, discriminator, method):
    section = {"kind": "policy_gradient", **TRAINING, **METHODS[method]}
    if discriminator != "none":
        section["reward"] = {"kind": "discriminator", **FIT, **section.get("reward", {})}
    kind = PolicyGradientMethod if section["kind"] == "policy_gradient" else GumbelSoftmaxMethod
    settings = {"hand_over": "last", "method": complete(kind, section)}
    inputs = {"data": world / "data", "generator": world / "generators" / generator}
    if discriminator != "none":
        inputs["discriminator"] = world / "discriminators" / discriminator
    whole = run_stage(train_adversarially, tmp_path / "whole", settings, **inputs)
    run_stage(train_adversarially, tmp_path / "parts", settings, stop_after=1, **inputs)
    parts = run_stage(train_adversarially, tmp_path / "parts", settings, **inputs)
    for name, place in whole.items():
        assert content(parts[name]) == content(place)
    before, _ = load_generator(inputs["generator"] / "last", "cpu")
    after, model = load_generator(whole["checkpoint"] / "last", "cpu")
    assert model["settings"]["kind"] == generator
    pairs = zip(before.parameters(), after.parameters(), strict=True)
    assert not all(torch.equal(old, new) for old, new in pairs)
    check_tokens(sample_sentences(after, 50, LENGTH, stream(3)), after.alphabet)
