"""Notes, rests and bar lines of the ABC 2.1 music notation, and whole files made of them.

Durations are exact multiples of the unit note length, the field ``L:`` of a tune.

Source: https://abcnotation.com/wiki/abc:standard:v2.1, sections 4.1 to 4.8 and 11.3.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType

from seqgan.errors import UserError

# Numbers that music needs: longer ones would take more time than they are worth.
LENGTH = r"(?P<times>[1-9][0-9]{0,3})?(?P<slashes>/{1,8})?(?P<by>(?<=[^/]/)[1-9][0-9]{0,3})?"
NOTE = re.compile(
    rf"(?:(?P<accidental>\^{{1,2}}|_{{1,2}}|=)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)|[zx]){LENGTH}"
)
BAR_LINE = re.compile(r":*\|[\]|]?:*|\[\|:*|::")
SIMPLE_BAR, END = "|", "|]"
ALTERATIONS: Mapping[str, int] = MappingProxyType({"^": 1, "^^": 2, "_": -1, "__": -2, "=": 0})
ACCIDENTALS = {by: sign for sign, by in ALTERATIONS.items()}
PITCHES: Mapping[str, int] = MappingProxyType(
    {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
)
SHARPS, FLATS = "FCGDAEB", "BEADGCF"
"""The order in which key signatures add them."""
TONICS = ("Fb", "Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#",
          "G#", "D#", "A#", "E#", "B#")  # fmt: skip
"""Along the circle of fifths; C has no signature as a major key."""
MODES: Mapping[str, int] = MappingProxyType(
    {"": 0, "maj": 0, "ion": 0, "m": -3, "min": -3, "aeo": -3, "mix": -1, "dor": -2, "phr": -4,
     "lyd": 1, "loc": -5}
)  # fmt: skip
"""Fifths between the signature of a mode and that of the major key on the same tonic."""
KEY = re.compile(r"([A-G][#b]?) ?([A-Za-z]*)")
METRE = re.compile(r"([1-9]\d{0,2})/(1|2|4|8|16|32|64)")
BARS_A_LINE = 4


@dataclass(frozen=True)
class Note:
    """A note or a rest.

    Attributes:
        letter: ``C`` to ``B``; empty for a rest.
        alteration: Half tones that its own accidental raises it by; none without an accidental.
        name: As it is written, without accidental and duration, such as ``c'``.
        duration: In unit note lengths, above 0.
    """

    letter: str
    alteration: int | None
    name: str
    duration: Fraction


def read_token(token: str) -> Note | str | None:
    """Return a note, a bar line as it is written, or ``None`` for what is neither.

    Chords, tuplets, grace notes, ties and broken rhythms are neither: their notes are written one
    by one with their own durations. Repeats and ends are bar lines too.
    """
    if BAR_LINE.fullmatch(token):
        return token
    found = NOTE.fullmatch(token)
    if found is None:
        return None
    duration = Fraction(
        int(found["times"] or 1), int(found["by"] or 0) or 2 ** len(found["slashes"] or "")
    )
    if found["letter"] is None:
        return Note("", None, token[0], duration)
    alteration = ALTERATIONS[found["accidental"]] if found["accidental"] else None
    return Note(found["letter"].upper(), alteration, found["letter"] + found["octave"], duration)


def to_abc(
    tokens: Sequence[str],
    number: int,
    title: str,
    key: str = "C",
    metre: str = "4/4",
    unit: str = "1/8",
) -> str:
    """Return a tune as a whole ABC file, which other programs open.

    Tokens mean what they mean alone: an accidental belongs to its own note, and all others follow
    the key signature, so one is written again where a bar would carry it on. Where the tokens have
    no bar lines the metre sets them, and a note across one is written as two that are tied. Tokens
    that are no notes are left out; a field ``N:`` says how many.

    Args:
        tokens: Notes, rests and bar lines.
        number: Of the tune in its file, 1 or more.
        title: Its title; line breaks and comment signs become spaces.
        key: Such as ``C``, ``F#m`` or ``D dorian``.
        metre: Such as ``6/8``, ``C`` or ``C|``.
        unit: Duration of a note without a number, such as ``1/8``.

    Raises:
        UserError: For a number below 1, or a key, a metre or a unit that ABC does not know.
    """
    if number < 1:
        raise UserError(f"a tune is numbered from 1 on, but {number} was given")
    signature = key_signature(key)
    bar = _fraction("metre", {"C": "4/4", "C|": "2/2"}.get(metre, metre)) / _fraction("unit", unit)
    read = [read_token(token) for token in tokens]
    known = [each for each in read if each is not None]
    if not any(isinstance(each, str) for each in known):
        known = list(_barred([each for each in known if isinstance(each, Note)], bar))
    body = _lines(known, signature)
    plain = (sign if sign.isprintable() and sign not in "%\\" else " " for sign in title)
    shown = " ".join("".join(plain).split())
    left_out = len(read) - sum(each is not None for each in read)
    fields = ["%abc-2.1", f"X:{number}", f"T:{shown}"]
    if left_out:
        fields.append(f"N:left out {left_out} of {len(read)} tokens, which are no notes")
    return "\n".join([*fields, f"M:{metre}", f"L:{unit}", f"K:{key}", *body]) + "\n"


def key_signature(key: str) -> dict[str, int]:
    """Return the half tones by which a key raises each letter that it alters.

    Raises :class:`UserError` for what is no key of ABC: a tonic, and a mode by its first letters.
    """
    found = KEY.fullmatch(key)
    mode = "" if found is None else found[2].lower()
    shift = MODES.get(mode if mode == "m" else mode[:3])
    if found is not None and shift is not None and found[1] in TONICS:
        fifths = TONICS.index(found[1]) - TONICS.index("C") + shift
        if abs(fifths) <= 7:
            letters = SHARPS[:fifths] if fifths > 0 else FLATS[:-fifths]
            return dict.fromkeys(letters, 1 if fifths > 0 else -1)
    raise UserError(f"`key` must be one of ABC, but is {key!r}; take C, F#m or D dorian, say")


@dataclass(frozen=True)
class _Tied:
    """A note that the next one prolongs."""

    note: Note


def _fraction(what: str, text: str) -> Fraction:
    if found := METRE.fullmatch(text):
        return Fraction(int(found[1]), int(found[2]))
    raise UserError(f"`{what}` must be a fraction such as 3/4, but is {text!r}")


def _barred(notes: Sequence[Note], bar: Fraction) -> Iterator[Note | _Tied | str]:
    """Yield notes with bar lines wherever a bar is full."""
    left = bar
    for note in notes:
        rest = note.duration
        while rest > left:
            part = replace(note, duration=left)
            yield _Tied(part) if note.letter else part
            yield SIMPLE_BAR
            rest, left = rest - left, bar
        yield replace(note, duration=rest)
        left -= rest
        if not left:
            yield SIMPLE_BAR
            left = bar


def _lines(known: Sequence[Note | _Tied | str], signature: Mapping[str, int]) -> list[str]:
    """Return the body, some bars a line, with the accidentals that keep the pitches."""
    lines: list[list[str]] = [[]]
    bars, altered = 0, set()
    for each in known:
        if len(lines[-1]) and bars == BARS_A_LINE:
            lines.append([])
            bars = 0
        if isinstance(each, str):
            lines[-1].append(each)
            bars, altered = bars + 1, set()
            continue
        note = each.note if isinstance(each, _Tied) else each
        wanted = note.alteration
        if wanted is None and note.letter in altered:
            wanted = signature.get(note.letter, 0)
        elif wanted is not None:
            altered.add(note.letter)
        accidental = "" if wanted is None else ACCIDENTALS[wanted]
        length = "" if note.duration == 1 else str(note.duration)
        tie = "-" if isinstance(each, _Tied) else ""
        lines[-1].append(f"{accidental}{note.name}{length}{tie}")
    if not lines[-1] or not BAR_LINE.fullmatch(lines[-1][-1]):
        lines[-1].append(END)
    elif lines[-1][-1] == SIMPLE_BAR:
        lines[-1][-1] = END
    return [" ".join(line) for line in lines]
