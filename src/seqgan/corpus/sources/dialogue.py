"""Small talk: the Chit-Chat dataset."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqgan.corpus.sources.archives import members, parse_json
from seqgan.corpus.sources.cleaning import Row, Rows, Settings, tidy
from seqgan.errors import UserError

DATASET = re.compile(r"chitchat_dataset/dataset\.json")


def read_chitchat(path: Path, settings: Settings) -> Rows:
    """Yield messages, or turns with the turn before them as prompt; conversations are groups.

    A turn is all that one person writes until the other answers.
    """
    for name, content in members(path, DATASET):
        try:
            for group, conversation in parse_json(content, f"{path}: {name}").items():
                turns = [
                    [tidy(message["text"]) for message in turn] for turn in conversation["messages"]
                ]
                yield from UNITS[settings["unit"]](turns, group)
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path}: {name} has not the conversations that it had") from None


def _sentences(turns: list[list[str]], group: str) -> Rows:
    for turn in turns:
        for message in filter(None, turn):
            yield {"text": message, "group": group}


def _pairs(turns: list[list[str]], group: str) -> Rows:
    whole = [" ".join(filter(None, turn)) for turn in turns]
    for prompt, text in pairwise(whole):
        if prompt and text:
            row: Row = {"text": text, "prompt": prompt, "group": group}
            yield row


UNITS: dict[str, Any] = {"sentences": _sentences, "pairs": _pairs}
