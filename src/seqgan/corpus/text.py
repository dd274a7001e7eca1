"""From sentences in files to a dataset: splitting, counting, encoding."""

import heapq
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from seqgan.arrays import RowWriter
from seqgan.corpus.card import card
from seqgan.corpus.dataset import DISCRIMINATOR, SPLITS, write_meaning
from seqgan.corpus.draft import Draft, Numbers, to_label
from seqgan.corpus.files import MEGABYTE, Files, Record
from seqgan.corpus.splits import Splitter, fingerprint
from seqgan.corpus.tokenizers import fit, needs_training
from seqgan.corpus.vocabulary import END, SEPARATOR, UNKNOWN, Vocabulary, most_frequent
from seqgan.errors import UserError
from seqgan.tokenization.tokenizer import Tokenizer

MOST_LABELS = 1000
TOKENIZER_SENTENCES = 200_000
"""Training sentences that a tokenizer is trained on, at most."""
LONGEST_FOR_TOKENIZER = 10_000
"""Signs of the longest of them."""

Step = tuple[int, dict[str, Any]]
Follow = Callable[..., Iterator[Step]]
"""What goes through steps, given their ``total`` and ``unit``: such as ``Context.follow``."""


def quietly(steps: Iterator[Step], **_: Any) -> Iterator[Step]:
    """Show nothing."""
    return steps


class _Survey:
    """A first pass over the records, where something must be known before they are split.

    Which sentences are held out, so that no copy of one stands in another set; and sentences of
    the training set for a tokenizer: those of the lowest fingerprints, which neither order nor
    other sentences decide.
    """

    def __init__(self, files: Files, settings: Mapping[str, Any], splitter: Splitter) -> None:
        self._files, self._splitter = files, splitter
        self._trains = needs_training(settings["tokenizer"])
        self._lowest: list[tuple[int, str]] = []
        self._prompted = settings["condition"] == "prompt"
        self._apart = splitter.by_group or len(files.paths) > 1
        self.needed = self._trains or self._apart
        self._grouped = False

    def read(self) -> Iterator[Step]:
        """Read everything, and yield how many megabytes are done."""
        for done, record in _by_megabyte(self._files, self._prompted):
            if record is None:
                yield done, {"training sentences": len(self._lowest)}
                continue
            split = self._splitter.choose(record)
            if self._apart:
                self._splitter.note(record, split)
            self._grouped |= record.group is not None
            if self._trains and split == "train" and len(record.text) <= LONGEST_FOR_TOKENIZER:
                self._offer(-fingerprint(record), record.text)
        if self._splitter.by_group and not self._grouped:
            raise UserError(
                f"`split_by: group`, but no sentence of {self._files.name} names its group; name "
                "the column in `corpus.source.group`, or use `split_by: sentence`"
            )

    def _offer(self, place: int, text: str) -> None:
        if len(self._lowest) < TOKENIZER_SENTENCES:
            heapq.heappush(self._lowest, (place, text))
        elif place > self._lowest[0][0]:
            heapq.heapreplace(self._lowest, (place, text))

    def training_sentences(self) -> Iterator[str]:
        """Yield the sentences that a tokenizer may see."""
        return (text for _, text in sorted(self._lowest, reverse=True))


class _Text:
    """What a pass over a text finds: a draft of each split, words, and what is left out."""

    def __init__(
        self,
        files: Files,
        settings: Mapping[str, Any],
        tokenizer: Tokenizer,
        splitter: Splitter,
        drafts: Mapping[str, Draft],
    ) -> None:
        self._files, self._settings, self._drafts = files, settings, drafts
        self._tokenizer, self._splitter = tokenizer, splitter
        self._condition = CONDITIONS[settings["condition"]]
        self.numbers = Numbers()
        self.labels: dict[str, int] = {}
        self.left_out: Counter[str] = Counter()
        self.num_lines = 0

    def read(self) -> Iterator[Step]:
        """Read everything, and yield how many megabytes are done."""
        began = time.monotonic()
        for done, record in _by_megabyte(self._files, self._settings["condition"] == "prompt"):
            if record is None:
                yield done, {"sentences/s": self.num_lines / (time.monotonic() - began)}
            else:
                self._add(record)

    def _add(self, record: Record) -> None:
        self.num_lines += 1
        words, settings = self._tokenizer.split(record.text), self._settings
        if len(words) < settings["min_length"]:
            self.left_out["too short"] += 1
        elif len(words) >= settings["max_length"]:  # the end token needs a place too
            self.left_out["too long"] += 1
        elif isinstance(condition := self._condition(self, record), str):
            self.left_out[condition] += 1
        else:
            split = self._splitter.choose(record)
            if other := self._splitter.straddles(record, split):
                self.left_out[f"also in the {other} set"] += 1
            else:
                row = [*condition, *map(self.numbers.__getitem__, words), END]
                self._drafts[split].append(row)

    def no_condition(self, _: Record) -> list[int]:
        """Return nothing."""
        return []

    def label(self, record: Record) -> list[int] | str:
        """Return the number of a label and the separator, or why there is none."""
        if record.label is None:
            return "without a label"
        number = self.labels.setdefault(record.label, len(self.labels))
        if number >= MOST_LABELS:
            raise UserError(
                f"{self._files.name} has more than {MOST_LABELS} labels; is "
                "`corpus.source.label` the right column?"
            )
        return [to_label(number), SEPARATOR]

    def prompt(self, record: Record) -> list[int] | str:
        """Return the numbers of a prompt and the separator, or why there are none."""
        if record.prompt is None:
            return "without a prompt"
        words = self._tokenizer.split(record.prompt)
        if len(words) > self._settings["max_prompt_length"]:
            return "with too long a prompt"
        return [*map(self.numbers.__getitem__, words), SEPARATOR]


LABEL_OF_NONE = "with a label that the training set has not"
CONDITIONS: Mapping[str, Callable[[_Text, Record], list[int] | str]] = {
    "none": _Text.no_condition,
    "label": _Text.label,
    "prompt": _Text.prompt,
}


def _by_megabyte(files: Files, prompted: bool) -> Iterator[tuple[int, Record | None]]:
    """Yield every record, and nothing in its place after every megabyte and at the end.

    Prompts that nobody follows are left out: they must not tell copies of a sentence apart.
    """
    last, done = files.megabytes, 0
    for place, record in files.records():
        yield done, record if prompted or record.prompt is None else record._replace(prompt=None)
        if done < place // MEGABYTE < last:
            done = place // MEGABYTE
            yield done, None
    yield last, None


def prepare(
    files: Files,
    folder: Path,
    settings: Mapping[str, Any],
    follow: Follow = quietly,
    source: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Write the dataset of a text into a folder; return the facts that its card shows.

    Tokenizer and vocabulary come from the training split alone. Repeated sentences are kept: they
    are part of the distribution. Memory grows with the distinct words, not with the sentences; but
    for a hash of each held-out one where groups or files decide the sets.

    Args:
        files: The sentences.
        folder: What ``read_dataset`` reads afterwards.
        settings: The section ``corpus`` of kind ``text``.
        follow: Shows how far the work is, and may end it.
        source: What is known of where the sentences come from.

    Raises:
        UserError: If a split would be empty; the line says why sentences were left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    splitter = Splitter.of(settings)
    survey = _Survey(files, settings, splitter)
    if survey.needed:
        _go(follow(survey.read(), total=files.megabytes, unit="megabyte"))
    tokenizer = fit(settings["tokenizer"], survey.training_sentences())
    shared = splitter.shares["discriminator"] > 0
    splits = (*SPLITS, DISCRIMINATOR) if shared else SPLITS
    sentences: dict[str, int] = {}
    with_unknown: Counter[str] = Counter()
    drop = settings["unknown"] == "drop"
    with ExitStack() as stack:
        length = _row_length(settings)
        drafts = {split: stack.enter_context(Draft(folder, length)) for split in splits}
        text = _Text(files, settings, tokenizer, splitter, drafts)
        _go(follow(text.read(), total=files.megabytes, unit="megabyte"))
        words = tokenizer.closed or most_frequent(
            text.numbers.count(drafts["train"].blocks()),
            max_vocabulary=settings["max_vocabulary"],
            min_count=settings["min_count"],
        )
        labels = _learnt_labels(text, drafts["train"], words, drop)
        vocabulary = Vocabulary(
            words,
            tokenizer,
            emit_unknown=not drop,
            condition=settings["condition"],
            labels=labels,
        )
        ids = text.numbers.to_ids(
            vocabulary, [text.labels[label] for label in labels], len(text.labels)
        )

        def write() -> Iterator[Step]:
            done = 0
            for split, draft in drafts.items():
                with RowWriter(folder / f"{split}.npy", length) as file:
                    for numbers in draft.blocks():
                        rows = ids[numbers]
                        if labels:
                            known = rows[:, 0] != UNKNOWN
                            if not known.all():
                                text.left_out[LABEL_OF_NONE] += int((~known).sum())
                            rows = rows[known]
                        has_unknown = _unknown_in_sentence(rows, settings["condition"] != "none")
                        with_unknown[split] += int(has_unknown.sum())
                        file.append(rows[~has_unknown] if drop else rows)
                        done += 1
                        yield done, {"sentences": sum(sentences.values()) + file.rows}
                sentences[split] = file.rows

        num_blocks = sum(draft.num_blocks for draft in drafts.values())
        _go(follow(write(), total=num_blocks, unit="block"))
    if drop:
        text.left_out["with an unknown word"] += sum(with_unknown.values())
    _check_sizes(files, sentences, text)
    if not words:
        raise UserError(
            f"{files.name}: no token is seen {settings['min_count']} times in the training set, so "
            "that all are unknown; lower `min_count`, or give more lines"
        )
    facts = {
        "kind": "text",
        "source": dict(source),
        "unit": tokenizer.unit,
        "condition": settings["condition"],
        "labels": list(labels),
        "lines": text.num_lines,
        "left_out": dict(text.left_out),
        "sentences": sentences,
        "vocabulary_size": len(words),
        "share_with_unknown_word": {
            split: with_unknown[split] / max(draft.sentences, 1) for split, draft in drafts.items()
        },
    }
    dropped = facts["share_with_unknown_word"] if drop else {}
    facts["card"] = _card(folder, splits, vocabulary, dropped)
    write_meaning(folder, vocabulary.alphabet, vocabulary, facts)
    return facts


def _card(
    folder: Path,
    splits: Sequence[str],
    vocabulary: Vocabulary,
    dropped: Mapping[str, float],
) -> dict[str, Any]:
    rows = {
        split: np.load(folder / f"{split}.npy", mmap_mode="r", allow_pickle=False)
        for split in splits
    }
    labels = {split: some[:, 0] - (SEPARATOR + 1) for split, some in rows.items()}
    return card(
        rows,
        words=vocabulary.words,
        first_word=vocabulary.first_word,
        end=END,
        unknown=UNKNOWN,
        separator=vocabulary.alphabet.separator,
        with_condition=vocabulary.condition == "prompt",
        labels=labels if vocabulary.labels else {},
        label_names=vocabulary.labels,
        dropped=dropped,
        text=vocabulary.decode,
    )


def _go(steps: Iterator[Step]) -> None:
    for _ in steps:
        pass


def _learnt_labels(
    text: _Text, train: Draft, words: tuple[str, ...], drop: bool
) -> tuple[str, ...]:
    """Return the labels that sentences of the training set have, in alphabetical order."""
    if not text.labels:
        return ()
    unknown = text.numbers.unknown(words)
    seen: set[int] = set()
    for numbers in train.blocks():
        kept = ~np.isin(numbers, unknown).any(axis=1) if drop else slice(None)
        seen.update(np.unique(numbers[kept, 0]).tolist())
    return tuple(sorted(name for name, i in text.labels.items() if to_label(i) in seen))


def _row_length(settings: Mapping[str, Any]) -> int:
    """Return the tokens of the longest row: condition, separator, sentence, end."""
    before = {"none": 0, "label": 2, "prompt": settings["max_prompt_length"] + 1}
    return settings["max_length"] + before[settings["condition"]]


def _unknown_in_sentence(
    rows: Int[np.ndarray, "sentences time"], conditional: bool
) -> Bool[np.ndarray, " sentences"]:
    """Tell which sentences hold an unknown word; a prompt may."""
    unknown = rows == UNKNOWN
    if conditional:
        unknown &= (rows == SEPARATOR).cumsum(axis=1) > 0
    return unknown.any(axis=1)


def _check_sizes(files: Files, sentences: Mapping[str, int], text: _Text) -> None:
    for split, kept in sentences.items():
        if kept < 2:
            left_out = text.left_out.most_common()
            reasons = ", ".join(f"{count} {why}" for why, count in left_out if count)
            raise UserError(
                f"{files.name} leaves {kept} sentences for the {split} set, but 2 are "
                f"needed: {text.num_lines} lines, left out: {reasons or 'none'}; give more lines, "
                f"or widen `min_length`, `max_length`, lower `min_count`, or set `unknown: keep`"
            )
