"""The section of a report on its corpus: the data card as tables and sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seqgan.report.evidence import Evidence
from seqgan.report.wording import probability

NONE = "–"
NAMES = ("name", "licence", "url", "version", "sha256", "citation", "records")
"""What is known of a source, in this order and before anything else that is."""
MOST_SIGNS = 300
"""Signs of a sentence that are shown."""
SPLIT_ORDER = ("train", "validation", "test", "discriminator")


def has_card(evidence: Evidence) -> bool:
    """Return whether there is a data card: text corpora have one."""
    return "card" in evidence.facts


# --- tables ---------------------------------------------------------------------------------------


def section(evidence: Evidence) -> dict[str, Any] | None:
    """Return what the section shows, as texts; nothing without a data card."""
    if not has_card(evidence):
        return None
    card = evidence.facts["card"]
    return {
        "warnings": card["warnings"],
        "verdict": verdict(card["shift"]),
        "source": list(source(evidence.facts)),
        "left_out": left_out(evidence.facts),
        "tables": [table for table in tables(card) if table is not None],
        "most_frequent": [
            (word or "∅", f"{count:,}") for word, count in card["frequency"]["most_frequent"]
        ],
        "pairs": [
            {
                "split": split,
                "similarity": percent(pair["similarity"]),
                "text": shortened(pair["text"]),
                "training_text": shortened(pair["training_text"]),
            }
            for split, found in card["near_duplicates"].items()
            for pair in found["pairs"]
        ],
        "pairs_note": pairs_note(card["near_duplicates"]),
    }


def source(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is known of where the sentences come from."""
    known = facts.get("source", {})
    for name in [*(each for each in NAMES if each in known), *sorted(known.keys() - set(NAMES))]:
        if (value := known[name]) not in (None, "", [], {}):
            yield name.replace("_", " "), _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_as_text(each)}" for key, each in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(_as_text, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def left_out(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return how many lines were read, and how many were left out for which reason."""
    reasons = [(why, count) for why, count in facts.get("left_out", {}).items() if count]
    total = facts.get("lines")
    rows = [
        [why, f"{count:,}", percent(count / total) if total else NONE]
        for why, count in sorted(reasons, key=lambda each: -each[1])
    ]
    return {"lines": f"{total:,}" if total is not None else NONE, "rows": rows}


def tables(card: Mapping[str, Any]) -> Iterator[dict[str, Any] | None]:
    """Yield every table as its title, note, columns and rows of texts."""
    yield counts(card)
    yield classes(card)
    yield leaked(card["leaks"])
    yield near(card["near_duplicates"])
    yield shifted(card["shift"])


def counts(card: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of what the splits hold."""
    names = in_order(card["splits"])
    found, unknown = card["splits"], card["unknown"]
    lines: list[tuple[str, Any]] = [
        ("sentences", lambda name: f"{found[name]['sentences']:,}"),
        ("distinct sentences", lambda name: f"{found[name]['distinct_sentences']:,}"),
        ("repeated sentences", lambda name: percent(found[name]["repeated_share"])),
        ("tokens", lambda name: f"{found[name]['tokens']:,}"),
        ("distinct tokens", lambda name: f"{found[name]['distinct_tokens']:,}"),
        ("unknown tokens", lambda name: percent(unknown[name]["token_share"])),
        ("mean length", lambda name: f"{found[name]['length']['mean']:.1f}"),
        ("lengths at 5%, 50%, 95%", lambda name: _middle(found[name]["length"]["quantiles"])),
        ("longest sentence", lambda name: f"{found[name]['length']['longest']:,}"),
    ]
    if any(each["dropped_share"] is not None for each in unknown.values()):
        lines.insert(
            6, ("dropped for an unknown word", lambda name: percent(unknown[name]["dropped_share"]))
        )
    words = card["frequency"]
    exponent = words["zipf_exponent"]
    return {
        "title": "Counts",
        "id": "corpus-counts",
        "columns": ["", *names],
        "rows": [[title, *(write(name) for name in names)] for title, write in lines],
        "note": "Without conditions and end tokens. Repeated: sentences that the split holds once "
        f"more. Of {words['words_in_training']:,} words in the training set, "
        f"{percent(words['share_of_words_seen_once'])} stand there once"
        + ("." if exponent is None else f"; Zipf's exponent is {exponent:.2f}."),
    }


def _middle(quantiles: Mapping[str, int]) -> str:
    return ", ".join(str(quantiles[share]) for share in ("0.05", "0.5", "0.95"))


def classes(card: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the table of sentences by class, if there are classes."""
    names = [name for name in in_order(card["splits"]) if card["splits"][name]["labels"]]
    if not names:
        return None
    by_split = {name: dict(card["splits"][name]["labels"]) for name in names}
    labels = list(by_split[names[0]])
    return {
        "title": "Classes",
        "id": "corpus-classes",
        "columns": ["class", *names],
        "rows": [
            [
                label,
                *(
                    f"{of[label]:,} ({percent(of[label] / max(1, sum(of.values())))})"
                    for of in by_split.values()
                ),
            ]
            for label in labels
        ],
        "note": "Sentences, and their share of the split.",
    }


def leaked(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the table of held-out n-grams that the training set has too."""
    rows = []
    held_out = in_order(found["sentences"])
    for name in held_out:
        whole = percent(found["sentences"][name])
        rows.append([f"{name} in train", *map(percent, found["ngrams"][name]), whole])
    for name in held_out:
        shares = found["ngrams"][f"{name}_in_half"]
        rows.append([f"{name} in half of train", *map(percent, shares), NONE])
    rows.append(["one half of train in the other", *map(percent, found["ngrams"]["half"]), NONE])
    sampled = max(found["sampled"].values())
    return {
        "title": "N-grams that the training set has too",
        "id": "corpus-leaks",
        "columns": ["n", *map(str, found["orders"]), "whole sentences"],
        "rows": rows,
        "note": f"N-grams of at most {sampled:,} sentences of each set, looked for in all "
        f"{found['training_sentences']:,} training sentences. A language repeats itself, so the "
        "last rows are the yardstick: what two random halves of the training set share, and what "
        "held-out sentences share with the same half. Only more than that is a leak.",
    }


def near(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the table of how close held-out sentences come to training sentences."""
    if not found:
        return None
    names = in_order(found)
    levels = list(found[names[0]]["shares"])
    return {
        "title": "Near-duplicates",
        "id": "corpus-duplicates",
        "columns": ["split", "compared", *(f"similarity ≥ {level}" for level in levels)],
        "rows": [
            [
                name,
                f"{found[name]['sampled']:,}",
                *(percent(found[name]["shares"][level]) for level in levels),
            ]
            for name in names
        ],
        "note": "Highest Jaccard similarity of a sentence's set of bigrams to that of any training "
        "sentence; 1 is the same set, if not the same sentence. Unknown words count as one.",
    }


def shifted(found: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the table of words that tell splits apart, if any does."""
    rows = [
        [word["word"], *(percent(rate) for rate in word["rates"]), " and ".join(pair["splits"]),
         probability(word["p_holm"])]
        for pair in found["pairs"]
        for word in pair["words"]
    ]  # fmt: skip
    if not rows:
        return None
    return {
        "title": "Words that tell splits apart",
        "id": "corpus-shift",
        "columns": ["word", "in the first", "in the second", "splits", "p (Holm)"],
        "rows": rows,
        "note": "Share of the distinct sentences with the word, at most 20 words of each pair.",
    }


def verdict(found: Mapping[str, Any]) -> str:
    """Say whether the splits are random parts of one corpus."""
    if not found["pairs"]:
        return "There is one split alone, and nothing to compare it with."
    tested = sum(pair["words_tested"] for pair in found["pairs"])
    parts = [
        f"{' and '.join(pair['splits'])}: {pair['words_shifted']:,} of {pair['words_tested']:,} "
        f"words, lengths p {_p(pair['lengths']['p'])}"
        for pair in found["pairs"]
    ]
    return (
        f"By words and lengths, {found['verdict'].replace('splits', 'the splits', 1)} at a level "
        f"of {found['alpha']:g} over all {tested + len(parts):,} tests ({'; '.join(parts)})."
    )


def _p(value: float) -> str:
    text = probability(value)
    return text if text.startswith("<") else f"= {text}"


def pairs_note(found: Mapping[str, Any]) -> str:
    """Say which pairs of sentences are shown."""
    least = min((each["sampled"] for each in found.values()), default=0)
    return (
        f"The closest of at least {least:,} sentences of each held-out set, each above the "
        "training sentence that it is closest to."
    )


def in_order(found: Mapping[str, Any]) -> list[str]:
    """Return splits as readers expect them."""
    return sorted(found, key=lambda name: (*SPLIT_ORDER, name).index(name))


def percent(share: float | None) -> str:
    """Return a share with one decimal; what is not quite nothing or all is not shown as such."""
    if share is None:
        return NONE
    if 0 < share < 0.0005:
        return "< 0.1%"
    if 0.9995 <= share < 1:
        return "> 99.9%"
    return f"{100 * share:.1f}%"


def shortened(text: str) -> str:
    """Return a text of bearable length."""
    return text if len(text) <= MOST_SIGNS else f"{text[:MOST_SIGNS]}…"
