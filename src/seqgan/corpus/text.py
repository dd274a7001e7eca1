"""From a file of lines to a dataset: reading, splitting, counting, encoding."""

import hashlib
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from seqgan.arrays import RowWriter
from seqgan.corpus.dataset import SPLITS, write_meaning
from seqgan.corpus.draft import Draft, Numbers
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import END, UNKNOWN, Vocabulary, most_frequent
from seqgan.errors import UserError

LONGEST_LINE = MEGABYTE = 2**20

Step = tuple[int, dict[str, Any]]
Follow = Callable[..., Iterator[Step]]
"""What goes through steps, given their ``total`` and ``unit``: such as ``Context.follow``."""


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a UTF-8 text file that are not blank, each after the bytes read so far.

    Raises :class:`UserError` for a file that is missing, not UTF-8, has a line that is too long to
    be a sentence, or changes meanwhile.
    """
    number = place = 0
    try:
        with open(path, "rb") as file:
            before = os.fstat(file.fileno())
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                place += len(line)
                if len(line) > LONGEST_LINE:
                    raise UserError(
                        f"{path}, line {number} is longer than a megabyte; put one sentence a line"
                    )
                text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if text:
                    yield place, text
            after = os.fstat(file.fileno())
            if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
                raise UserError(
                    f"{path} changed while it was read, after {number} lines; start again once "
                    "nobody writes to it"
                )
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


class _Text:
    """What one pass over a text finds: a draft of each split, words, and what is left out."""

    def __init__(self, path: Path, settings: Mapping[str, Any], drafts: dict[str, Draft]) -> None:
        self._path, self._settings, self._drafts = path, settings, drafts
        self.tokenizer = WordTokenizer(lowercase=settings["tokenizer"]["lowercase"])
        self.numbers = Numbers()
        self.left_out: Counter[str] = Counter()
        self.num_lines = 0

    @property
    def megabytes(self) -> int:
        """What there is to read; a file that is missing or empty has one too."""
        size = self._path.stat().st_size if self._path.is_file() else 0
        return max(1, -(-size // MEGABYTE))

    def read(self) -> Iterator[Step]:
        """Read everything, and yield how many megabytes are done."""
        last, done, began = self.megabytes, 0, time.monotonic()
        for place, line in read_lines(self._path):
            self._add(line)
            if done < place // MEGABYTE < last:
                done = place // MEGABYTE
                yield done, {"sentences/s": self.num_lines / (time.monotonic() - began)}
        yield last, {"sentences": self.num_lines}

    def _add(self, line: str) -> None:
        self.num_lines += 1
        words, settings = self.tokenizer.split(line), self._settings
        if len(words) < settings["min_length"]:
            self.left_out["too short"] += 1
        elif len(words) >= settings["max_length"]:  # the end token needs a place too
            self.left_out["too long"] += 1
        else:
            split = choose_split(words, settings["validation_share"], settings["test_share"])
            self._drafts[split].append([*map(self.numbers.__getitem__, words), END])


def quietly(steps: Iterator[Step], **_: Any) -> Iterator[Step]:
    """Show nothing."""
    return steps


def prepare(
    path: Path, folder: Path, settings: Mapping[str, Any], follow: Follow = quietly
) -> dict[str, Any]:
    """Write the dataset of a text file into a folder; return the facts that its card shows.

    The vocabulary comes from the training split alone. Repeated sentences are kept: they are part
    of the distribution. Memory grows with the distinct words, not with the sentences.

    Args:
        path: The file.
        folder: What ``read_dataset`` reads afterwards.
        settings: The section ``corpus`` of kind ``file``.
        follow: Shows how far the work is, and may end it.

    Raises:
        UserError: If a split would be empty; the line says why sentences were left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sentences: dict[str, int] = {}
    with_unknown: Counter[str] = Counter()
    drop = settings["unknown"] == "drop"
    with ExitStack() as stack:
        length = settings["max_length"]
        drafts = {split: stack.enter_context(Draft(folder, length)) for split in SPLITS}
        text = _Text(path, settings, drafts)
        for _ in follow(text.read(), total=text.megabytes, unit="megabyte"):
            pass
        words = most_frequent(
            text.numbers.count(drafts["train"].blocks()),
            max_vocabulary=settings["max_vocabulary"],
            min_count=settings["min_count"],
        )
        ids = text.numbers.to_ids(words)

        def write() -> Iterator[Step]:
            done = 0
            for split, draft in drafts.items():
                with RowWriter(folder / f"{split}.npy", length) as file:
                    for numbers in draft.blocks():
                        rows = ids[numbers]
                        has_unknown = (rows == UNKNOWN).any(axis=1)
                        with_unknown[split] += int(has_unknown.sum())
                        file.append(rows[~has_unknown] if drop else rows)
                        done += 1
                        yield done, {"sentences": sum(sentences.values()) + file.rows}
                sentences[split] = file.rows

        num_blocks = sum(draft.num_blocks for draft in drafts.values())
        for _ in follow(write(), total=num_blocks, unit="block"):
            pass
    if drop:
        text.left_out["with an unknown word"] += sum(with_unknown.values())
    for split, kept in sentences.items():
        if kept < 2:
            left_out = text.left_out.most_common()
            reasons = ", ".join(f"{count} {why}" for why, count in left_out if count)
            raise UserError(
                f"{path} leaves {kept} sentences for the {split} set, but 2 are "
                f"needed: {text.num_lines} lines, left out: {reasons or 'none'}; give more lines, "
                f"or widen `min_length`, `max_length`, lower `min_count`, or set `unknown: keep`"
            )
    vocabulary = Vocabulary(words, text.tokenizer, emit_unknown=not drop)
    facts = {
        "kind": "file",
        "lines": text.num_lines,
        "left_out": dict(text.left_out),
        "sentences": sentences,
        "vocabulary_size": len(words),
        "share_with_unknown_word": {
            split: with_unknown[split] / max(draft.sentences, 1) for split, draft in drafts.items()
        },
    }
    write_meaning(folder, vocabulary.alphabet, vocabulary, facts)
    return facts
