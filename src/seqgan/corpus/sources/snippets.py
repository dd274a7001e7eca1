"""English sentences that people rated, from the data of VADER."""

import html
import re
from pathlib import Path

from seqgan.corpus.sources.archives import decode, members, members_within
from seqgan.corpus.sources.cleaning import Rows, Settings, tidy
from seqgan.errors import UserError

INNER = re.compile(r"[^/]+/additional_resources/hutto_ICWSM_2014\.tar\.gz")
FILES = {
    "movies": "movieReviewSnippets",
    "editorials": "nytEditorialSnippets",
    "products": "amazonReviewSnippets",
    "tweets": "tweets",
}
QUOTES = re.compile(r"``|''")


def read_snippets(path: Path, settings: Settings) -> Rows:
    """Yield rated sentences with their class; those of one review or article are a group."""
    domains = {FILES[domain]: domain for domain in settings["domains"]}
    wanted = re.compile(rf"hutto_ICWSM_2014/({'|'.join(domains)})_GroundTruth\.txt")
    for name, content in members(path, INNER):
        for inner, table in members_within(content, f"{path}: {name}", wanted):
            found = wanted.fullmatch(inner)
            domain = domains[found[1]] if found else ""
            where = f"{path}: {inner}"
            # Not splitlines(): it also cuts at signs that stand inside a sentence.
            for line in decode(table, where).split("\n"):
                if not line.strip():
                    continue
                number, rating, text = _fields(line, where)
                label = _label(rating, settings)
                clean = tidy(QUOTES.sub('"', html.unescape(html.unescape(text))))
                if label in settings["labels"] and clean:
                    group = f"{domain}/{number.split('_')[0]}"
                    yield {"text": clean, "label": label, "group": group}


def _fields(line: str, where: str) -> tuple[str, float, str]:
    try:
        number, rating, text = line.split("\t", 2)
        return number, float(rating), text
    except ValueError:
        raise UserError(f"{where} has a line that is no rated sentence: {line[:60]!r}") from None


def _label(rating: float, settings: Settings) -> str:
    if rating >= settings["positive_from"]:
        return "positive"
    return "negative" if rating <= settings["negative_to"] else "neutral"
