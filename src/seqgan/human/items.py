"""Which sentences are judged: the same number from every system, of the same lengths."""

import hmac
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqgan.errors import UserError

REAL = "real"
REAL_SHARE = 0.2
ATTENTION_SHARE = 0.05
REPEATED_SHARE = 0.1
ID_DIGITS = 10
NUM_BINS = 4
LIKE_A_NUMBER = re.compile(r"\d+(e\d+)?")
"""Ids that a spreadsheet would turn into a number and so destroy."""
Pool = Mapping[str, Mapping[int, Sequence[str]]]
"""Sentences by system and training seed."""


@dataclass(frozen=True)
class Sentence:
    """A sentence to be judged.

    Attributes:
        system: The method that made it, or ``real``.
        seed: Training seed of that method.
        text: The sentence.
        bin: Length bin, from 0; systems have equal shares of every bin.
    """

    system: str
    seed: int
    text: str
    bin: int


def read_pool(samples: Path, methods: Sequence[str] | None, seed: int | None) -> Pool:
    """Return the sentences of an experiment's ``samples`` folder.

    Args:
        samples: ``results/EXPERIMENT/samples``.
        methods: The systems to take, or all that are there; ``real`` always joins them.
        seed: The one training seed to take, or all that are there.

    Raises:
        UserError: If the folder, a seed or a method in a seed is not there.
    """
    if not samples.is_dir():
        raise UserError(f"no such folder: {samples}; run the experiment with snakemake first")
    found = {
        int(folder.name.removeprefix("seed-")): folder
        for folder in samples.glob("seed-*")
        if folder.name.removeprefix("seed-").isdecimal()
    }
    if seed is not None and seed not in found:
        raise UserError(f"{samples} has no seed-{seed}; there are {_listed(found)}")
    folders = dict(sorted(found.items())) if seed is None else {seed: found[seed]}
    there = sorted(
        {path.parent.name for f in folders.values() for path in f.glob("*/sentences.txt")}
    )
    if not there:
        raise UserError(f"{samples} has no seed-N/METHOD/sentences.txt; run snakemake first")
    wanted = there if methods is None else sorted({*methods, REAL})
    if unknown := sorted(set(wanted) - set(there)):
        raise UserError(
            f"{samples} has no sentences of {_listed(unknown)}; it has {_listed(there)}"
        )
    if len(wanted) < 2:
        raise UserError(f"{samples} has {_listed(wanted)} alone, and nothing to compare it with")
    pool: dict[str, dict[int, list[str]]] = {}
    for system in wanted:
        for number, folder in folders.items():
            path = folder / system / "sentences.txt"
            if not path.is_file():
                raise UserError(f"no such file: {path}; wait for the experiment, or give --seed")
            try:
                lines = path.read_text(encoding="utf-8").split("\n")
            except UnicodeDecodeError as error:
                raise UserError(f"{path} is not UTF-8 ({error.reason}); sample it again") from None
            # Not splitlines(): it also cuts at signs that may stand inside a sentence. What stands
            # before a tab is its condition.
            lines = [line.rpartition("\t")[2] for line in lines]
            pool.setdefault(system, {})[number] = distinct(lines)
    return pool


def _listed(names: Iterable[object]) -> str:
    return ", ".join(map(str, sorted(names, key=str)))


def distinct(lines: Iterable[str]) -> list[str]:
    """Return the sentences that are not empty, each once, with single spaces, in their order."""
    return list(dict.fromkeys(line for line in (" ".join(raw.split()) for raw in lines) if line))


def measure(text: str) -> int:
    """Return the length of a sentence: its words, or its signs where no spaces part words."""
    words = text.split()
    return len(words) if len(words) > 1 else len(text)


def length_edges(pool: Pool, num_bins: int = NUM_BINS) -> list[float]:
    """Return the inner edges of length bins: quantiles of the lengths of real sentences."""
    lengths = [measure(text) for texts in pool[REAL].values() for text in texts]
    if not lengths:
        return []
    inner = np.quantile(lengths, np.arange(1, num_bins) / num_bins)
    return sorted({float(edge) for edge in inner})


def choose(pool: Pool, num: int, rng: np.random.Generator) -> list[Sentence]:
    """Return ``num`` sentences of every system, with equal shares of every length bin.

    Bins are filled in proportion to the real sentences, as far as every system can fill them. No
    sentence comes twice within a system, and training seeds have equal shares as far as they can.
    Real sentences are at least a fifth of all: more than ``num`` if there are more than five
    systems.

    Raises:
        UserError: If a system has too few different sentences, with the number that all can give.
    """
    edges = length_edges(pool)
    binned = {system: _binned(texts, edges) for system, texts in pool.items()}
    room = {
        system: [len({text for by_seed in bin_.values() for text in by_seed}) for bin_ in bins]
        for system, bins in binned.items()
    }
    num_real = max(num, -(-num * (len(pool) - 1) // round(1 / REAL_SHARE - 1)))
    shared = np.min(list(room.values()), axis=0)
    if int(shared.sum()) < num:
        counts = ", ".join(f"{system} {sum(sizes)}" for system, sizes in room.items())
        raise UserError(
            f"--num {num} is too many: of equal lengths there are only {int(shared.sum())} "
            f"different sentences in every system ({counts} in all); "
            + (f"give --num {int(shared.sum())}" if shared.sum() else "compare other methods")
        )
    if sum(room[REAL]) < num_real:
        raise UserError(
            f"--num {num} with {len(pool) - 1} methods needs {num_real} real sentences, of which "
            f"there are {sum(room[REAL])}; give a smaller --num"
        )
    quota = shares(np.asarray(room[REAL]), shared, num)
    quota_real = quota + shares(quota, np.asarray(room[REAL]) - quota, num_real - num)
    return [
        sentence
        for system, bins in binned.items()
        for sentence in _draw(system, bins, quota_real if system == REAL else quota, rng)
    ]


def _binned(texts: Mapping[int, Sequence[str]], edges: list[float]) -> list[dict[int, list[str]]]:
    bins: list[dict[int, list[str]]] = [{seed: [] for seed in texts} for _ in range(len(edges) + 1)]
    for seed, lines in texts.items():
        for text in lines:
            # A length that is an edge belongs to the bin below it.
            bins[int(np.searchsorted(edges, measure(text), side="left"))][seed].append(text)
    return bins


def shares(weights: np.ndarray, room: np.ndarray, total: int) -> np.ndarray:
    """Return whole numbers that sum to ``total``, near proportion to weights, within the room.

    One after the other goes where the share is furthest below its proportion.
    """
    given = np.zeros(len(weights), dtype=int)
    target = np.asarray(weights, dtype=float)
    target = target / target.sum() if target.sum() else np.full(len(target), 1 / len(target))
    for count in range(1, total + 1):
        lack = np.where(given < room, target * count - given, -np.inf)
        given[int(np.argmax(lack))] += 1
    return given


def _draw(
    system: str, bins: list[dict[int, list[str]]], quota: np.ndarray, rng: np.random.Generator
) -> list[Sentence]:
    taken: dict[int, int] = dict.fromkeys(bins[0], 0)
    used: set[str] = set()
    drawn = []
    for index, by_seed in enumerate(bins):
        waiting = {
            seed: [texts[place] for place in rng.permutation(len(texts))]
            for seed, texts in by_seed.items()
        }
        for _ in range(int(quota[index])):
            for seed in waiting:
                while waiting[seed] and waiting[seed][-1] in used:
                    waiting[seed].pop()
            seed = min((seed for seed in waiting if waiting[seed]), key=lambda each: taken[each])
            text = waiting[seed].pop()
            used.add(text)
            taken[seed] += 1
            drawn.append(Sentence(system, seed, text, index))
    return drawn


def spoil(text: str, rng: np.random.Generator) -> str | None:
    """Return a sentence with its words in another order, or ``None`` if no order differs enough.

    Where no spaces part words, its signs. Of many orders the one is taken that keeps the fewest
    pairs of neighbours.
    """
    words = text.split()
    glue = " " if len(words) > 1 else ""
    parts = words if glue else list(text)
    pairs = set(itertools.pairwise(parts))
    best, fewest = None, len(parts) // 2
    for _ in range(50):
        order = [parts[place] for place in rng.permutation(len(parts))]
        kept = sum(pair in pairs for pair in itertools.pairwise(order))
        if kept < fewest and order != parts:
            best, fewest = glue.join(order), kept
    return best


def share_of(total: int, share: float, least: int) -> int:
    """Return the number of additional items for a share of ``total``, rounded up."""
    return max(least, int(np.ceil(total * share)))


def item_ids(secret: bytes, names: Sequence[str], digits: int = ID_DIGITS) -> list[str]:
    """Return an id for every name that says nothing without the secret.

    The first hexadecimal digits of HMAC-SHA256(secret, name). An id that another item has, or that
    a spreadsheet would read as a number (``12e4567890``), is drawn again with a counter.
    """
    ids: dict[str, None] = {}
    for name in names:
        counter = 0
        while True:
            message = name if counter == 0 else f"{name}\x1f{counter}"
            found = hmac.digest(secret, message.encode(), "sha256").hex()[:digits]
            if found not in ids and not LIKE_A_NUMBER.fullmatch(found):
                break
            counter += 1
            if counter > 100_000:
                raise UserError(f"{len(names)} items are too many for ids of {digits} digits")
        ids[found] = None
    return list(ids)
