"""Who judges what, in which order: repeats, attention checks, pairs and their sides."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqgan.errors import UserError
from seqgan.human.items import (
    ATTENTION_SHARE,
    REAL,
    REPEATED_SHARE,
    Pool,
    Sentence,
    choose,
    item_ids,
    share_of,
    spoil,
)
from seqgan.human.key import Item, Key, Pair, Sheet
from seqgan.human.sheets import sheet_hash

FEWEST_CHECKS = 2
Pairing = tuple[Sentence, Sentence]


@dataclass(frozen=True)
class Plan:
    """What an export shall contain.

    Attributes:
        experiment: Name of the experiment.
        num: Sentences of every system.
        num_pairs: Comparisons of every two systems; 0 for no sheet of pairs.
        raters: Number of raters.
        shuffle_seed: Seed of the selection and of all orders.
        secret: Of the ids.
    """

    experiment: str
    num: int
    num_pairs: int
    raters: int
    shuffle_seed: int
    secret: bytes


def stream(seed: int, *path: str) -> np.random.Generator:
    """Return a random stream that depends on the seed and its name alone."""
    return np.random.default_rng([seed, *"/".join(path).encode()])


def design(pool: Pool, plan: Plan) -> Key:
    """Return the items, pairs and orders of an export.

    All raters judge the same items, so that their agreement can be measured, each in an order of
    their own. A tenth is shown twice, with half a sheet between as far as possible; a twentieth
    are real sentences with their words out of order, which an attentive rater finds broken.

    Raises:
        UserError: If there are too few sentences, or none that can be spoilt.
    """
    chosen = choose(pool, plan.num, stream(plan.shuffle_seed, "choose"))
    taken = {sentence.text for sentence in chosen}
    num_checks = share_of(len(chosen), ATTENTION_SHARE, FEWEST_CHECKS)
    pairings = _pairings(chosen, plan)
    num_pair_checks = share_of(len(pairings), ATTENTION_SHARE, FEWEST_CHECKS) if pairings else 0
    checks = _checks(pool, taken, num_checks + num_pair_checks, plan)
    items = _items(chosen, checks[:num_checks], plan)
    pairs = _pairs(pairings, checks[num_checks:], plan)
    sheets: dict[str, Sheet] = {}
    key = Key(plan.experiment, plan.shuffle_seed, plan.secret.hex(), items, pairs, {})
    # Sides alternate from rater to rater, so that they balance over raters too.
    half = stream(plan.shuffle_seed, "sides").permutation(len(pairs)) % 2 == 0
    of_place = {pair.of: bool(left) for pair, left in zip(pairs.values(), half, strict=True)}
    for number in range(1, plan.raters + 1):
        rater = f"rater-{number}"
        rng = stream(plan.shuffle_seed, rater)
        sheets_of_rater = [Sheet(rater, "sentences", _order(items, rng))]
        if pairs:
            swapped = tuple(
                each
                for each, pair in pairs.items()
                # The repeat of a pair shows the other side: judging by side would not repeat.
                if (of_place[pair.of] ^ bool(number % 2)) != (pair.purpose == "repeat")
            )
            sheets_of_rater.append(Sheet(rater, "pairs", _order(pairs, rng), swapped))
        for sheet in sheets_of_rater:
            shown = [(each, *key.shown(sheet, each)) for each in sheet.order]
            sheets[sheet_hash(sheet.task, rater, shown)] = sheet
    return replace(key, sheets=sheets)


def _pairings(chosen: Sequence[Sentence], plan: Plan) -> list[Pairing]:
    """Return pairs of every two systems, both of one length bin."""
    rng = stream(plan.shuffle_seed, "pairings")
    by_system: dict[str, dict[int, list[Sentence]]] = {}
    for sentence in chosen:
        by_system.setdefault(sentence.system, {}).setdefault(sentence.bin, []).append(sentence)
    pairings: list[Pairing] = []
    for first, second in itertools.combinations(sorted(by_system), 2):
        possible: list[Pairing] = []
        for bin_, ours in by_system[first].items():
            theirs = by_system[second].get(bin_, [])
            # Not all combinations: each sentence once, in an order that chance decides.
            possible.extend(
                (ours[one], theirs[other])
                for one, other in zip(
                    rng.permutation(len(ours)), rng.permutation(len(theirs)), strict=False
                )
                if ours[one].text != theirs[other].text
            )
        drawn = rng.permutation(len(possible))[: plan.num_pairs]
        pairings.extend(possible[place] for place in drawn)
    return pairings


def _checks(pool: Pool, taken: set[str], count: int, plan: Plan) -> list[Pairing]:
    """Return real sentences that nobody sees otherwise, each with a spoilt form of it."""
    rng = stream(plan.shuffle_seed, "checks")
    texts = list(dict.fromkeys(text for lines in pool[REAL].values() for text in lines))
    texts = [texts[place] for place in rng.permutation(len(texts))]
    known = {text for by_seed in pool.values() for lines in by_seed.values() for text in lines}
    # Of short sentences any order may be good; those not shown come first, then long ones.
    texts.sort(key=lambda text: (text in taken, -min(len(text.split()), 8)))
    checks: list[Pairing] = []
    for text in texts:
        if len(checks) < count and (spoilt := spoil(text, rng)) is not None and spoilt not in known:
            checks.append((Sentence(REAL, 0, text, 0), Sentence(REAL, 0, spoilt, 0)))
    if len(checks) < count:
        raise UserError(
            f"{count} real sentences are needed whose words can be put out of order to check "
            f"attention, but there are {len(checks)}; give a smaller --num"
        )
    return checks


def _items(chosen: Sequence[Sentence], checks: Sequence[Pairing], plan: Plan) -> dict[str, Item]:
    repeated = _repeated(len(chosen), plan, "sentences")
    names = [
        *(f"item\x1f{sentence.system}\x1f{place}" for place, sentence in enumerate(chosen)),
        *(f"repeat\x1f{chosen[place].system}\x1f{place}" for place in repeated),
        *(f"check\x1f{place}" for place in range(len(checks))),
    ]
    ids = item_ids(plan.secret, names)
    waiting = iter(ids)
    items: dict[str, Item] = {}
    for each in chosen:
        own = next(waiting)
        items[own] = Item(each.system, each.seed, each.bin, each.text, "item", own)
    for place in repeated:
        each = chosen[place]
        items[next(waiting)] = Item(
            each.system, each.seed, each.bin, each.text, "repeat", ids[place]
        )
    for _, spoilt in checks:
        own = next(waiting)
        items[own] = Item("check", spoilt.seed, spoilt.bin, spoilt.text, "check", own)
    return items


def _pairs(pairings: Sequence[Pairing], checks: Sequence[Pairing], plan: Plan) -> dict[str, Pair]:
    repeated = _repeated(len(pairings), plan, "pairs")
    every = [*pairings, *(pairings[place] for place in repeated), *checks]
    names = [f"pair\x1f{a.system}\x1f{b.system}\x1f{place}" for place, (a, b) in enumerate(every)]
    ids = item_ids(plan.secret, names)
    pairs: dict[str, Pair] = {}
    for place, (own, (first, second)) in enumerate(zip(ids, every, strict=True)):
        if place < len(pairings):
            pairs[own] = Pair(first.system, second.system, first.text, second.text, "item", own)
        elif place < len(pairings) + len(repeated):
            of = ids[repeated[place - len(pairings)]]
            pairs[own] = Pair(first.system, second.system, first.text, second.text, "repeat", of)
        else:
            pairs[own] = Pair(REAL, "check", first.text, second.text, "check", own)
    return pairs


def _repeated(count: int, plan: Plan, task: str) -> list[int]:
    rng = stream(plan.shuffle_seed, "repeats", task)
    return rng.permutation(count)[: share_of(count, REPEATED_SHARE, 1)].tolist() if count else []


def _order(items: dict[str, Item] | dict[str, Pair], rng: np.random.Generator) -> tuple[str, ...]:
    """Return a random order in which no repeat stands near what it repeats.

    Of an item that is shown twice, one form stands in the first third and the other in the last,
    as far as they fit; every other item stands anywhere.
    """
    ids = list(items)
    twice = {item.of for item in items.values() if item.purpose == "repeat"}
    order = [ids[place] for place in rng.permutation(len(ids))]
    for own in [each for each in ids if items[each].purpose == "repeat"]:
        third = max(1, len(order) // 3)
        for one, low in ((own, len(order) - third), (items[own].of, 0)):
            free = [
                place
                for place in range(low, low + third)
                if items[order[place]].of == order[place] and order[place] not in twice
            ]
            here = order.index(one)
            if free and not low <= here < low + third:
                there = free[int(rng.integers(len(free)))]
                order[here], order[there] = order[there], order[here]
    return tuple(order)
