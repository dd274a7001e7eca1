"""Prepared sentences on disk: three arrays of tokens, their alphabet, and what they stand for."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor

from seqgan.arrays import RowWriter, read_body, read_header
from seqgan.corpus.vocabulary import Vocabulary, read_vocabulary, write_vocabulary
from seqgan.errors import UserError
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokens import Alphabet, check_tokens, conditions, cycled

SPLITS = ("train", "validation", "test")
DISCRIMINATOR = "discriminator"
"""Name of the set that the discriminator alone learns from, where there is one."""


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test sentences in one alphabet.

    Attributes:
        train: What generators and discriminators learn from.
        validation: What selects models.
        test: What only the final evaluation sees.
        alphabet: Which ids exist and what they mean.
        vocabulary: The words, where the ids stand for any.
        discriminator: What discriminators learn from, where it is not the training set.
    """

    train: Int[Tensor, "train_sentences time"]
    validation: Int[Tensor, "validation_sentences time"]
    test: Int[Tensor, "test_sentences time"]
    alphabet: Alphabet
    vocabulary: Vocabulary | None = None
    discriminator: Int[Tensor, "discriminator_sentences time"] | None = None

    @property
    def positives(self) -> Int[Tensor, "_ time"]:
        """Return the real sentences that discriminators see."""
        return self.train if self.discriminator is None else self.discriminator

    @property
    def length(self) -> int:
        """Tokens in the longest sentence."""
        return self.train.shape[1]


def evenly(
    tokens: Int[Tensor, "sentences time"], count: int
) -> Int[Tensor, "chosen_sentences time"]:
    """Return at most ``count`` sentences, taken at even distances: files may be ordered."""
    wanted = min(count, len(tokens))
    return tokens[torch.arange(wanted, device=tokens.device) * len(tokens) // max(1, wanted)]


def held_out_conditions(data: Dataset, count: int) -> Int[Tensor, "count time"] | None:
    """Return conditions of sentences that nobody learnt from, if sentences follow any.

    Those of the validation set, at even distances; all of them again where more are wanted.
    """
    return conditions(cycled(evenly(data.validation, count), count), data.alphabet)


def write_tokens(path: Path, tokens: Int[Tensor, "sentences time"]) -> None:
    """Write sentences as a NumPy array of 32-bit integers; -1 is padding."""
    with RowWriter(path, tokens.shape[1]) as file:
        file.append(tokens.cpu().numpy())


def read_tokens(path: Path) -> Int[Tensor, "sentences time"]:
    """Return what :func:`write_tokens` wrote; raise :class:`UserError` if it is damaged.

    They stay in the file, of which the system reads what is looked at; a change of the tensor does
    not reach it. An array of other integers, or one by columns, is read and converted.
    """
    try:
        with open(path, "rb") as file:
            header = read_header(file)
            if len(header.shape) != 2 or not np.issubdtype(header.dtype, np.integer):
                raise UserError(
                    f"{path} must hold a table of token ids, but holds {header.dtype} of shape "
                    f"{header.shape}"
                )
            if header.num_bytes != path.stat().st_size - file.tell():
                raise ValueError(f"its size is not that of {header.dtype} of shape {header.shape}")
            if header.dtype == np.int32 and not header.by_columns and header.num_bytes:
                place = {"offset": file.tell(), "shape": header.shape}
                return torch.from_numpy(np.memmap(file, np.int32, mode="c", **place))
            return torch.from_numpy(read_body(file, header).astype(np.int64))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path} is not an array of tokens ({error}); was it cut short?") from None


def write_dataset(folder: Path, dataset: Dataset, facts: dict[str, Any]) -> None:
    """Write a dataset, and beside it what is worth knowing about it."""
    for split in (*SPLITS, DISCRIMINATOR):
        if (tokens := getattr(dataset, split)) is not None:
            write_tokens(folder / f"{split}.npy", tokens)
    write_meaning(folder, dataset.alphabet, dataset.vocabulary, facts)


def write_meaning(
    folder: Path, alphabet: Alphabet, vocabulary: Vocabulary | None, facts: dict[str, Any]
) -> None:
    """Write what the tokens of a dataset stand for, and what is worth knowing about them."""
    write_alphabet(folder / "alphabet.json", alphabet)
    if vocabulary is not None:
        write_vocabulary(folder / "vocabulary.json", vocabulary)
    write_atomically(folder / "facts.json", readable_json(facts))


def read_dataset(folder: Path, device: torch.device | str = "cpu") -> Dataset:
    """Return what :func:`write_dataset` wrote, with its tokens on a device.

    They are 32-bit integers; a batch becomes 64-bit where it is taken from them.

    Raises :class:`UserError` if a part is missing, damaged or breaks the token contract.
    """
    alphabet = read_alphabet(folder / "alphabet.json")
    own = (folder / f"{DISCRIMINATOR}.npy").is_file()
    names = (*SPLITS, DISCRIMINATOR) if own else SPLITS
    splits = {split: read_tokens(folder / f"{split}.npy") for split in names}
    for split, tokens in splits.items():
        try:
            check_tokens(tokens, alphabet)
        except ValueError as error:
            raise UserError(f"{folder / split}.npy: {error}") from None
    if len({tokens.shape[1] for tokens in splits.values()}) > 1 or not all(
        tokens.numel() for tokens in splits.values()
    ):
        shapes = ", ".join(f"{split} {tuple(tokens.shape)}" for split, tokens in splits.items())
        raise UserError(
            f"{folder}: its sets must have sentences, all of one length, but have the shapes "
            f"{shapes}; make the dataset again"
        )
    return Dataset(
        **{split: tokens.to(device) for split, tokens in splits.items()},
        alphabet=alphabet,
        vocabulary=read_words(folder, alphabet),
    )


def read_words(folder: Path, alphabet: Alphabet) -> Vocabulary | None:
    """Return the vocabulary in a folder, if the ids of its alphabet stand for words.

    Raises :class:`UserError` if it is damaged, or the vocabulary of another alphabet.
    """
    path = folder / "vocabulary.json"
    if not path.is_file():
        return None
    vocabulary = read_vocabulary(path)
    if vocabulary.alphabet != alphabet:
        raise UserError(
            f"{path} and alphabet.json do not fit together: {vocabulary.alphabet.vocab_size} and "
            f"{alphabet.vocab_size} ids, or other special ones"
        )
    return vocabulary


def write_alphabet(path: Path, alphabet: Alphabet) -> None:
    """Write an alphabet as JSON."""
    write_atomically(path, readable_json(asdict(alphabet)))


def read_alphabet(path: Path) -> Alphabet:
    """Return what :func:`write_alphabet` wrote; raise :class:`UserError` if it is damaged."""
    found = read_json(path)
    try:
        size, start, end = (found.pop(name) for name in ("vocab_size", "start", "end"))
        never, separator = found.pop("never_emitted"), found.pop("separator")
        if found or not isinstance(never, list):
            raise ValueError("it has other parts")
        if any(
            type(each) is not int
            for each in (size, start, *never, *(i for i in (end, separator) if i is not None))
        ):
            raise ValueError("ids are whole numbers")
        return Alphabet(size, start=start, end=end, never_emitted=tuple(never), separator=separator)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise UserError(f"{path} does not describe an alphabet: {error}") from None
