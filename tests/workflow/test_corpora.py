"""The configurations of known corpora at their smoke size, on small texts made for it."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from paths import ROOT
from seqgan.corpus.grammars import generate

pytestmark = pytest.mark.workflow

HAN = "春江花月夜山水風雲天地人心日酒樓鳥秋雨雪松竹梅蘭菊溪石路橋舟客夢星河漢關塞鄉情"
NOTES = ("c", "d2", "e", "f/2", "g", "a", "b2", "A", "B", "z")
WORDS = ("we", "will", "build", "the", "union", "and", "our", "people", "with", "peace", "for")


def poems(rng: random.Random) -> Iterator[dict[str, str]]:
    for i in range(400):
        lines = ["".join(rng.choices(HAN, k=5)) for _ in range(4)]
        yield {"text": "{}，{}。{}，{}。".format(*lines), "group": f"poem {i}"}


def speeches(rng: random.Random) -> Iterator[dict[str, str]]:
    for i in range(400):
        text = " ".join(rng.choices(WORDS, k=rng.randint(6, 12)))
        yield {"text": f"{text}.", "group": f"speech {i // 10}"}


def music(rng: random.Random) -> Iterator[dict[str, str]]:
    for i in range(400):
        text = "|".join("".join(rng.choices(NOTES, k=8)) for _ in range(4))
        yield {"text": text, "group": f"tune {i // 3}"}


def dialogue(rng: random.Random) -> Iterator[dict[str, str]]:
    for i in range(400):
        prompt, text = (" ".join(rng.choices(WORDS, k=rng.randint(4, 8))) for _ in range(2))
        yield {"prompt": f"{prompt}?", "text": text, "group": f"talk {i // 5}"}


def sentiment(rng: random.Random) -> Iterator[dict[str, str]]:
    for i in range(400):
        label = ("positive", "negative")[i % 2]
        mood = {"positive": "fine", "negative": "bad"}[label]
        text = " ".join(rng.choices(WORDS, k=6))
        yield {"text": f"{text} {mood}", "label": label}


def code(rng: random.Random) -> Iterator[dict[str, str]]:
    for line in generate("arithmetic", 400, 13, rng.randrange(99)):
        yield {"text": f"x = {line}"}


TEXTS: dict[str, Callable[[random.Random], Iterator[dict[str, str]]]] = {
    "poems": poems, "speeches": speeches, "music": music, "dialogue": dialogue,
    "sentiment": sentiment, "code": code,
}  # fmt: skip
ROLES = ("prompt", "label", "group")


def small(name: str) -> dict[str, Any]:
    """Return the smoke experiment of a configuration, reading a file in place of its source."""
    config = yaml.safe_load((ROOT / f"config/{name}.yaml").read_text(encoding="utf-8"))
    experiment = config["experiments"][f"{name}_smoke"]
    first = next(TEXTS[name](random.Random(0)))
    columns = {role: role for role in ROLES if role in first}
    experiment["corpus"]["source"] = {"kind": "file", "path": f"data/{name}.jsonl", **columns}
    experiment["sweep"] = {"temperatures": []}
    return experiment


def test_every_known_corpus_has_a_configuration_that_trains_and_prints_sentences(fresh):
    (fresh.folder / "data").mkdir(exist_ok=True)
    for name, rows in TEXTS.items():
        text = "".join(json.dumps(row) + "\n" for row in rows(random.Random(1)))
        (fresh.folder / f"data/{name}.jsonl").write_text(text)
    settings = {"run": list(TEXTS), "experiments": {name: small(name) for name in TEXTS}}
    (fresh.folder / "config/all.yaml").write_text(yaml.safe_dump(settings))
    fresh.run(
        "snakemake", "--cores", "2", "--configfile", "config/all.yaml",
        "--until", "sample_sentences",
    )  # fmt: skip
    for name in TEXTS:
        results = fresh.folder / f"results/{name}"
        for method in ("real", "mle", "seqgan"):
            text = (results / f"samples/seed-1/{method}/sentences.txt").read_text()
            lines = text.removesuffix("\n").split("\n")  # bytes may make rarer ends of lines
            assert len(lines) >= 20, (name, method)
            conditional = name in ("dialogue", "sentiment")
            assert all(("\t" in line) == conditional for line in lines), (name, method)
        by_hand = ["--checkpoint", str(results / "checkpoints/seed-1/train_adversarially-seqgan")]
        by_hand += {"dialogue": ["--prompt", "we will"]}.get(name, [])
        done = fresh.stage("sample_sentences", *by_hand, "--num", "3")
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("\n") == 3
    checkpoint = str(fresh.folder / "results/music/checkpoints/seed-1/train_adversarially-seqgan")
    place = fresh.folder / "out/tunes.abc"
    arguments = ("--checkpoint", checkpoint, "--num", "2", "--output", str(place))
    done = fresh.stage("sample_sentences", *arguments)
    assert done.returncode == 0, done.stderr
    assert place.read_text().count("\nX:") == 2


def test_a_known_corpus_is_fetched_and_prepared_without_the_net(fresh):
    corpus = {"kind": "text", "source": {"kind": "formal-language", "num_sentences": 300}}
    corpus |= {"max_length": 12, "max_vocabulary": 50}
    experiment = {
        "seeds": [1],
        "corpus": corpus | {"source": corpus["source"] | {"max_length": 11}},
        "discriminator": {"widths": [1], "num_filters": [2]},
        "methods": {"mle": {"kind": "likelihood"}},
        "resources": {"offline": True, "downloads": "data/my downloads"},
    }
    settings = {"run": ["formal"], "experiments": {"formal": experiment}}
    place = fresh.folder / "config/formal.yaml"
    place.write_text(yaml.safe_dump(settings))
    receipt = "results/formal/receipts/prepare_corpus.json"
    command = ("snakemake", receipt, "--cores", "1", "--configfile", str(place))
    fresh.run(*command)
    source = fresh.folder / "results/formal/source"
    assert len((source / "text.jsonl").read_text().splitlines()) == 300
    assert (source / "LICENCE.txt").is_file()
    assert "Nothing to be done" in fresh.run(*command).stderr
    experiment["corpus"] = {"kind": "text", "source": {"kind": "esperanto-proverbs"}}
    place.write_text(yaml.safe_dump(settings))
    done = fresh.run(*command, check=False)
    assert done.returncode != 0
    (line,) = [each for each in done.stderr.splitlines() if "fetch_corpus: error: " in each][:1]
    assert "fortunes-eo_20020729b-1.1_all.deb (sha256 23e258836bd9" in line
    assert "--offline forbids to fetch it" in line
    assert not (fresh.folder / "data/my downloads").exists()


def test_every_configuration_of_a_corpus_has_a_smoke_size():
    known = {"config", "methods", "own_text", "paper", "recipe", "smoke", *TEXTS}
    assert {path.stem for path in (ROOT / "config").glob("*.yaml")} == known
