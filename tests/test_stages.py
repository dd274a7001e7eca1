"""What each stage does with its settings, its inputs and its streams, on tiny worlds."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import prepare_corpus
import pretrain_discriminator
import pretrain_generator
import sample_oracle
import sample_sentences
import train_adversarially
from conftest import make_generator
from seqgan import decoding, stage
from seqgan.adversaries import DiscriminatorReward
from seqgan.assembly import load_discriminator, load_generator, read_oracle
from seqgan.config.corpus import TextCorpus
from seqgan.config.training import PolicyGradientMethod
from seqgan.corpus import files, text
from seqgan.corpus.dataset import SPLITS, Dataset, read_dataset, read_tokens, write_dataset
from seqgan.monitoring import DiscriminatorMonitor, nll
from seqgan.oracle import random_oracle, released_arrays
from seqgan.randomness import RandomStreams
from seqgan.recurrent import LSTMGenerator
from seqgan.training import GeneratorUpdate
from stage_worlds import (
    ALPHABET,
    DISCRIMINATOR,
    GENERATOR,
    LENGTH,
    VOCABULARY,
    content,
    network,
    rows,
    run_stage,
    scores_of,
    stream,
    write_oracle_world,
    write_pretrained,
    write_text_world,
)

Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def oracle_world(tmp_path_factory):
    return write_oracle_world(tmp_path_factory.mktemp("oracle_world"))


@pytest.fixture(scope="module")
def text_world(tmp_path_factory):
    return write_text_world(tmp_path_factory.mktemp("text_world"))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    return write_pretrained(tmp_path_factory.mktemp("pretrained"), ALPHABET)


def curve(path: Path) -> Rows:
    return [json.loads(line) for line in path.read_text().splitlines()]


def stream_of(seed: int, stage: str, name: str) -> torch.Generator:
    return RandomStreams(seed, stage, names=(name,))[name]


# --- sample_oracle --------------------------------------------------------------------------------

CORPUS = {
    "vocab_size": 12,
    "embedding_dim": 6,
    "hidden_dim": 6,
    "std": 1.0,
    "seed": 5,
    "length": LENGTH,
    "num_train": 40,
    "num_validation": 30,
    "num_test": 35,
}
SIZES = {"vocab_size": 12, "embedding_dim": 6, "hidden_dim": 6}


def oracle_data(folder: Path, parameters: Path | None = None, **changes: int) -> Path:
    inputs = {} if parameters is None else {"parameters": parameters}
    settings = {"corpus": {**CORPUS, **changes}}
    return run_stage(sample_oracle, folder, settings, seed=None, **inputs)["data"]


def test_every_set_is_drawn_from_a_stream_of_its_own_name(tmp_path):
    folder = oracle_data(tmp_path)
    found, oracle = read_dataset(folder), random_oracle(**SIZES, std=1.0, seed=5)
    for split in SPLITS:
        rng = stream_of(5, "sample_oracle", split)
        expected = decoding.sample_sentences(oracle, CORPUS[f"num_{split}"], LENGTH, rng)
        assert torch.equal(getattr(found, split), expected)
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert not torch.equal(getattr(found, one)[:30], getattr(found, other)[:30])
    kept = read_oracle(folder, "cpu")
    assert kept is not None
    assert nll(kept, found.test) == nll(oracle, found.test)
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["sentences"] == {"train": 40, "validation": 30, "test": 35}
    assert facts["oracle_entropy"] == nll(oracle, found.test)


def test_the_size_of_the_training_set_moves_no_other_set(tmp_path):
    small, large = oracle_data(tmp_path / "small"), oracle_data(tmp_path / "large", num_train=90)
    for name in ("validation.npy", "test.npy"):
        assert (small / name).read_bytes() == (large / name).read_bytes()
    assert len(read_dataset(large).train) == 90


def test_given_parameters_are_the_oracle(tmp_path):
    given = random_oracle(**SIZES, std=2.0, seed=99)
    np.savez(tmp_path / "parameters.npz", **released_arrays(given))
    folder = oracle_data(tmp_path, tmp_path / "parameters.npz")
    rng = stream_of(5, "sample_oracle", "test")
    expected = decoding.sample_sentences(given, 35, LENGTH, rng)
    assert torch.equal(read_dataset(folder).test, expected)


# --- prepare_corpus -------------------------------------------------------------------------------


def prepare_text(folder: Path, **options: Any) -> dict[str, Path]:
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{i}" for i in rng.integers(9, size=4)) for _ in range(400)]
    (folder / "t.txt").write_text("\n".join(lines))
    settings = {
        "corpus": TextCorpus(kind="text", source={"kind": "file", "path": "t.txt"}).model_dump()
    }
    return run_stage(prepare_corpus, folder, settings, text=folder / "t.txt", seed=None, **options)


def test_a_text_is_prepared_and_says_how_far_it_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(text, "MEGABYTE", 1000)
    monkeypatch.setattr(files, "MEGABYTE", 1000)
    monkeypatch.setattr(stage, "SECONDS_BETWEEN_LINES", -1.0)
    data = prepare_text(tmp_path)["data"]
    assert sorted(content(data)) == sorted(
        [*(f"{split}.npy" for split in SPLITS), "alphabet.json", "facts.json", "vocabulary.json"]
    )
    *steps, last = capsys.readouterr().err.splitlines()
    parts = [" ".join(line.split(" · ")[0].split()[-2:]) for line in steps]
    assert parts == [f"megabyte {i}/5" for i in range(1, 6)] + [f"block {i}/3" for i in (1, 2, 3)]
    assert re.search(r"· sentences/s \S+ · \S+ megabytes/s · \d\d:\d\d left$", steps[0])
    assert last.endswith("sentences, 9 words; left out: none")


def test_a_preparation_that_is_asked_to_stop_ends_at_the_next_step(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "MEGABYTE", 1000)
    monkeypatch.setattr(files, "MEGABYTE", 1000)
    assert prepare_text(tmp_path, stop_after=2) == {}
    assert not (tmp_path / "data").exists()


# --- pretrain_generator ---------------------------------------------------------------------------


def pretraining(every: int = 1) -> dict[str, Any]:
    return {
        "generator": GENERATOR,
        "generator_pretraining": {
            "objective": {"kind": "maximum_likelihood"},
            "epochs": 8,
            "batch_size": 32,
            "learning_rate": 0.05,
            "max_grad_norm": 5.0,
            "monitoring": {"num_sentences": 20, "every": every},
        },
    }


@pytest.fixture(scope="module")
def disagreeing(tmp_path_factory):
    """A world whose test set likes a longer training than its validation set does."""
    oracle, folder = network(ALPHABET, 1), tmp_path_factory.mktemp("disagreeing")
    train = decoding.sample_sentences(oracle, 200, LENGTH, stream(1))
    validation = decoding.sample_sentences(oracle, 60, LENGTH, stream(2), temperature=3.0)
    write_dataset(folder, Dataset(train, validation, train[:80], ALPHABET), {})
    return folder


def test_the_best_weights_are_those_with_the_lowest_nll_on_validation_data(tmp_path, disagreeing):
    made = run_stage(pretrain_generator, tmp_path, pretraining(), data=disagreeing)
    data, seen = read_dataset(disagreeing), curve(made["metrics"])
    assert [row["step"] for row in seen] == list(range(9))
    points = [row["nll_validation"] for row in seen]
    best, _ = load_generator(made["checkpoint"] / "best", "cpu")
    last, _ = load_generator(made["checkpoint"] / "last", "cpu")
    assert nll(best, data.validation) == min(points) < points[-1]
    assert nll(last, data.validation) == points[-1]
    assert nll(last, data.test) < nll(best, data.test)


def test_the_last_epoch_is_measured_whatever_the_interval(tmp_path, disagreeing):
    made = run_stage(pretrain_generator, tmp_path, pretraining(every=3), data=disagreeing)
    measured = [row["step"] for row in curve(made["metrics"]) if "nll_validation" in row]
    assert measured == [0, 3, 6, 8]


def test_checkpoints_of_text_carry_its_words(tmp_path, text_world):
    settings = pretraining()
    settings["generator_pretraining"] |= {"epochs": 1}
    made = run_stage(pretrain_generator, tmp_path, settings, data=text_world)
    for name in ("best", "last"):
        words = (made["checkpoint"] / name / "vocabulary.json").read_bytes()
        assert words == (text_world / "vocabulary.json").read_bytes()


# --- pretrain_discriminator -----------------------------------------------------------------------

Fit = tuple[Tensor, Tensor, float]


@pytest.fixture
def fits(monkeypatch):
    """All fits of a discriminator: real sentences, fake ones, learning rate."""
    seen: list[Fit] = []
    original = DiscriminatorReward.fit

    def spy(self: DiscriminatorReward, real: Tensor, fake: Tensor, *more: Any) -> Any:
        seen.append((real, fake, self.optimizer.param_groups[0]["lr"]))
        return original(self, real, fake, *more)

    monkeypatch.setattr(DiscriminatorReward, "fit", spy)
    return seen


def discriminator_settings(hand_over: str, num_sentences: int | None = 50) -> dict[str, Any]:
    return {
        "hand_over": hand_over,
        "discriminator": DISCRIMINATOR,
        "discriminator_pretraining": {
            "rounds": 2,
            "epochs": 2,
            "num_sentences": num_sentences,
            "batch_size": 16,
            "learning_rate": 0.01,
            "label_smoothing": 0.0,
            "gradient_penalty": 0.0,
        },
    }


@pytest.mark.parametrize("hand_over", ["best", "last"])
def test_negatives_come_from_the_generator_that_is_handed_over(
    tmp_path, oracle_world, pretrained, fits, hand_over
):
    settings = discriminator_settings(hand_over)
    made = run_stage(
        pretrain_discriminator, tmp_path, settings, data=oracle_world, generator=pretrained
    )
    data, (generator, _) = read_dataset(oracle_world), load_generator(pretrained / hand_over, "cpu")
    negatives = stream_of(1, "pretrain_discriminator", "negatives")
    assert len(fits) == 2
    for real, fake, learning_rate in fits:
        assert torch.equal(fake, decoding.sample_sentences(generator, 50, LENGTH, negatives))
        assert len(real) == 50
        assert rows(real) <= rows(data.train)
        assert learning_rate == 0.01
    fit = settings["discriminator_pretraining"]
    reward = load_discriminator(made["checkpoint"], fit, "cpu")
    last = curve(made["metrics"])[-1]
    assert last["score_heldout"] == pytest.approx(reward.score(data.validation).mean().item())


def test_without_a_number_there_are_as_many_negatives_as_training_sentences(
    tmp_path, oracle_world, pretrained, fits
):
    settings = discriminator_settings("best", None)
    run_stage(pretrain_discriminator, tmp_path, settings, data=oracle_world, generator=pretrained)
    assert [(len(real), len(fake)) for real, fake, _ in fits] == [(200, 200)] * 2


# --- train_adversarially --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adversary(tmp_path_factory, oracle_world, pretrained):
    """A pretrained discriminator; its optimizer remembers a learning rate of 0.01."""
    return run_stage(
        pretrain_discriminator,
        tmp_path_factory.mktemp("adversary"),
        discriminator_settings("best"),
        data=oracle_world,
        generator=pretrained,
    )["checkpoint"]


def method(
    hand_over: str = "best", reward: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    learning = {
        "kind": "discriminator",
        "steps": 1,
        "epochs": 1,
        "num_sentences": 40,
        "batch_size": 16,
        "learning_rate": 0.003,
    }
    settings = {
        "kind": "policy_gradient",
        "rounds": 2,
        "generator_steps": 1,
        "batch_size": 8,
        "learning_rate": 0.02,
        "max_grad_norm": 5.0,
        "action_value": {"kind": "rollout", "num_rollouts": 2, "tracking_rate": 0.0},
        "reward": learning | (reward or {}),
        "monitoring": {"num_sentences": 20, "every": 1},
    }
    found = PolicyGradientMethod.model_validate(settings | changes).model_dump(mode="json")
    return {"hand_over": hand_over, "method": found}


@pytest.fixture
def play(tmp_path, oracle_world, pretrained, adversary):
    def of(settings: dict[str, Any], name: str = "run", **options: Any) -> dict[str, Path]:
        inputs = {"data": oracle_world, "generator": pretrained, "discriminator": adversary}
        return run_stage(train_adversarially, tmp_path / name, settings, **inputs, **options)

    return of


def test_a_method_stopped_midway_ends_with_the_same_bytes(play):
    """The policy of the rollouts lags behind the generator: it is a part of the state too."""
    value = {"kind": "rollout", "num_rollouts": 2, "tracking_rate": 0.8}
    settings = method(rounds=5, action_value=value)
    whole = play(settings, "whole")
    play(settings, "parts", stop_after=2)
    continued = play(settings, "parts")
    for name, place in whole.items():
        assert content(continued[name]) == content(place)
    follows = play(method(rounds=5), "follows")
    assert content(follows["checkpoint"]) != content(whole["checkpoint"])


def test_a_round_has_as_many_steps_of_either_side_as_told(play, fits, monkeypatch):
    updates, original = [], GeneratorUpdate.__call__

    def spy(self: GeneratorUpdate, real: Tensor, run: Any) -> Any:
        updates.append(len(real))
        return original(self, real, run)

    monkeypatch.setattr(GeneratorUpdate, "__call__", spy)
    play(method(generator_steps=3, reward={"steps": 4}))
    assert updates == [8] * 6
    assert [(len(real), len(fake)) for real, fake, _ in fits] == [(40, 40)] * 8
    assert len({fake.numpy().tobytes() for _, fake, _ in fits}) == 8


def test_the_discriminator_goes_on_with_the_learning_rate_of_the_method(play, fits):
    play(method())
    assert [rate for _, _, rate in fits] == [0.003] * 2


@pytest.mark.parametrize("hand_over", ["best", "last"])
def test_a_method_starts_from_the_generator_that_is_handed_over(
    play, oracle_world, pretrained, hand_over
):
    made = play(method(hand_over, rounds=1))
    data, (before, _) = read_dataset(oracle_world), load_generator(pretrained / hand_over, "cpu")
    first = curve(made["metrics"])[0]
    assert first["nll_validation"] == nll(before, data.validation)
    after, model = load_generator(made["checkpoint"] / "last", "cpu")
    assert model["settings"] == GENERATOR
    moved = [
        (one - other).abs().max().item()
        for one, other in zip(before.parameters(), after.parameters(), strict=True)
    ]
    # The first step of Adam moves every parameter by the learning rate.
    assert max(moved) == pytest.approx(0.02, rel=1e-3)


def test_a_method_without_an_adversary_needs_none(tmp_path, oracle_world, pretrained, fits):
    settings = method(rounds=3, action_value={"kind": "terminal"})
    settings["method"] |= {"reward": {"kind": "constant", "value": 1.0}}
    settings["method"]["monitoring"] = {"num_sentences": 20, "every": 2}
    made = run_stage(
        train_adversarially, tmp_path, settings, data=oracle_world, generator=pretrained
    )
    seen = curve(made["metrics"])
    assert not fits
    assert [row["step"] for row in seen if "nll_oracle" in row] == [0, 2, 3]
    assert all("accuracy_heldout" not in row for row in seen)


# --- sample_sentences -----------------------------------------------------------------------------


def drawing(weights: str | None = None, temperature: float = 0.7, count: int = 30) -> Any:
    return {"weights": weights, "sampling": {"num_sentences": count, "temperature": temperature}}


@pytest.mark.parametrize("temperature", [0.7, 1.0])
@pytest.mark.parametrize("weights", ["best", "last"])
def test_samples_are_of_the_chosen_weights_at_the_temperature(
    tmp_path, oracle_world, pretrained, weights, temperature
):
    settings = drawing(weights, temperature)
    made = run_stage(
        sample_sentences, tmp_path, settings, data=oracle_world, generator=pretrained, seed=7
    )
    generator, _ = load_generator(pretrained / weights, "cpu")
    rng = stream_of(7, "sample_sentences", "samples")
    expected = decoding.sample_sentences(generator, 30, LENGTH, rng, temperature=temperature)
    assert torch.equal(read_tokens(made["samples"] / "sentences.npy"), expected)
    lines = (made["samples"] / "sentences.txt").read_text().splitlines()
    assert lines == [" ".join(map(str, row)) for row in expected.tolist()]


def test_real_sentences_of_an_oracle_are_fresh_ones_without_temperature(tmp_path, oracle_world):
    made = run_stage(sample_sentences, tmp_path, drawing(), data=oracle_world)
    oracle = read_oracle(oracle_world, "cpu")
    assert oracle is not None
    rng = stream_of(1, "sample_sentences", "samples")
    expected = decoding.sample_sentences(oracle, 30, LENGTH, rng)
    assert torch.equal(read_tokens(made["samples"] / "sentences.npy"), expected)


def test_real_sentences_of_a_text_are_held_out_ones(tmp_path, text_world):
    made = run_stage(sample_sentences, tmp_path, drawing(), data=text_world)
    found = read_tokens(made["samples"] / "sentences.npy")
    data = read_dataset(text_world)
    assert len(rows(found)) == len(found) == 30
    assert rows(found) <= rows(data.validation)
    assert rows(found) != rows(data.validation[:30])  # a choice at random
    lines = (made["samples"] / "sentences.txt").read_text().splitlines()
    assert lines == [VOCABULARY.decode(row) for row in found.tolist()]


# --- the accuracy in the learning curves ----------------------------------------------------------


class KnownScores:
    """Scores that were written down: first those of real sentences, then those of fresh ones."""

    def __init__(self, *scores: list[float]) -> None:
        self.left = [torch.tensor(each) for each in scores]

    def score(self, tokens: Tensor) -> Tensor:
        return self.left.pop(0)


def test_a_fresh_sentence_that_passes_for_real_counts_as_an_error(monkeypatch):
    known = KnownScores([0.9, 0.6, 0.2, 0.5], [0.1, 0.5, 0.7, 0.99])
    reward = object.__new__(DiscriminatorReward)
    monkeypatch.setattr(
        DiscriminatorReward, "probability", lambda self, tokens: known.score(tokens)
    )
    validation = torch.zeros(4, LENGTH, dtype=torch.int64)
    monitor = DiscriminatorMonitor(reward, make_generator(ALPHABET), validation, 4, stream())
    assert monitor() == pytest.approx(
        {"accuracy_heldout": 0.5, "score_heldout": 0.55, "score_fresh": 0.5725}
    )


# --- tokens that stay in their file ---------------------------------------------------------------


def test_a_corpus_of_32_bits_is_of_64_to_every_network(tmp_path, text_world, monkeypatch):
    seen: dict[str, set[torch.dtype]] = {"encode": set(), "probability": set()}

    def recorded(kind: type, name: str) -> None:
        plain = getattr(kind, name)

        def method(self, tokens, *more):
            seen[name].add(tokens.dtype)
            return plain(self, tokens, *more)

        monkeypatch.setattr(kind, name, method)

    recorded(LSTMGenerator, "encode")
    recorded(DiscriminatorReward, "probability")
    assert read_dataset(text_world).train.dtype == torch.int32
    start = write_pretrained(tmp_path / "pretrained", VOCABULARY.alphabet, VOCABULARY)
    run_stage(pretrain_generator, tmp_path / "likelihood", pretraining(), data=text_world)
    inputs = {"data": text_world, "generator": start}
    settings = discriminator_settings("best")
    run_stage(pretrain_discriminator, tmp_path / "adversary", settings, **inputs)
    scores_of(tmp_path / "scores", text_world, start)
    assert seen == {"encode": {torch.int64}, "probability": {torch.int64}}
