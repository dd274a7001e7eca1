import typing
from typing import Any

import pytest
import torch

from seqgan import assembly, methods, shaping
from seqgan.assembly import (
    build_discriminator,
    build_fit,
    build_generator,
    build_likelihood_objective,
    load_discriminator,
    load_generator,
    read_oracle,
    save_discriminator,
    save_generator,
)
from seqgan.config.discriminators import CNNDiscriminatorConfig, DiscriminatorConfig
from seqgan.config.generators import GeneratorConfig, LSTMGeneratorConfig
from seqgan.config.objectives import CoolingConfig, DecayConfig
from seqgan.config.policies import (
    Advantage,
    BaselineConfig,
    LengthByAccuracy,
    ScheduledLength,
)
from seqgan.config.rewards import ActionValueConfig, DiscriminatorRewardConfig, RewardConfig
from seqgan.config.training import GeneratorPretraining, MethodConfig, PolicyGradientMethod
from seqgan.corpus.dataset import Dataset, read_words
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import Vocabulary
from seqgan.errors import UserError
from seqgan.methods import (
    Surroundings,
    build_adversarial_objective,
    build_curricula,
    build_reward,
)
from seqgan.policy_gradient import PolicyGradient
from seqgan.progress import Progress
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokens import Alphabet

SETTINGS = {"kind": "lstm", "embedding_dim": 4, "hidden_dim": 5, "num_layers": 2, "std": 0.3}
CNN = CNNDiscriminatorConfig(embedding_dim=4, widths=(1, 2), num_filters=(3, 3)).model_dump()
FIT = {"kind": "discriminator", "learning_rate": 0.01, "batch_size": 4, "epochs": 1, "steps": 1,
    "label_smoothing": 0.0, "gradient_penalty": 0.0, "discriminator": None}  # fmt: skip
ALPHABET = Alphabet(9, start=0, end=1, never_emitted=(0,))

NOTHING = torch.zeros(0, 6, dtype=torch.int64)
AROUND = Surroundings(Dataset(NOTHING, NOTHING, NOTHING, ALPHABET), 1, "cpu")


def stream(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def kinds(annotation: object) -> set[str]:
    """Return the kinds that the configuration knows of a section."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return kinds(typing.get_args(annotation)[0])
    if origin is None:
        kind = annotation.model_fields["kind"]  # type: ignore[attr-defined]
        return set(typing.get_args(kind.annotation))
    return set().union(*(kinds(each) for each in typing.get_args(annotation)))


def test_every_kind_of_the_configuration_can_be_built_and_no_other():
    objective = GeneratorPretraining.model_fields["objective"].annotation
    assert kinds(GeneratorConfig) == set(assembly.GENERATORS)
    assert kinds(DiscriminatorConfig) == set(assembly.DISCRIMINATORS)
    assert kinds(objective) == set(assembly.LIKELIHOOD_OBJECTIVES)
    assert kinds(DecayConfig) == set(assembly.SCHEDULES)
    assert kinds(ActionValueConfig) == set(methods.ACTION_VALUES)
    assert kinds(MethodConfig) == set(methods.ADVERSARIAL_OBJECTIVES) | {"likelihood"}
    assert kinds(CoolingConfig) <= set(assembly.SCHEDULES)
    assert kinds(RewardConfig) == set(methods.REWARDS)
    assert kinds(BaselineConfig) == set(methods.BASELINES)
    assert {"schedule"} | kinds(ScheduledLength | LengthByAccuracy) == set(methods.CURRICULA)
    scales = (
        Advantage.model_fields[name].annotation for name in ("value_scale", "advantage_scale")
    )
    assert set().union(*map(typing.get_args, scales)) == set(methods.NORMALISATIONS)
    assert set(methods.CREDITS) <= kinds(RewardConfig)
    shapes = DiscriminatorRewardConfig.model_fields["shape"].annotation
    assert set(typing.get_args(shapes)) == set(assembly.SHAPES)


def test_the_defaults_of_every_section_build_something():
    generator = build_generator(LSTMGeneratorConfig().model_dump(), ALPHABET, 6, stream())
    assert generator.alphabet == ALPHABET
    build_discriminator(CNN, ALPHABET, 6, stream())
    build_likelihood_objective(GeneratorPretraining().objective.model_dump())


def test_weights_depend_on_the_stream_alone():
    one, same, other = (build_generator(SETTINGS, ALPHABET, 6, stream(seed)) for seed in (1, 1, 2))
    for name, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[name])
        assert not torch.equal(value, other.state_dict()[name])


@pytest.fixture
def checkpoint(tmp_path):
    generator = build_generator(SETTINGS, ALPHABET, 6, stream())
    vocabulary = Vocabulary(tuple("abcdef"), WordTokenizer())
    save_generator(tmp_path / "g", generator, SETTINGS, 6, vocabulary)
    return tmp_path / "g", generator, vocabulary


def test_a_generator_comes_back(checkpoint):
    folder, generator, vocabulary = checkpoint
    found, model = load_generator(folder, "cpu")
    assert model == {"settings": SETTINGS, "length": 6}
    assert found.alphabet == ALPHABET
    for name, value in generator.state_dict().items():
        assert torch.equal(value, found.state_dict()[name])
    tokens = torch.randint(2, 9, (3, 6), generator=stream())
    assert torch.equal(found(tokens), generator(tokens))
    assert read_words(folder, vocabulary.alphabet) == vocabulary


def test_other_weights_in_place_of_the_present_ones(tmp_path):
    generator = build_generator(SETTINGS, ALPHABET, 6, stream())
    weights = {name: torch.zeros_like(value) for name, value in generator.state_dict().items()}
    save_generator(tmp_path, generator, SETTINGS, 6, weights=weights)
    found, _ = load_generator(tmp_path, "cpu")
    assert not any(value.any() for value in found.state_dict().values())
    assert generator.state_dict()["output_weights"].any()
    assert read_words(tmp_path, Alphabet(3)) is None


def test_equal_generators_have_equal_bytes(tmp_path):
    for name in ("one", "other"):
        save_generator(
            tmp_path / name, build_generator(SETTINGS, ALPHABET, 6, stream()), SETTINGS, 6
        )
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


def refused(load, *arguments) -> str:
    with pytest.raises(UserError) as caught:
        load(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "does not describe a model"),
        ({}, "does not describe a model"),
        ({"settings": SETTINGS}, "does not describe a model"),
        ({"settings": {"kind": "gpt"}, "length": 6}, "gpt, not one of"),
        ({"settings": SETTINGS | {"more": 1}, "length": 6}, "does not describe a model"),
        ({"settings": {"kind": "lstm"}, "length": 6}, "does not describe a model"),
    ],
)
def test_a_folder_that_is_no_generator(checkpoint, content, message):
    folder, _, _ = checkpoint
    write_atomically(folder / "model.json", readable_json(content))
    assert message in refused(load_generator, folder, "cpu")


@pytest.mark.parametrize("name", ["model.json", "alphabet.json", "weights.safetensors"])
def test_a_part_that_is_missing(checkpoint, name):
    folder, _, _ = checkpoint
    (folder / name).unlink()
    assert refused(load_generator, folder, "cpu").startswith("no such ")


def test_weights_that_do_not_fit(checkpoint):
    folder, _, _ = checkpoint
    model = read_json(folder / "model.json")
    model["settings"]["hidden_dim"] = 6
    write_atomically(folder / "model.json", readable_json(model))
    assert "weights and model.json do not fit together" in refused(load_generator, folder, "cpu")


def test_a_discriminator_goes_on_learning_where_it_stopped(tmp_path):
    real, fake = (torch.randint(2, 9, (8, 6), generator=stream(seed)) for seed in (1, 2))
    reward = build_fit(FIT, build_discriminator(CNN, ALPHABET, 6, stream()))
    reward.fit(real, fake, stream(), Progress())
    save_discriminator(tmp_path / "d", reward, CNN, ALPHABET, 6)
    found = load_discriminator(tmp_path / "d", FIT, "cpu")
    assert torch.equal(found.score(real), reward.score(real))
    for each in (found, reward):
        each.fit(real, fake, stream(3), Progress())
    assert torch.equal(found.score(real), reward.score(real))


def test_the_learning_rate_is_that_of_the_method_not_of_the_pretraining(tmp_path):
    reward = build_fit(FIT, build_discriminator(CNN, ALPHABET, 6, stream()))
    save_discriminator(tmp_path / "d", reward, CNN, ALPHABET, 6)
    found = load_discriminator(tmp_path / "d", FIT | {"learning_rate": 0.5}, "cpu")
    assert [group["lr"] for group in found.optimizer.param_groups] == [0.5]


def test_a_checkpoint_of_the_other_network_is_refused(checkpoint, tmp_path):
    folder, _, _ = checkpoint
    reward = build_fit(FIT, build_discriminator(CNN, ALPHABET, 6, stream()))
    save_discriminator(tmp_path / "d", reward, CNN, ALPHABET, 6)
    assert "cnn, not one of" in refused(load_generator, tmp_path / "d", "cpu")
    assert "lstm, not one of" in refused(load_discriminator, folder, FIT, "cpu")


def test_a_discriminator_reward_needs_the_pretrained_one():
    assert refused(build_reward, FIT, AROUND) == (
        "a reward without a discriminator of its own needs --discriminator, the pretrained one"
    )


def test_a_method_is_composed_of_its_parts():
    generator = build_generator(SETTINGS, ALPHABET, 6, stream())
    reward = build_reward({"kind": "constant", "value": 0.5}, AROUND)
    tokens = torch.randint(2, 9, (4, 6), generator=stream())
    assert reward.score(tokens).tolist() == [0.5] * 4
    for value in (
        {"kind": "terminal"},
        {"kind": "rollout", "num_rollouts": 2, "tracking_rate": 0.0},
    ):
        for baseline in methods.BASELINES:
            settings = method_settings(action_value=value, baseline={"kind": baseline})
            objective = build_adversarial_objective(settings, generator, reward)
            assert isinstance(objective, PolicyGradient)
            assert type(objective.action_value) is methods.ACTION_VALUES[value["kind"]]
            loss = objective(generator, tokens, step=0, rng=stream())
            assert loss.value.isfinite()


def method_settings(**changes: object) -> dict[str, Any]:
    """Return the settings of a method, as a stage sees them."""
    constant = {"kind": "constant", "value": 0.5}
    method = {"kind": "policy_gradient", "action_value": {"kind": "terminal"}, "reward": constant}
    return PolicyGradientMethod.model_validate(method | changes).model_dump(mode="json")


def test_the_order_of_scaling_and_cutting():
    generator = build_generator(SETTINGS, ALPHABET, 6, stream())
    advantage = {"value_scale": "share", "advantage_scale": "deviation", "clip": 2.0}
    for kind, credit in {"random": shaping.random, "constant": shaping.own}.items():
        settings = method_settings(advantage=advantage, reward={"kind": kind}, entropy_bonus=0.5)
        reward = build_reward(settings["reward"], AROUND)
        found = build_adversarial_objective(settings, generator, reward)
        assert isinstance(found, PolicyGradient)
        assert found.credit is credit
        assert (found.value_scale, found.advantage_scale) == (
            shaping.as_shares,
            shaping.by_deviation,
        )
        assert (found.clip, found.entropy_bonus, found.prefix) == (2.0, 0.5, None)


def test_curricula_go_from_their_start_to_what_the_corpus_has():
    none = method_settings()["curriculum"]
    assert build_curricula(none, 6) == {}
    both = {
        "length": {"kind": "accuracy", "start": 3, "threshold": 0.7},
        "prefix": {"start": 4, "step": 2},
    }
    found = build_curricula(method_settings(curriculum=both)["curriculum"], 6)
    assert {name: each.tokens(0) for name, each in found.items()} == {"length": 3, "prefix": 4}
    assert found["prefix"].tokens(2) == 0
    found["length"].learn({"discriminator_accuracy": 0.7})
    assert found["length"].tokens(0) == 4


def test_an_oracle_is_found_beside_its_data(checkpoint, tmp_path):
    assert read_oracle(tmp_path, "cpu") is None
    folder, generator, _ = checkpoint
    folder.rename(tmp_path / "oracle")
    found = read_oracle(tmp_path, "cpu")
    assert found is not None
    assert found.alphabet == generator.alphabet
