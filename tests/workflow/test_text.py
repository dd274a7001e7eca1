"""A text file of one's own through the same stages, and sentences from what was trained."""

import json
import random

import pytest
import yaml

pytestmark = pytest.mark.workflow

CONFIG = {
    "run": ["tiny_text"],
    "experiments": {
        "tiny_text": {
            "seeds": [1],
            "corpus": {
                "kind": "text",
                "source": {"kind": "file", "path": "data/own text.txt"},
                "max_length": 8,
            },
            "generator": {"embedding_dim": 8, "hidden_dim": 8},
            "discriminator": {"embedding_dim": 8, "widths": [1, 2], "num_filters": [8, 8]},
            "generator_pretraining": {"epochs": 2, "monitoring": {"num_sentences": 32}},
            "discriminator_pretraining": {"rounds": 1, "epochs": 1, "num_sentences": 32},
            "methods": {
                "mle": {"kind": "likelihood"},
                "seqgan": {
                    "kind": "policy_gradient",
                    "rounds": 2,
                    "batch_size": 8,
                    "action_value": {"kind": "rollout", "num_rollouts": 2},
                    "reward": {
                        "kind": "discriminator",
                        "steps": 1,
                        "epochs": 1,
                        "num_sentences": 32,
                    },
                    "monitoring": {"num_sentences": 32},
                },
            },
            "sampling": {"num_sentences": 40},
        }
    },
}


def write_text(folder, lines):
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data/own text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "config/tiny_text.yaml").write_text(yaml.safe_dump(CONFIG))


def some_lines(count):
    rng = random.Random(1)
    nouns, verbs = (
        ("Der Fuß", "die Katze", "la niña", "кот", "μήλο"),
        ("runs", "sieht", "is", "ест"),
    )
    return [
        f"{rng.choice(nouns)} {rng.choice(verbs)}, {rng.choice(nouns)} {rng.choice(verbs)}."
        for _ in range(count)
    ]


def test_a_text_trains_and_yields_sentences(fresh):
    lines = some_lines(600)
    write_text(fresh.folder, lines)
    command = ("snakemake", "--cores", "2", "--configfile", "config/tiny_text.yaml")
    fresh.run(*command)
    results = fresh.folder / "results/tiny_text"
    samples = (results / "samples/seed-1/seqgan/sentences.txt").read_text().splitlines()
    assert len(samples) == 40
    assert all("<start>" not in line and "<unknown>" not in line for line in samples)
    scores = json.loads((results / "metrics/seed-1/evaluate-seqgan.json").read_text())
    names = {score["name"] for score in scores}
    assert {"nll_test", "entropy", "bleu_2", "self_bleu_2"} <= names
    assert "nll_oracle" not in names
    real = (results / "samples/seed-1/real/sentences.txt").read_text().splitlines()
    assert set(real) <= {line.lower() for line in lines}
    assert "Nothing to be done" in fresh.run(*command).stderr

    checkpoint = results / "checkpoints/seed-1/train_adversarially-seqgan"
    by_hand = ("--checkpoint", str(checkpoint), "--num", "5", "--seed", "3")
    first, second = (
        fresh.stage("sample_sentences", *by_hand),
        fresh.stage("sample_sentences", *by_hand),
    )
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 5
    assert first.stdout == second.stdout
    as_json = fresh.stage("sample_sentences", *by_hand, "--format", "jsonl").stdout
    assert [json.loads(line)["text"] for line in as_json.splitlines()] == first.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--checkpoint", "nowhere"), "--checkpoint nowhere has no model.json"),
        (("--checkpoint", "nowhere", "--num", "0"), "--num must be at least 1, but is 0"),
        (("--checkpoint", ".", "--temperature", "0"), "--temperature must be above 0"),
    ],
)
def test_bad_requests_for_samples_are_one_line(fresh, arguments, message):
    done = fresh.stage("sample_sentences", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"caf\xe9 is not UTF-8\n", "line 1 is not UTF-8"),
        (b"one line only here\n", "leaves"),
        (b"", "leaves"),
        (b"x" * (2**20 + 10), "longer than a megabyte"),
    ],
)
def test_bad_text_is_one_clear_line(fresh, content, message):
    write_text(fresh.folder, [])
    (fresh.folder / "data/own text.txt").write_bytes(content)
    command = ("snakemake", "--cores", "1", "--configfile", "config/tiny_text.yaml")
    done = fresh.run(*command, check=False)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if message in line]
    assert lines, done.stderr
    assert lines[0].startswith("prepare_corpus: error: data/own text.txt")
    assert "Traceback" not in done.stdout + done.stderr
