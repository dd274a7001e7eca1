"""Whether sentences are Chinese quatrains: their form, repeated characters and rhyme."""

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from types import MappingProxyType

import numpy as np

from seqgan.metrics.score import Score, mean_score, sign

# Ideographs: the basic block, extensions A to H, compatibility, and the round zero.
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
ONE_HAN = re.compile(f"[{HAN}]")
MARK = "[，。！？；：、,.!?;:|/\n]"
QUATRAIN = re.compile(
    "|".join(
        rf"(?:[{HAN}]{{{length}}}{MARK}){{3}}[{HAN}]{{{length}}}{MARK}?|[{HAN}]{{{4 * length}}}"
        for length in (5, 7)
    )
)
REMEDY = "pip install -e '.[chinese]'"
FINALS: Mapping[str, str] = MappingProxyType(
    {
        final: group
        for group, finals in {
            "a": "a ia ua",
            "o": "o e uo",
            "ie": "ie ve ue",
            "ai": "ai uai",
            "ei": "ei uei ui",
            "ao": "ao iao",
            "ou": "ou iou iu",
            "an": "an ian uan van",
            "en": "en in uen un vn",
            "ang": "ang iang uang",
            "eng": "eng ing ueng ong iong",
            "i": "i er v",
            "u": "u",
        }.items()
        for final in finals.split()
    }
)
"""The group of rhymes of each final in Hanyu Pinyin, ``v`` for ü.

The fourteen groups of Zhonghua Xinyun (Chinese Poetry Society, 2005), without that of the vowel of
zhi, chi, shi, ri, zi, ci and si, which the initial tells.
"""
APICAL = ("zh", "ch", "sh", "r", "z", "c", "s")
Readings = Callable[[str], Sequence[str]]


def form(text: str) -> list[str] | None:
    """Return the four lines of a quatrain of 5 or of 7 characters a line; ``None`` for no quatrain.

    Lines are parted by punctuation or a line break, or all by nothing: 20 or 28 characters. Spaces
    between characters do not count.
    """
    plain = re.sub(r"[^\S\n]+", "", text).strip("\n")
    if not QUATRAIN.fullmatch(plain):
        return None
    characters = ONE_HAN.findall(plain)
    size = len(characters) // 4
    return ["".join(characters[i * size : (i + 1) * size]) for i in range(4)]


def rhyme_group(reading: str) -> str:
    """Return the group of rhymes of a syllable in Hanyu Pinyin without tone, such as ``shi``.

    Empty for what is no such syllable. ``v`` and ``ü`` are the same.
    """
    syllable = reading.replace("ü", "v")
    if syllable.endswith("i") and syllable[:-1] in APICAL:
        return "-i"
    return FINALS.get(_final(syllable), "")


def mandarin_readings() -> tuple[Readings, str]:
    """Return what gives the readings of a character in modern Mandarin, and its signature.

    Raises ``ValueError``, with the remedy, where pypinyin is not installed.
    """
    try:
        pypinyin = importlib.import_module("pypinyin")
    except ModuleNotFoundError:
        raise ValueError(
            f"no rhymes of quatrains, because pypinyin is not installed: {REMEDY}"
        ) from None

    def readings(character: str) -> list[str]:
        found = pypinyin.pinyin(character, style=pypinyin.Style.NORMAL, heteronym=True, v_to_u=True)
        return [reading for several in found for reading in several]

    return readings, f"pypinyin-{metadata.version('pypinyin')}"


def quatrain_validity(texts: Sequence[str], **settings: object) -> list[Score]:
    """Return the scores of form of what should be quatrains, each in [0, 1].

    - ``quatrain_form``: share of texts with four lines of 5, or of 7, characters.
    - ``quatrain_distinct``: mean over texts of different characters / characters; 0 without one.

    Real quatrains repeat few characters, but some do. Raises ``ValueError`` without a text.
    """
    if not texts:
        raise ValueError("quatrain_form needs at least one text")
    signature = sign(samples=len(texts), **settings)
    forms = np.array([form(text) is not None for text in texts], dtype=np.float64)
    found = [ONE_HAN.findall(text) for text in texts]
    shares = np.array([len(set(each)) / max(1, len(each)) for each in found], dtype=np.float64)
    return [
        mean_score("quatrain_form", forms, signature, "samples"),
        mean_score("quatrain_distinct", shares, signature, "samples"),
    ]


def quatrain_rhyme(
    texts: Sequence[str], dictionary: tuple[Readings, str] | None = None, **settings: object
) -> list[Score]:
    """Return the share of quatrains whose lines 2 and 4 end in a rhyme; in [0, 1].

    By the finals of **modern Mandarin**, in the groups of Zhonghua Xinyun and whatever the tone,
    not by the rhymes of the poet's time: many that rhymed then do not now, so even real quatrains
    stay below 1, and the row of real ones is the measure. Any reading of a character may
    rhyme. The same character twice is no rhyme, and what is no quatrain has none.

    Args:
        texts: Generated texts.
        dictionary: Readings of a character in Hanyu Pinyin, and their signature; those of pypinyin
            where none is given.
        settings: What else the signature names.

    Raises:
        ValueError: Without a text, and where a dictionary is needed and pypinyin is not installed.
    """
    if not texts:
        raise ValueError("quatrain_rhyme needs at least one text")
    readings, source = dictionary or mandarin_readings()
    groups: dict[str, set[str]] = {}

    def rhymes(text: str) -> bool:
        lines = form(text)
        if lines is None or lines[1][-1] == lines[3][-1]:
            return False
        for line in (lines[1], lines[3]):
            groups.setdefault(
                line[-1], {group for each in readings(line[-1]) if (group := rhyme_group(each))}
            )
        return bool(groups[lines[1][-1]] & groups[lines[3][-1]])

    values = np.array([rhymes(text) for text in texts], dtype=np.float64)
    signature = sign(samples=len(texts), rhymes="zhonghua-xinyun-14", readings=source, **settings)
    return [mean_score("quatrain_rhyme", values, signature, "samples")]


def _final(syllable: str) -> str:
    """Return the part of a syllable after its initial, with the vowels that spelling leaves out."""
    found = re.fullmatch(r"(zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])?([a-zê]*)", syllable)
    if found is None:
        return ""
    initial, final = found[1] or "", found[2]
    if initial in ("j", "q", "x", "y") and final.startswith("u"):
        return f"v{final[1:]}"  # ju is jü, yuan is üan
    if initial == "y":
        return final if final.startswith("i") else f"i{final}"
    if initial == "w":
        return final if final == "u" else f"u{final}"
    return final
