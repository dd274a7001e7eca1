"""Sample sentences from a trained generator.

By hand, from a checkpoint alone:

  python src/sample_sentences.py --checkpoint results/…/last --num 20 --temperature 0.8

Snakemake calls it with --spec to draw the set that a method is judged by.
"""

import argparse
import json
import sys
from pathlib import Path

import torch

from seqgan.assembly import load_generator, read_oracle
from seqgan.corpus.dataset import read_dataset, read_words, write_tokens
from seqgan.corpus.vocabulary import Vocabulary
from seqgan.decoding import sample_sentences as draw
from seqgan.errors import UserError
from seqgan.failures import guarded
from seqgan.randomness import RandomStreams, make_deterministic
from seqgan.records import write_atomically
from seqgan.stage import Context, Stage
from seqgan.tokens import PAD

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
        temperature = sampling["temperature"]
        tokens = draw(generator, num_sentences, data.length, rng, temperature=temperature)
    elif (oracle := read_oracle(context.input("data"), context.device)) is not None:
        tokens = draw(oracle, num_sentences, data.length, rng)
    else:
        order = torch.randperm(len(data.validation), generator=rng, device=rng.device)
        tokens = data.validation[order[:num_sentences]]
    folder = context.output("samples")
    write_tokens(folder / "sentences.npy", tokens)
    lines = [to_text(row, data.vocabulary) for row in tokens.tolist()]
    write_atomically(folder / "sentences.txt", "".join(f"{line}\n" for line in lines).encode())


def to_text(row: list[int], vocabulary: Vocabulary | None) -> str:
    """Return a sentence as text, or as ids where they stand for no words."""
    if vocabulary is not None:
        return vocabulary.decode(row)
    return " ".join(str(token) for token in row if token != PAD)


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
    add("--seed", type=int, default=0, help="the same seed prints the same sentences")
    add("--format", choices=("text", "jsonl"), default="text", help="plain lines, or JSON lines")
    add("--spec", help=argparse.SUPPRESS)
    given = parser.parse_args()
    sys.exit(guarded(lambda: _print_sentences(given), "sample_sentences"))


def _print_sentences(given: argparse.Namespace) -> None:
    if given.num < 1:
        raise UserError(f"--num must be at least 1, but is {given.num}")
    if not 0 < given.temperature < float("inf"):
        raise UserError(f"--temperature must be above 0, but is {given.temperature}")
    if given.top_k is not None and given.top_k < 1:
        raise UserError(f"--top-k must be at least 1, but is {given.top_k}")
    if given.top_p is not None and not 0 < given.top_p < 1:
        raise UserError(f"--top-p must be between 0 and 1, but is {given.top_p}")
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
    rng = RandomStreams(given.seed, "sample_sentences", names=("by_hand",))["by_hand"]
    how = {name: getattr(given, name) for name in ("temperature", "top_k", "top_p")}
    for start in range(0, given.num, PRINTED_AT_ONCE):
        size = min(PRINTED_AT_ONCE, given.num - start)
        for row in draw(generator, size, model["length"], rng, **how).tolist():
            line = to_text(row, vocabulary)
            if given.format == "jsonl":
                line = json.dumps({"text": line, "tokens": row}, ensure_ascii=False)
            print(line)


if __name__ == "__main__":
    if any(argument.split("=")[0] == "--spec" for argument in sys.argv[1:]):
        STAGE.main(run)
    command()
