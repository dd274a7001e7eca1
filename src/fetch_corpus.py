"""Fetch a known corpus by its hash and read its sentences from the archive."""

import hashlib
import signal
from pathlib import Path
from typing import Any

from seqgan.corpus.sources.catalogue import Source, source_of
from seqgan.corpus.sources.cleaning import Rows
from seqgan.corpus.sources.fetching import Places, obtain
from seqgan.errors import UserError
from seqgan.failures import Stopped
from seqgan.records import json_lines, readable_json, write_atomically
from seqgan.stage import Context, Stage

STAGE = Stage(
    "fetch_corpus",
    __doc__,
    inputs={},
    outputs={"source": "folder of the sentences, with their source and licence"},
    seeded=False,
    on_device=False,
    options={
        "downloads": {
            "metavar": "FOLDER",
            "default": "data/downloads",
            "help": "where archives are kept; what is there is never fetched again",
        },
        "mirror": {
            "metavar": "FOLDER",
            "nargs": "?",
            "help": "folder of archives that is looked into first, and never written",
        },
        "offline": {
            "nargs": "?",
            "const": "yes",
            "default": "no",
            "choices": ("yes", "no"),
            "help": "never ask the net",
        },
    },
)


def run(context: Context) -> None:
    """Write sentences, source and licence; nothing of the archive is unpacked, installed or run."""
    signal.signal(signal.SIGTERM, _stop)
    settings: dict[str, Any] = context.settings["source"]
    source = source_of(settings)
    path = None
    if source.archive is not None:
        mirror = context.option("mirror")
        places = Places(
            Path(context.option("downloads")),
            Path(mirror) if mirror else None,
            context.option("offline") == "yes",
        )
        path = obtain(source.archive, places, context.follow, context.say)
    folder = context.output("source")
    folder.mkdir(parents=True)
    facts = describe(source, settings, path)
    facts |= write_rows(folder / "text.jsonl", source.read(path, settings))
    if not facts["records"]:
        raise UserError(
            f"{settings['kind']} has no sentence with these settings; take more years, books, "
            "domains or labels"
        )
    write_atomically(folder / "source.json", readable_json(facts))
    write_atomically(folder / "LICENCE.txt", licence(source).encode())
    context.say(f"{facts['records']} sentences of {source.title} ({source.licence})")


def write_rows(path: Path, rows: Rows) -> dict[str, Any]:
    """Write one JSON object a line; return how many, and the hash of all."""
    digest, count = hashlib.sha256(), 0
    with open(path, "wb") as file:
        for row in rows:
            line = json_lines([row])
            digest.update(line)
            file.write(line)
            count += 1
    return {"records": count, "text_sha256": digest.hexdigest()}


def describe(source: Source, settings: dict[str, Any], path: Path | None) -> dict[str, Any]:
    """Return what is known of a source and of the bytes that are read."""
    facts: dict[str, Any] = {
        "name": source.title,
        "kind": settings["kind"],
        "settings": settings,
        "licence": source.licence,
        "terms": source.terms,
        "citation": source.citation,
        "upstream": source.upstream,
        **source.facts(settings),
    }
    if path is not None:
        facts["bytes"] = path.stat().st_size
    return facts


def licence(source: Source) -> str:
    """Return licence and source in plain words."""
    lines = [
        source.title,
        f"Licence: {source.licence}",
        source.terms,
        f"Cite as: {source.citation}",
        f"Source: {source.upstream}",
    ]
    return "\n".join(lines) + "\n"


def _stop(*_: Any) -> None:
    raise Stopped("stopped; start it again, what was transferred is kept")


if __name__ == "__main__":
    STAGE.main(run)
