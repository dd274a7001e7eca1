"""What evaluate, sweep_sampling, encode_references and summarise make of tiny worlds."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

import encode_references
import summarise
import sweep_sampling
from seqgan import decoding
from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.dataset import evenly, read_dataset, read_tokens
from seqgan.encoders.latent import load_in_domain_encoder
from seqgan.errors import UserError
from seqgan.evaluation import digests
from seqgan.metrics.bleu import bleu, self_bleu
from seqgan.metrics.diversity import copying, lengths, ms_jaccard
from seqgan.metrics.language_model import KneserNey, lm_score, reverse_lm_score
from seqgan.metrics.likelihood import js_divergence
from seqgan.metrics.manifold import manifold_scores
from seqgan.metrics.matches import ReferenceIndex, match
from seqgan.metrics.ngrams import Ngrams, Sentences
from seqgan.monitoring import nll
from seqgan.randomness import RandomStreams
from seqgan.report.glossary import entry
from seqgan.sentences import read_parts
from seqgan.statistics import independent_sets
from seqgan.summary import family
from seqgan.tokens import is_real
from stage_worlds import (
    EMBEDDING,
    EVALUATION,
    LENGTH,
    VOCABULARY,
    run_stage,
    scores_of,
    write_oracle_world,
    write_pretrained,
    write_text_world,
)

SWEEP = {"temperatures": [0.5, 1.0], "top_k": [2], "top_p": [], "num_sentences": 40}


@pytest.fixture(scope="module")
def oracle_world(tmp_path_factory):
    return write_oracle_world(tmp_path_factory.mktemp("oracle"))


@pytest.fixture(scope="module")
def text_world(tmp_path_factory):
    return write_text_world(tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory, oracle_world):
    alphabet = read_dataset(oracle_world).alphabet
    return write_pretrained(tmp_path_factory.mktemp("pretrained"), alphabet)


def per_sentence(generator: Any, tokens: Tensor, temperature: float = 1.0) -> np.ndarray:
    return decoding.score(generator, tokens, temperature).double().sum(dim=1).numpy()


def words(tokens: Tensor, end: int | None) -> Sentences:
    return Sentences.from_rows([[t for t in row if t not in (-1, end)] for row in tokens.tolist()])


# --- evaluate -------------------------------------------------------------------------------------


def test_the_likelihoods_are_those_of_the_distribution_that_was_sampled(
    tmp_path, oracle_world, pretrained
):
    found = scores_of(tmp_path, oracle_world, pretrained)
    samples = read_tokens(tmp_path / "sampling/samples/sentences.npy")
    test, oracle = read_dataset(oracle_world).test, read_oracle(oracle_world, "cpu")
    generator, _ = load_generator(pretrained / "last", "cpu")
    own, on_test = per_sentence(generator, samples, 0.7), per_sentence(generator, test, 0.7)
    by_oracle, oracle_on_test = per_sentence(oracle, samples), per_sentence(oracle, test)
    expected = {
        "nll_test": -on_test.sum() / (80 * LENGTH),
        "nll_test_sentence": -on_test.mean(),
        "entropy": -own.sum() / (30 * LENGTH),
        "nll_oracle": -by_oracle.sum() / (30 * LENGTH),
        "kl_generator_oracle": (own - by_oracle).mean(),
        "kl_oracle_generator": (oracle_on_test - on_test).mean(),
        "js_oracle": js_divergence(own, by_oracle, on_test, oracle_on_test, "").value,
    }
    for name, value in expected.items():
        assert found[name]["value"] == pytest.approx(value), name
    assert expected["nll_oracle"] != pytest.approx(
        -per_sentence(oracle, samples, 0.7).mean() / LENGTH
    )


@pytest.mark.parametrize("world", ["oracle_world", "text_world"])
def test_every_set_is_compared_with_the_one_that_its_score_names(
    tmp_path, request, pretrained, world
):
    folder = request.getfixturevalue(world)
    found = scores_of(tmp_path, folder, None, capped_references=7)
    data = read_dataset(folder)
    end = data.alphabet.end
    samples = words(read_tokens(tmp_path / "sampling/samples/sentences.npy"), end)
    test, orders = words(data.test, end), [2, 3]
    ahead = match(samples, ReferenceIndex(test, 3))
    back = match(test, ReferenceIndex(samples, 3))
    seven = match(samples, ReferenceIndex(words(evenly(data.test, 7), end), 3))
    expected = {
        **{each.name: each.value for each in bleu(ahead, orders)},
        **{each.name: each.value for each in bleu(back, orders, name="reverse_bleu", of="test")},
        **{each.name: each.value for each in self_bleu(Ngrams(samples, 3), orders)},
        **{f"{each.name}_at_7": each.value for each in bleu(seven, orders)},
    }
    bleus = {
        name: each["value"]
        for name, each in found.items()
        if "bleu" in name and "corpus" not in name
    }
    assert bleus == expected
    train = {tuple(row) for row in data.train.tolist()}
    sampled = read_tokens(tmp_path / "sampling/samples/sentences.npy").tolist()
    assert found["copy_rate"]["value"] == np.mean([tuple(row) in train for row in sampled])
    assert "tokenizer:" in found["distinct_2"]["signature"]


@pytest.mark.parametrize(("world", "symbols"), [("oracle_world", 12), ("text_world", 9)])
def test_models_learn_from_the_set_that_their_score_names(tmp_path, request, world, symbols):
    """Twelve ids of the oracle; nine words, and the end as a token of its own."""
    folder = request.getfixturevalue(world)
    found = scores_of(tmp_path, folder, None, num_train=50)
    data = read_dataset(folder)
    end = data.alphabet.end
    samples = words(read_tokens(tmp_path / "sampling/samples/sentences.npy"), end)
    train, test = words(evenly(data.train, 50), end), words(data.test, end)
    known = {"vocab_size": symbols, "end": end is not None}
    ahead = lm_score(KneserNey(train, 3, **known), samples)
    back = reverse_lm_score(KneserNey(samples, 3, **known), test)
    assert found["lm_score"]["value"] == pytest.approx(ahead.value, rel=1e-12)
    assert found["reverse_lm_score"]["value"] == pytest.approx(back.value, rel=1e-12)
    (_, distance) = lengths(samples, test)
    assert found["length_distance"]["value"] == distance.value
    assert (distance.value > 0) == (world == "text_world")
    novelty = {each.name: each.value for each in copying(samples, train, [2, 3])}
    for name, value in novelty.items():
        assert found[name]["value"] == value, name
    jaccard = ms_jaccard(Ngrams(samples, 3), Ngrams(test, 3), [3])[0].value
    assert found["ms_jaccard_3"]["value"] == jaccard


def test_scores_of_a_set_have_errors_from_its_parts(tmp_path, oracle_world, pretrained):
    found = scores_of(tmp_path, oracle_world, pretrained)
    samples = words(read_tokens(tmp_path / "sampling/samples/sentences.npy"), None)
    parts = [self_bleu(Ngrams(some, 3), [3])[0].value for some in samples.parts(5)]
    assert found["self_bleu_3"]["standard_error"] == pytest.approx(independent_sets(parts))
    assert found["unique"]["standard_error"] is not None
    assert found["length_distance"]["standard_error"] == 0  # all are of one length
    few = scores_of(tmp_path / "few", oracle_world, pretrained, count=9)
    assert few["self_bleu_3"]["standard_error"] is None


def test_the_oracle_is_the_generator_of_its_own_sentences(tmp_path, oracle_world):
    found = scores_of(tmp_path, oracle_world, None)
    samples = read_tokens(tmp_path / "sampling/samples/sentences.npy")
    oracle = read_oracle(oracle_world, "cpu")
    assert oracle is not None
    entropy = nll(oracle, samples)
    assert found["entropy"]["value"] == found["nll_oracle"]["value"] == pytest.approx(entropy)
    divergences = [name for name in found if name.startswith(("js", "kl"))]
    assert len(divergences) == 3
    for name in divergences:
        assert found[name]["value"] == pytest.approx(0, abs=1e-12)


def test_a_text_without_an_oracle_has_no_scores_of_one(tmp_path, text_world):
    real = scores_of(tmp_path / "real", text_world, None)
    assert not any("oracle" in name or name.startswith(("nll", "bits")) for name in real)
    trained = write_pretrained(tmp_path / "trained", VOCABULARY.alphabet, VOCABULARY)
    found = scores_of(tmp_path / "generated", text_world, trained)
    assert found.keys() - real.keys() == {
        "nll_test", "nll_test_sentence", "entropy", "bits_per_character",
    }  # fmt: skip
    test = read_dataset(text_world).test
    generator, _ = load_generator(trained / "last", "cpu")
    nats = -per_sentence(generator, test, 0.7).sum()
    assert found["nll_test"]["value"] == pytest.approx(nats / is_real(test).sum().item())
    characters = sum(len(VOCABULARY.decode(row)) + 1 for row in test.tolist())
    bits = nats / np.log(2) / characters
    assert found["bits_per_character"]["value"] == pytest.approx(bits)


def test_sets_are_as_large_as_the_real_sentences_that_there_are(tmp_path, text_world):
    """60 validation sentences: scores of sets grow with their size."""
    trained = write_pretrained(tmp_path / "trained", VOCABULARY.alphabet, VOCABULARY)
    real = scores_of(tmp_path / "real", text_world, None, count=100)
    found = scores_of(tmp_path / "generated", text_world, trained, count=100)
    assert "sentences:60|" in real["self_bleu_3"]["signature"]
    assert found["self_bleu_3"]["signature"] == real["self_bleu_3"]["signature"]
    assert "samples:100|" in found["entropy"]["signature"]


def test_every_mean_can_be_taken_again_from_its_sentences(tmp_path, oracle_world, pretrained):
    found = scores_of(tmp_path, oracle_world, pretrained)
    per = {name: (each["of"], each["per"]) for name, each in found.items() if each["of"]}
    parts = read_parts(tmp_path / "scoring/sentences", per)
    assert set(parts) == set(per) >= {"nll_test", "nll_oracle", "bleu_3", "reverse_bleu_3"}
    for name, part in parts.items():
        weights = np.ones(len(part.values)) if part.weights is None else part.weights
        assert part.values.sum() / weights.sum() == pytest.approx(found[name]["value"], rel=1e-12)
    assert "self_bleu_3" not in per


def test_every_score_has_a_meaning_and_a_family(tmp_path, oracle_world, pretrained):
    encoder = encoder_of(tmp_path / "encoding", oracle_world)
    found = scores_of(
        tmp_path, oracle_world, pretrained, count=80, encoder=encoder, capped_references=5
    )
    for name in found:
        assert entry(name).meaning, name
    families = {family(name) for name in found}
    assert families == {
        "likelihood", "overlap", "diversity", "language model", "embeddings",
    }  # fmt: skip
    embedded = {name for name in found if family(name) == "embeddings"}
    assert all("encoder:" in found[name]["signature"] for name in embedded)


# --- embeddings -----------------------------------------------------------------------------------


def encoder_of(folder: Path, data: Path, encoder: str = "automatic") -> Path:
    settings = {"embedding": EMBEDDING | {"encoder": encoder}}
    return run_stage(encode_references, folder, settings, seed=None, data=data)["encoder"]


def test_ids_are_embedded_by_an_encoder_of_their_own(tmp_path, oracle_world, pretrained):
    encoder = encoder_of(tmp_path / "encoding", oracle_world)
    choice = json.loads((encoder / "encoder.json").read_text())
    assert choice["kind"] == "in_domain"
    assert "ids, not text" in choice["reason"]
    found = scores_of(tmp_path, oracle_world, pretrained, count=60, encoder=encoder)
    for name in ("frechet", "kernel_distance", "precision", "recall", "coverage", "mauve"):
        assert found[name]["signature"].startswith("samples:50|references:50|"), name
        assert "encoder:in-domain-lsa" in found[name]["signature"]
    assert "frechet_infinity" not in found  # it needs 128 sentences
    data, own = read_dataset(oracle_world), load_in_domain_encoder(encoder)
    samples = read_tokens(tmp_path / "sampling/samples/sentences.npy")[:50]
    x, y = (own.encode(words(rows, None)) for rows in (samples, evenly(data.test, 50)))
    for score in manifold_scores(x, y, k=3):
        assert found[score.name]["value"] == score.value
    assert "precision" not in scores_of(tmp_path / "without", oracle_world, pretrained)


def test_a_corpus_that_is_too_small_is_not_embedded(tmp_path, oracle_world, monkeypatch):
    monkeypatch.setattr("seqgan.resemblance.FITTED_TO", 1)
    encoder = encoder_of(tmp_path / "encoding", oracle_world, "in_domain")
    choice = json.loads((encoder / "encoder.json").read_text())
    assert choice["kind"] == "none"
    assert "needs two sentences" in choice["reason"]
    assert "precision" not in scores_of(tmp_path, oracle_world, None, encoder=encoder)


def test_another_language_is_embedded_by_its_own_words(tmp_path, text_world):
    encoder = encoder_of(tmp_path / "encoding", text_world, "in_domain")
    choice = json.loads((encoder / "encoder.json").read_text())
    assert choice == {
        "kind": "in_domain",
        "reason": "latent semantic analysis, as `encoder: in_domain` asks for",
    }


# --- sweep_sampling -------------------------------------------------------------------------------


def swept(
    folder: Path, data: Path, generator: Path | None, *, seed: int = 1, **changes: Any
) -> dict[str, Any]:
    inputs = {"data": data} if generator is None else {"data": data, "generator": generator}
    settings = {
        "weights": None if generator is None else "best",
        "sweep": SWEEP | changes,
        "evaluation": EVALUATION,
    }
    made = run_stage(sweep_sampling, folder, settings, seed=seed, **inputs)
    return json.loads(made["points"].read_text())


def test_every_point_is_sampled_and_scored_at_its_own_setting(tmp_path, oracle_world, pretrained):
    found = swept(tmp_path, oracle_world, pretrained)
    settings = [point["sampling"] for point in found["points"]]
    assert settings == [{"temperature": 0.5}, {"temperature": 1.0}, {"top_k": 2}]
    rng = RandomStreams(1, "sweep_sampling", names=("samples", "uniform"))["samples"]
    generator, _ = load_generator(pretrained / "best", "cpu")
    oracle, data = read_oracle(oracle_world, "cpu"), read_dataset(oracle_world)
    test = evenly(data.test, 40)
    for how, point in zip(settings, found["points"], strict=True):
        samples = decoding.sample_sentences(generator, 40, LENGTH, rng, **how)
        scores = {each["name"]: each["value"] for each in point["scores"]}
        by_oracle = -per_sentence(oracle, samples).sum() / (40 * LENGTH)
        assert scores["nll_oracle"] == pytest.approx(by_oracle)
        if "top_k" in how:
            assert "nll_test" not in scores
        else:
            on_test = per_sentence(generator, test, how["temperature"])
            assert scores["nll_test"] == pytest.approx(-on_test.sum() / (40 * LENGTH))
        ngrams = Ngrams(words(samples, None), 3)
        assert scores["self_bleu_3"] == self_bleu(ngrams, [3])[0].value
        assert {"bleu_3", "lm_score", "reverse_lm_score", "unique"} <= scores.keys()


def test_the_corner_is_what_knows_nothing(tmp_path, oracle_world, pretrained):
    corner = swept(tmp_path, oracle_world, pretrained)["corner"]
    assert corner["nll_test"] == corner["lm_score"] == pytest.approx(np.log(12))
    oracle = read_oracle(oracle_world, "cpu")
    assert oracle is not None
    rng = torch.Generator().manual_seed(0)
    uniform = torch.randint(12, (4000, LENGTH), generator=rng)
    assert corner["nll_oracle"] == pytest.approx(nll(oracle, uniform), rel=0.15)


def test_all_seeds_and_methods_share_the_corner(tmp_path, oracle_world, pretrained):
    first = swept(tmp_path / "first", oracle_world, pretrained)["corner"]
    second = swept(tmp_path / "second", oracle_world, None, seed=9)["corner"]
    assert first == second


def test_a_score_that_is_not_finite_names_its_setting(tmp_path, oracle_world, pretrained):
    impossible = "seqgan.evaluation._log_prob"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(impossible, lambda model, tokens, _: np.full(len(tokens), -np.inf))
        with pytest.raises(UserError, match=r"^nll_test is inf at temperature=0.5: some sentence"):
            swept(tmp_path, oracle_world, pretrained)


def test_signatures_name_the_sets_and_the_oracle(tmp_path, oracle_world, text_world, pretrained):
    found = scores_of(tmp_path / "one", oracle_world, pretrained)
    known = digests(oracle_world)
    assert set(known) == {"test", "train", "oracle"}
    for name, part in (
        ("nll_test", f"reference_set:{known['test']}"),
        ("bleu_2", f"reference_set:{known['test']}"),
        ("lm_score", f"train_set:{known['train']}"),
        ("copy_rate", f"train_set:{known['train']}"),
        ("nll_oracle", f"oracle:{known['oracle']}"),
        ("js_oracle", f"oracle:{known['oracle']}"),
    ):
        assert part in found[name]["signature"], name
    assert set(digests(text_world)) == {"test", "train"}


def test_a_cap_above_the_test_set_is_named_by_what_there_was(tmp_path, oracle_world):
    found = scores_of(tmp_path, oracle_world, None, capped_references=500)
    assert found["bleu_2_at_80"]["value"] == found["bleu_2"]["value"]
    assert "bleu_2_at_500" not in found


@pytest.mark.parametrize("world", ["oracle_world", "text_world"])
def test_real_sentences_are_one_point(tmp_path, request, world):
    folder = request.getfixturevalue(world)
    (point,) = swept(tmp_path, folder, None)["points"]
    assert point["sampling"] == {"temperature": 1.0}
    if world == "text_world":
        data = read_dataset(folder)
        samples = words(evenly(data.validation, 40), data.alphabet.end)
        scores = {each["name"]: each["value"] for each in point["scores"]}
        assert scores["self_bleu_3"] == self_bleu(Ngrams(samples, 3), [3])[0].value


def test_the_embedded_plane_is_swept_too(tmp_path, oracle_world, pretrained):
    encoder = encoder_of(tmp_path / "encoding", oracle_world)
    settings = {"weights": "best", "sweep": SWEEP, "evaluation": EVALUATION}
    inputs = {"data": oracle_world, "generator": pretrained, "encoder": encoder}
    made = run_stage(sweep_sampling, tmp_path, settings, **inputs)
    for point in json.loads(made["points"].read_text())["points"]:
        assert {"precision", "recall"} <= {each["name"] for each in point["scores"]}


# --- summarise ------------------------------------------------------------------------------------


def test_everything_comes_together(tmp_path, oracle_world, pretrained, monkeypatch):
    """Two seeds of the row of real sentences and of a method that says one sentence always."""
    paths: dict[str, list[Path]] = {"scores": [], "sentences": [], "points": []}
    for seed in (1, 2):
        for method, generator in (("real", None), ("mle", pretrained)):
            folder = tmp_path / f"{method}-{seed}"
            scores_of(folder, oracle_world, generator, count=200, seed=seed)
            swept(folder / "sweep", oracle_world, generator)
            places = {
                "scores": ("scoring/scores", f"evaluate-{method}.json"),
                "sentences": ("scoring/sentences", method),
                "points": ("sweep/points", f"sweep_sampling-{method}.json"),
            }
            for kind, (made, name) in places.items():
                place = tmp_path / f"seed-{seed}" / name
                place.parent.mkdir(exist_ok=True)
                (folder / made).rename(place)
                paths[kind].append(place)
    settings = {"methods": ["real", "mle"], "baseline": "mle", "seeds": [1, 2]}
    monkeypatch.setattr("seqgan.stage.Context.inputs", lambda context, name: paths.get(name, []))
    made = run_stage(summarise, tmp_path / "summary", settings, seed=None)
    table = pd.read_csv(made["table"]).set_index(["method", "metric"])
    row = table.loc["mle", "bleu_3"]
    values = [
        next(each["value"] for each in json.loads(path.read_text()) if each["name"] == "bleu_3")
        for path in paths["scores"]
        if "mle" in path.name
    ]
    assert row["mean"] == pytest.approx(np.mean(values), rel=1e-12)
    assert row["family"] == "overlap"
    for metric in ("bleu_3", "nll_oracle", "lm_score"):  # each has the interval of its own
        found = table.loc["real", metric]
        assert found["bootstrap_low"] < found["mean"] < found["bootstrap_high"], metric
    assert np.isnan(table.loc["mle", "self_bleu_3"]["bootstrap_low"])
    assert table.loc["mle", "self_bleu_3"]["sampling_error"] > 0
    real = table.loc["real", "bleu_3"]
    assert row["gap"] == pytest.approx(row["mean"] - real["mean"])
    assert ("mle", "hypervolume_likelihood") in table.index
    judgements = json.loads(made["judgements"].read_text())
    assert {plane["plane"] for plane in judgements["planes"]} == {
        "likelihood", "overlap", "language_model",
    }  # fmt: skip
    sweep = pd.read_csv(made["sweep"])
    assert set(sweep["setting"]) == {"temperature=0.5", "temperature=1", "top_k=2"}
    text = made["text"].read_text()
    for alarm in judgements["alarms"]:
        assert alarm["method"] == "mle"
        assert " ".join(f"Alarm: {alarm['text']}".split()) in " ".join(text.split())


def test_sentences_of_another_run_are_refused(tmp_path, oracle_world, pretrained):
    found = scores_of(tmp_path / "one", oracle_world, pretrained)
    scores_of(tmp_path / "other", oracle_world, pretrained, seed=2)
    folder = tmp_path / "seed-1/mle"
    folder.parent.mkdir()
    (tmp_path / "other/scoring/sentences").rename(folder)
    with pytest.raises(UserError, match=r"its sentences give a \w+ of .* but evaluate found"):
        summarise.bootstrapped({("mle", 1): list(found.values())}, [folder])


@pytest.mark.parametrize(
    ("known", "expected"), [([2, 3, 4, 5], 4), ([2, 3], 3), ([5, 6], 5), ([], None)]
)
def test_alarms_look_at_four_words_in_a_row_where_they_can(known, expected):
    scores: Any = {("mle", 1): [{"name": f"self_bleu_{order}"} for order in known]}
    assert summarise.order_of(scores) == expected
