"""From a file of lines to a dataset: reading, splitting, counting, encoding."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from seqgan.corpus.dataset import SPLITS, Dataset
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import UNKNOWN, Vocabulary, count_words
from seqgan.errors import UserError
from seqgan.tokens import PAD

LONGEST_LINE = 2**20


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 text file that are not blank.

    Raises :class:`UserError` for a file that is missing, not UTF-8, or has a line that is too
    long to be a sentence.
    """
    number = 0
    try:
        with open(path, "rb") as file:
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                if len(line) > LONGEST_LINE:
                    raise UserError(
                        f"{path}, line {number} is longer than a megabyte; put one sentence a line"
                    )
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                if text.strip():
                    yield text.strip()
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}, line {number} is not UTF-8 ({error.reason}); convert the file, for example "
            f"with: iconv -f LATIN1 -t UTF-8 OLD > NEW"
        ) from None


def choose_split(words: Sequence[str], validation_share: float, test_share: float) -> str:
    """Return the split of a sentence: by its hash, so that duplicates never straddle two splits
    and adding sentences moves none of the others.
    """
    digest = hashlib.blake2b("\0".join(words).encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"


def prepare(path: Path, settings: Mapping[str, Any]) -> tuple[Dataset, dict[str, Any]]:
    """Return the dataset of a text file, and the facts that its card shows.

    The vocabulary comes from the training split alone. Repeated sentences are kept: they are part
    of the distribution.

    Args:
        path: The file.
        settings: The section ``corpus`` of kind ``file``.

    Raises:
        UserError: If a split would be empty; the line says why sentences were left out.
    """
    tokenizer = WordTokenizer(lowercase=settings["tokenizer"]["lowercase"])
    left_out: Counter[str] = Counter()
    texts: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    num_lines = 0
    for line in read_lines(path):
        num_lines += 1
        words = tokenizer.split(line)
        if len(words) < settings["min_length"]:
            left_out["too short"] += 1
        elif len(words) >= settings["max_length"]:  # the end token needs a place too
            left_out["too long"] += 1
        else:
            split = choose_split(words, settings["validation_share"], settings["test_share"])
            texts[split].append(words)
    vocabulary = Vocabulary(
        count_words(
            texts["train"],
            max_vocabulary=settings["max_vocabulary"],
            min_count=settings["min_count"],
        ),
        tokenizer,
        emit_unknown=settings["unknown"] == "keep",
    )
    rows: dict[str, list[list[int]]] = {}
    unknown: dict[str, float] = {}
    for split, sentences in texts.items():
        encoded = [vocabulary.encode(words) for words in sentences]
        with_unknown = [UNKNOWN in row for row in encoded]
        unknown[split] = sum(with_unknown) / max(len(encoded), 1)
        if settings["unknown"] == "drop":
            left_out["with an unknown word"] += sum(with_unknown)
            encoded = [row for row, has in zip(encoded, with_unknown, strict=True) if not has]
        rows[split] = encoded
    for split in SPLITS:
        if len(rows[split]) < 2:
            reasons = ", ".join(f"{count} {why}" for why, count in left_out.most_common() if count)
            raise UserError(
                f"{path} leaves {len(rows[split])} sentences for the {split} set, but 2 are "
                f"needed: {num_lines} lines, left out: {reasons or 'none'}; give more lines, "
                f"or widen `min_length`, `max_length`, lower `min_count`, or set `unknown: keep`"
            )
    dataset = Dataset(
        **{split: to_tokens(rows[split], settings["max_length"]) for split in SPLITS},
        alphabet=vocabulary.alphabet,
        vocabulary=vocabulary,
    )
    facts = {
        "kind": "file",
        "lines": num_lines,
        "left_out": dict(left_out),
        "sentences": {split: len(rows[split]) for split in SPLITS},
        "vocabulary_size": len(vocabulary.words),
        "share_with_unknown_word": unknown,
    }
    return dataset, facts


def to_tokens(rows: Sequence[Sequence[int]], length: int) -> Int[Tensor, "sentences time"]:
    """Return sentences of different lengths as one batch, padded at the end."""
    tokens = torch.full((len(rows), length), PAD)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = torch.tensor(row)
    return tokens
