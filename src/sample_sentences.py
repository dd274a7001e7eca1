"""Sample sentences from a trained generator.

By hand, from a checkpoint alone:

  python src/sample_sentences.py --checkpoint results/…/last --num 20 --temperature 0.8

A generator that was trained with labels takes --label, one that answers prompts --prompt "…"; to
any other, --prompt is how its sentences begin.

Snakemake calls it with --spec to draw the set that a method is judged by.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TextIO, cast

import torch
from jaxtyping import Int
from torch import Tensor

from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.conditions import begin_with
from seqgan.corpus.dataset import read_dataset, read_words, write_tokens
from seqgan.decoding import sample_sentences as draw
from seqgan.errors import UserError
from seqgan.failures import guarded
from seqgan.printing import FORMATS, PlainLines, format_of
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.records import write_atomically
from seqgan.stage import Context, Stage
from seqgan.tokens import conditions, cycled

STAGE = Stage(
    "sample_sentences",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "generator": "checkpoint to sample from; without one, held-out real sentences are taken",
    },
    outputs={"samples": "folder with sentences.npy and sentences.txt"},
    seeded=True,
)
PRINTED_AT_ONCE = 256
COLDEST = 0.001
"""Lowest temperature: far below it, differences of logits leave the range of float32."""


def run(context: Context) -> None:
    """Draw the sentences that a method is judged by."""
    sampling = context.settings["sampling"]
    make_deterministic(context.threads)
    data = read_dataset(context.input("data"), context.device)
    streams = RandomStreams(
        context.seed, "sample_sentences", names=("samples",), device=context.device
    )
    rng, num_sentences = streams["samples"], sampling["num_sentences"]
    if folders := context.inputs("generator"):
        generator, _ = load_generator(folders[0] / context.settings["weights"], context.device)
        how = {"temperature": sampling["temperature"]}
        given = None
        if data.alphabet.separator is not None:
            # In the order in which held-out sentences are taken below: both answer the same.
            given = conditions(
                cycled(_shuffled(data.validation, rng), num_sentences), data.alphabet
            )
        tokens = draw(generator, num_sentences, data.length, rng, given=given, **how)
    elif (oracle := read_oracle(context.input("data"), context.device)) is not None:
        tokens = draw(oracle, num_sentences, data.length, rng)
    else:
        tokens = _shuffled(data.validation, rng)[:num_sentences]
    folder = context.output("samples")
    write_tokens(folder / "sentences.npy", tokens)
    lines = PlainLines(data.vocabulary)
    text = "".join(lines.sentence(row, 0) for row in tokens.tolist())
    write_atomically(folder / "sentences.txt", text.encode())


def _shuffled(
    tokens: Int[Tensor, "sentences time"], rng: torch.Generator
) -> Int[Tensor, "sentences time"]:
    return tokens[torch.randperm(len(tokens), generator=rng, device=rng.device)]


def command() -> None:
    """Print sentences from a checkpoint."""
    parser = argparse.ArgumentParser(
        prog="src/sample_sentences.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--checkpoint", type=Path, required=True, help="folder with model.json and weights")
    add("--num", type=int, default=10, help="sentences to print (default: 10)")
    add("--temperature", type=float, default=1.0, help="below 1 is safer, above 1 wilder")
    add("--top-k", type=int, help="draw from so many of the likeliest tokens alone")
    add("--top-p", type=float, help="draw from the fewest tokens of this probability alone")
    add("--prompt", help="what the sentences answer; or, without prompts in training, begin with")
    add("--label", help="class of the sentences; without it all classes in turn")
    add("--seed", type=int, default=0, help="the same seed prints the same sentences")
    add(
        "--format",
        choices=tuple(FORMATS),
        help="by default what --output ends in (.txt, .jsonl, .abc, .py), else text",
    )
    add("--output", type=Path, metavar="FILE", help="write to a file in place of the terminal")
    add("--spec", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.exit(guarded(lambda: _print_sentences(given), "sample_sentences"))


def _print_sentences(given: argparse.Namespace) -> None:
    _check(given)
    folder = given.checkpoint
    if not (folder / "model.json").is_file() and (folder / "last" / "model.json").is_file():
        folder = folder / "last"
    if not (folder / "model.json").is_file():
        raise UserError(
            f"--checkpoint {given.checkpoint} has no model.json; trained generators are in "
            "results/EXPERIMENT/checkpoints/seed-N/STAGE/last"
        )
    make_deterministic(torch.get_num_threads())
    generator, model = load_generator(folder, "cpu")
    vocabulary = read_words(folder, generator.alphabet)
    form = FORMATS[given.format or format_of(given.output.name if given.output else "")](vocabulary)
    conditions = begin_with(given.prompt, given.label, vocabulary, model["length"])
    rng = RandomStreams(given.seed, "sample_sentences", names=("by_hand",))["by_hand"]
    how = {name: getattr(given, name) for name in ("temperature", "top_k", "top_p")}
    with _place(given.output) as file:
        file.write(form.begin())
        for start in range(0, given.num, PRINTED_AT_ONCE):
            numbers = range(start, min(start + PRINTED_AT_ONCE, given.num))
            if conditions is not None:
                how["given"] = conditions[torch.tensor(numbers) % len(conditions)]
            rows = draw(generator, len(numbers), model["length"], rng, **how)
            for number, row in zip(numbers, rows.tolist(), strict=True):
                file.write(form.sentence(row, number + 1))
            file.flush()


def _check(given: argparse.Namespace) -> None:
    if given.num < 1:
        raise UserError(f"--num must be at least 1, but is {given.num}")
    if not COLDEST <= given.temperature < float("inf"):
        raise UserError(
            f"--temperature must be above 0, at least {COLDEST}, but is {given.temperature}"
        )
    if given.output is not None and given.output.is_dir():
        raise UserError(f"--output must be a file, but {given.output} is a folder")
    for name in ("prompt", "label"):
        try:
            (getattr(given, name) or "").encode()
        except UnicodeEncodeError:
            raise UserError(f"--{name} is not text in the encoding of this terminal") from None
    if given.top_k is not None and given.top_k < 1:
        raise UserError(f"--top-k must be at least 1, but is {given.top_k}")
    if given.top_p is not None and not 0 < given.top_p < 1:
        raise UserError(f"--top-p must be between 0 and 1, but is {given.top_p}")


@contextmanager
def _place(output: Path | None) -> Iterator[TextIO]:
    """Open what sentences are written to; a file gets its name once it is whole."""
    if output is None:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    place = output.resolve()
    if place.exists() and not place.is_file():  # a pipe or a device
        with open(place, "w", encoding="utf-8") as file:
            yield file
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=place.parent, encoding="utf-8", delete=False) as file:
        partial = Path(file.name)
        try:
            yield cast(TextIO, file)
            file.flush()
            partial.chmod(0o644)
            partial.replace(place)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


if __name__ == "__main__":
    if any(argument.split("=")[0] == "--spec" for argument in sys.argv[1:]):
        STAGE.main(run)
    command()
