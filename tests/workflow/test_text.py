"""A text file of one's own through the same stages, and sentences from what was trained."""

import json
import random

import pytest
import yaml

from clones import flip, publish
from projects import copy_project

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


COMMAND = ("snakemake", "--cores", "2", "--configfile", "config/tiny_text.yaml")


@pytest.fixture(scope="module")
def trained(sources, tmp_path_factory):
    """The project after a run on a text. Not to be changed."""
    project = copy_project(sources, tmp_path_factory.mktemp("trained"))
    write_text(project.folder, some_lines(600))
    project.run(*COMMAND)
    return project


def test_a_text_trains_and_yields_sentences(trained):
    lines = some_lines(600)
    results = trained.folder / "results/tiny_text"
    samples = (results / "samples/seed-1/seqgan/sentences.txt").read_text().splitlines()
    assert len(samples) == 40
    assert all("<start>" not in line and "<unknown>" not in line for line in samples)
    scores = json.loads((results / "metrics/seed-1/evaluate-seqgan.json").read_text())
    names = {score["name"] for score in scores}
    assert {"nll_test", "entropy", "bleu_2", "self_bleu_2"} <= names
    assert "nll_oracle" not in names
    real = (results / "samples/seed-1/real/sentences.txt").read_text().splitlines()
    assert set(real) <= {line.lower() for line in lines}
    assert "Nothing to be done" in trained.run(*COMMAND).stderr

    checkpoint = results / "checkpoints/seed-1/train_adversarially-seqgan"
    by_hand = ("--checkpoint", str(checkpoint), "--num", "5", "--seed", "3")
    first, second = (
        trained.stage("sample_sentences", *by_hand),
        trained.stage("sample_sentences", *by_hand),
    )
    assert first.returncode == 0, first.stderr
    assert len(first.stdout.splitlines()) == 5
    assert first.stdout == second.stdout
    as_json = trained.stage("sample_sentences", *by_hand, "--format", "jsonl").stdout
    assert [json.loads(line)["text"] for line in as_json.splitlines()] == first.stdout.splitlines()


def test_a_text_is_saved_with_what_was_trained_on_it(trained, tmp_path):
    one = publish(trained, tmp_path / "people")
    text = "data/own text.txt"
    one.results("snapshot", "tiny_text")
    one.commit("results")
    assert text not in one.git("ls-files").splitlines()
    other = one.clone(tmp_path / "B")
    said = other.results("restore", "tiny_text")
    assert "16 of 16 jobs are whole" in said
    assert other.folder.joinpath(text).read_bytes() == one.folder.joinpath(text).read_bytes()
    assert "Nothing to be done" in other.run(*COMMAND).stderr
    assert other.git("status", "--porcelain") == ""

    # A text that cannot be brought whole costs nothing: receipts stay, damaged bytes go nowhere.
    for path in (other.folder / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and path.read_bytes() == one.folder.joinpath(text).read_bytes():
            flip(path)
    other.folder.joinpath(text).unlink()
    said = other.results("restore", "tiny_text", "--offline", status=1)
    assert f"{text}, from which this experiment is made, is not here" in said
    assert other.git("status", "--porcelain") == ""
    assert not other.folder.joinpath(text).exists()
    assert "16 of 16 jobs are whole" in other.results("restore", "tiny_text")
    assert other.folder.joinpath(text).read_bytes() == one.folder.joinpath(text).read_bytes()

    # Another text of the same name is neither overwritten nor believed.
    other.folder.joinpath(text).write_text("something else\n" * 20)
    assert "stale: prepare_corpus: data/own text.txt has changed" in other.results(
        "restore", "tiny_text"
    )
    assert other.folder.joinpath(text).read_text().startswith("something else")

    # Pinned with its origin: a snapshot keeps that.
    elsewhere = one.folder.joinpath(text).rename(tmp_path / "elsewhere.txt")
    one.dvc("import-url", "--force", str(elsewhere), text)
    one.commit("pinned")
    assert "nothing has changed" in one.results("snapshot", "tiny_text")
    assert elsewhere.name in one.folder.joinpath(f"{text}.dvc").read_text()
    third = one.clone(tmp_path / "C")
    assert "16 of 16 jobs are whole" in third.results("restore", "tiny_text")
    assert "Nothing to be done" in third.run(*COMMAND).stderr


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
    done = fresh.run(*COMMAND, check=False)
    assert done.returncode != 0
    lines = [line for line in done.stderr.splitlines() if message in line]
    assert lines, done.stderr
    assert lines[0].startswith("prepare_corpus: error: data/own text.txt")
    assert "Traceback" not in done.stdout + done.stderr
