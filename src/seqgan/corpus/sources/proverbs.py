"""Esperanto proverbs, from a Debian package of fortunes."""

import re
from pathlib import Path

from seqgan.corpus.sources.archives import decode, members
from seqgan.corpus.sources.cleaning import Rows, Settings, tidy

PROVERBS = re.compile(r"\./usr/share/games/fortunes/eo/proverbaro")
BETWEEN = re.compile(r"^%+$", re.MULTILINE)


def read_proverbs(path: Path, settings: Settings) -> Rows:
    """Yield proverbs."""
    del settings
    for name, content in members(path, PROVERBS):
        for proverb in BETWEEN.split(decode(content, f"{path}: {name}")):
            if text := tidy(proverb):
                yield {"text": text}
