"""A tiny dataset of each kind, checkpoints to start from, and a stage run inside this process."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

import evaluate
import sample_sentences
from seqgan.assembly import build_generator, save_generator
from seqgan.corpus.dataset import Dataset, write_dataset
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import Vocabulary
from seqgan.decoding import sample_sentences as draw
from seqgan.failures import Stopped
from seqgan.generators import Generator
from seqgan.stage import Context
from seqgan.tokens import Alphabet

LENGTH = 6
ALPHABET = Alphabet(12)
VOCABULARY = Vocabulary(tuple("abcdefghi"), WordTokenizer(lowercase=True))
GENERATOR = {"kind": "lstm", "embedding_dim": 6, "hidden_dim": 6, "num_layers": 1, "std": 0.3}
DISCRIMINATOR = {
    "kind": "cnn",
    "embedding_dim": 4,
    "widths": [1, 2],
    "num_filters": [4, 4],
    "dropout": 0.25,
    "l2": 0.2,
}


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network(alphabet: Alphabet, seed: int, std: float = 1.0) -> Generator:
    return build_generator({**GENERATOR, "std": std}, alphabet, LENGTH, stream(seed))


def write_generator(
    folder: Path, generator: Generator, vocabulary: Vocabulary | None = None
) -> None:
    save_generator(folder, generator, GENERATOR, LENGTH, vocabulary)


def write_pretrained(
    folder: Path, alphabet: Alphabet, vocabulary: Vocabulary | None = None
) -> Path:
    """Write two generators that have nothing in common as the best and the last one."""
    for seed, name in enumerate(("best", "last")):
        write_generator(folder / name, network(alphabet, 50 + seed), vocabulary)
    return folder


def write_oracle_world(folder: Path) -> Path:
    """Write 200 + 60 + 80 sentences of an oracle, and the oracle."""
    oracle = network(ALPHABET, 1)
    splits = [draw(oracle, n, LENGTH, stream(n)) for n in (200, 60, 80)]
    write_dataset(folder, Dataset(*splits, ALPHABET), {"kind": "oracle"})
    write_generator(folder / "oracle", oracle)
    return folder


def write_text_world(folder: Path) -> Path:
    """Write sentences of words, none of them twice, so that each tells which set it is from."""
    made = draw(network(VOCABULARY.alphabet, 2), 1500, LENGTH, stream(3))
    distinct = made.unique(dim=0)
    distinct = distinct[torch.randperm(len(distinct), generator=stream(4))]
    assert len(distinct) > 340
    splits = distinct[:340].split([200, 60, 80])
    write_dataset(folder, Dataset(*splits, VOCABULARY.alphabet, VOCABULARY), {"kind": "text"})
    return folder


EMBEDDING = {"encoder": "automatic", "num_sentences": 50, "neighbours": 3}
EVALUATION = {
    "bleu_orders": [2, 3],
    "capped_references": None,
    "num_train": 1000,
    "language_model_order": 3,
    "validity": "none",
    "embedding": EMBEDDING,
}


class InterruptedContext(Context):
    """A process that is asked to stop during a step."""

    stop_after: int | None = None

    def follow(
        self, steps: Iterator[tuple[int, dict[str, Any]]], **options: Any
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        for step, metrics in super().follow(steps, **options):
            self.stopping = step == self.stop_after
            yield step, metrics


def run_stage(
    module: ModuleType,
    folder: Path,
    settings: dict[str, Any],
    *,
    seed: int | None = 1,
    stop_after: int | None = None,
    **inputs: Path,
) -> dict[str, Path]:
    """Run a stage's ``run`` on paths and return where its outputs are."""
    settings = {"precision": "float32"} | settings
    places = {name: folder / name for name in module.STAGE.outputs}
    arguments = argparse.Namespace(
        seed=seed,
        device="cpu",
        threads=1,
        work=str(folder / "work"),
        spec=None,
        receipt=str(folder / "receipt.json"),
        **{name: [str(inputs[name])] if name in inputs else [] for name in module.STAGE.inputs},
        **{name: str(place) for name, place in places.items()},
    )
    context = InterruptedContext(module.STAGE.name, arguments, {"settings": settings}, None)
    context.key, context.stop_after = (settings, seed), stop_after
    if stop_after is not None:
        with pytest.raises(Stopped):
            module.run(context)
        return {}
    module.run(context)
    for name, place in places.items():
        context.output(name).rename(place)
    for action in context._at_end:
        action()
    return places


def scores_of(
    folder: Path,
    data: Path,
    generator: Path | None,
    *,
    count: int = 30,
    encoder: Path | None = None,
    seed: int = 1,
    **changes: Any,
) -> dict[str, dict[str, Any]]:
    """Sample, evaluate, and return each score by its name."""
    inputs = {"data": data} if generator is None else {"data": data, "generator": generator}
    settings: dict[str, Any] = {
        "weights": None if generator is None else "last",
        "sampling": {"num_sentences": count, "temperature": 0.7},
    }
    sampled = run_stage(sample_sentences, folder / "sampling", settings, seed=seed, **inputs)
    inputs["samples"] = sampled["samples"]
    settings["evaluation"] = EVALUATION | changes
    if encoder is not None:
        inputs["encoder"] = encoder
    made = run_stage(evaluate, folder / "scoring", settings, seed=seed, **inputs)
    return {each["name"]: each for each in json.loads(made["scores"].read_text())}


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder, or the file itself."""
    files = [folder] if folder.is_file() else [p for p in folder.rglob("*") if p.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows(tokens: Tensor) -> set[tuple[int, ...]]:
    return {tuple(row) for row in tokens.tolist()}
