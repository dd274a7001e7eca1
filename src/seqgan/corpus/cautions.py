"""What a reader of a data card must not overlook, in sentences with their numbers."""

from collections.abc import Iterator, Mapping
from typing import Any

from seqgan.corpus.shift import DIFFER

FEW_TRAINING, FEW_HELD_OUT = 1000, 200
MUCH_REPEATED, MUCH_UNKNOWN, MUCH_DROPPED = 0.2, 0.02, 0.2
MUCH_LEAKED, MUCH_COPIED, MUCH_ALIKE, LONG_ORDER = 0.05, 0.01, 0.1, 4
MUCH_SHARED = 0.5


def cautions(card: Mapping[str, Any]) -> list[str]:
    """Return the warnings of a card, what weighs most first."""
    return [text for find in FINDERS for text in find(card)]


def percent(share: float) -> str:
    """Return a share with as many digits as it needs to be told from 0 and from 1."""
    if 0.999 < share < 1 or 0 < share < 0.001:
        return f"{100 * share:.2g}%" if share < 0.5 else "more than 99.9%"
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def _equal_sets(card: Mapping[str, Any]) -> Iterator[str]:
    found = card["overlap"]
    if found is None:
        return
    if found["equal"]:
        yield (
            f"Validation equals test: both hold the same {found['shared']:,} distinct sentences, "
            "so what selects models also judges them."
        )
    elif found["share_of_validation"] >= MUCH_SHARED:
        yield (
            f"{percent(found['share_of_validation'])} of the distinct validation sentences are "
            f"test sentences too ({found['shared']:,}), so what selects models also judges them."
        )


def _copies(card: Mapping[str, Any]) -> Iterator[str]:
    for split, share in card["leaks"]["sentences"].items():
        if share >= MUCH_COPIED:
            yield (
                f"{percent(share)} of the {split} sentences stand in the training set word for "
                "word."
            )


def _shift(card: Mapping[str, Any]) -> Iterator[str]:
    found = card["shift"]
    if found["verdict"] != DIFFER:
        return
    for pair in found["pairs"]:
        one, other = pair["splits"]
        if pair["words"]:
            worst = pair["words"][0]
            rates = " and ".join(percent(rate) for rate in worst["rates"])
            yield (
                f"The {one} and {other} sets differ in {pair['words_shifted']:,} of "
                f"{pair['words_tested']:,} words, most surely in “{worst['word']}” ({rates} of "
                "their distinct sentences): they are no random parts of one corpus."
            )
        if pair["lengths"]["p_holm"] < found["alpha"]:
            yield (
                f"Sentences of the {one} and {other} sets differ in length: their distributions "
                f"lie up to {percent(pair['lengths']['distance'])} apart."
            )


def _leaks(card: Mapping[str, Any]) -> Iterator[str]:
    found = card["leaks"]
    yardstick = found["ngrams"]["half"]
    for split in found["sentences"]:
        above = [
            (share - usual, order, share, usual)
            for order, share, usual in zip(
                found["orders"], found["ngrams"][f"{split}_in_half"], yardstick, strict=True
            )
            if order >= LONG_ORDER and share is not None and usual is not None
        ]
        if above and max(above)[0] >= MUCH_LEAKED:
            _, order, share, usual = max(above)
            yield (
                f"{percent(share)} of the {order}-grams of the {split} set stand in a half of the "
                f"training set, but only {percent(usual)} of those of its other half: more leaks "
                "than a language repeats by itself."
            )


def _near_duplicates(card: Mapping[str, Any]) -> Iterator[str]:
    for split, found in card["near_duplicates"].items():
        if found["shares"]["0.8"] >= MUCH_ALIKE:
            yield (
                f"{percent(found['shares']['0.8'])} of {found['sampled']:,} {split} sentences "
                "share at least 80% of their bigrams with one training sentence."
            )


def _repetition(card: Mapping[str, Any]) -> Iterator[str]:
    for split, found in card["splits"].items():
        if found["repeated_share"] >= MUCH_REPEATED:
            yield (
                f"{percent(found['repeated_share'])} of the {split} sentences repeat another: "
                f"{found['sentences']:,} sentences, {found['distinct_sentences']:,} distinct ones."
            )


def _unknown(card: Mapping[str, Any]) -> Iterator[str]:
    shares = {name: found["dropped_share"] for name, found in card["unknown"].items()}
    known = {name: share for name, share in shares.items() if share is not None}
    if max(known.values(), default=0) >= MUCH_DROPPED:
        told = ", ".join(f"{percent(share)} of {name}" for name, share in known.items())
        yield (
            f"Sentences with an unknown word were left out, {told}: those that remain are easier "
            "than the corpus."
        )
    for split, found in card["unknown"].items():
        if found["token_share"] >= MUCH_UNKNOWN:
            yield (
                f"{percent(found['token_share'])} of the {split} tokens are unknown words, in "
                f"{percent(found['sentence_share'])} of its sentences."
            )


def _size(card: Mapping[str, Any]) -> Iterator[str]:
    for split, found in card["splits"].items():
        least = FEW_TRAINING if split == "train" else FEW_HELD_OUT
        if found["distinct_sentences"] < least:
            yield (
                f"The {split} set has {found['distinct_sentences']:,} distinct "
                f"sentence{'s' if found['distinct_sentences'] != 1 else ''}; below {least:,}, "
                "scores say little."
            )


def _classes(card: Mapping[str, Any]) -> Iterator[str]:
    for split, found in card["splits"].items():
        if empty := [name for name, count in (found["labels"] or []) if not count]:
            yield f"The {split} set has no sentence of {', '.join(f'“{name}”' for name in empty)}."


FINDERS = (
    _equal_sets,
    _copies,
    _shift,
    _leaks,
    _near_duplicates,
    _unknown,
    _repetition,
    _size,
    _classes,
)
