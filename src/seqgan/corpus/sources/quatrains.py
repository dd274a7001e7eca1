"""Chinese quatrains from the complete poems of the Tang and Song dynasties."""

import re
from pathlib import Path

from seqgan.corpus.sources.archives import members, parse_json
from seqgan.corpus.sources.cleaning import Rows, Settings, tidy
from seqgan.errors import UserError

NUM_LINES = 4
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
LINE = re.compile(rf"([{HAN}]+)([，。？！；、：])")
DYNASTIES = {"tang": "tang", "song": "song", "both": "tang|song"}


def read_quatrains(path: Path, settings: Settings) -> Rows:
    """Yield poems of four lines of five or seven characters, each with the mark that ends it.

    The dynasty is the label, the poem the group. Poems with a missing character, a remark, or a
    character that is described for want of a code point are left out.
    """
    wanted = re.compile(
        rf"package/dist/quantangshi/poet\.({DYNASTIES[settings['dynasty']]})\.\d+\.json"
    )
    for name, content in members(path, wanted):
        found = wanted.fullmatch(name)
        label = found[1] if found else ""
        try:
            for poem in parse_json(content, f"{path}: {name}"):
                text = tidy("".join(poem["paragraphs"])).replace(" ", "")
                if _is_quatrain(text, settings["characters"]):
                    yield {"text": text, "label": label, "group": str(poem.get("id", ""))}
        except (KeyError, TypeError, AttributeError):
            raise UserError(f"{path}: {name} has not the poems that it had") from None


def _is_quatrain(text: str, characters: int) -> bool:
    lines = LINE.findall(text)
    return (
        len(lines) == NUM_LINES
        and all(len(line) == characters for line, _ in lines)
        and len(text) == NUM_LINES * (characters + 1)
    )
