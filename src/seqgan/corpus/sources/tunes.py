"""Folk tunes in ABC notation, cut into pieces of some notes."""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from seqgan.corpus.sources.archives import decode, members
from seqgan.corpus.sources.cleaning import Row, Rows, Settings, tidy

FIELD = re.compile(r"([A-Za-z]):(?![|:])\s*(.*)")
# Remarks, decorations, fields within a line, grace notes: no notes of the tune.
ORNAMENT = re.compile(r'"[^"]*"|![^!\s]*!|\+[^+\s]*\+|\[[A-Za-z]:[^\]]*\]|\{[^}]*\}')
NOTE = r"(?:\^{1,2}|_{1,2}|=)?[A-Ga-g][,']*|[zx]"
LENGTH = r"[0-9]{0,4}/*[0-9]{0,4}"
SYMBOL = re.compile(
    rf"(?P<chord>\[(?:(?:{NOTE}){LENGTH})+\]{LENGTH})|(?P<note>{NOTE})(?P<length>{LENGTH})"
    r"|(?P<broken>>{1,3}|<{1,3})|\((?P<tuplet>[2-9])(?::(?P<into>[1-9]?))?(?::(?P<over>[1-9]?))?"
    r"|(?P<bar>:*\|[\]|]?:*|\[\|:*|::)"
)
INTO = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}
"""Notes in whose time those of a tuplet are played, in simple metres (ABC 2.1, section 4.13)."""
COMPOUND = re.compile(r"(6|9|12)/")


def read_tunes(path: Path, settings: Settings) -> Rows:
    """Yield pieces of so many notes, with bar lines or without; tunes are groups.

    Each note is written with its own length: the marks of broken rhythm and of tuplets are carried
    out. Of a chord its first note stays. ``meta`` has the tune's title, key, metre and unit length.
    """
    wanted = re.compile(rf"music21/corpus/({'|'.join(settings['books'])})/[^/]*\.abc")
    for name, content in members(path, wanted):
        text = decode(content, f"{path}: {name}", "latin-1")
        tunes = re.split(r"(?m)^X:", text)[1:]
        for tune in tunes:
            number, _, rest = tune.partition("\n")
            head, body = _parts(rest)
            stem = name.removeprefix("music21/corpus/").removesuffix(".abc")
            meta = {
                "title": tidy(head.get("T", "")),
                "key": tidy(head.get("K", "C")),
                "metre": tidy(head.get("M", "")),
                "unit": tidy(head.get("L", _usual_unit(head.get("M", "")))),
            }
            row: Row = {"group": f"{stem}/{tidy(number.split('%')[0])}", "meta": meta}
            for piece in _pieces(_symbols(body, meta["metre"]), settings["notes"]):
                shown = piece if settings["bar_lines"] else filter(_is_note, piece)
                yield {"text": "".join(shown), **row}


def _parts(tune: str) -> tuple[dict[str, str], str]:
    """Return the first field of every kind, and the music."""
    head: dict[str, str] = {}
    body = []
    for line in tune.splitlines():
        plain = line.split("%")[0].rstrip().removesuffix("\\")
        if field := FIELD.fullmatch(plain):
            head.setdefault(field[1], field[2].strip())
        else:
            body.append(plain)
    return head, ORNAMENT.sub("", "\n".join(body))


def _usual_unit(metre: str) -> str:
    """Return the unit length of a tune that gives none (ABC 2.1, section 3.1.7)."""
    found = re.fullmatch(r"(\d+)/(\d+)", metre)
    short = found is not None and int(found[2]) and int(found[1]) / int(found[2]) < 0.75
    return "1/16" if short else "1/8"


def _symbols(body: str, metre: str) -> list[str]:
    """Return notes, rests and bar lines."""
    found: list[tuple[str, Fraction | None]] = []
    scale, left, waiting = Fraction(1), 0, Fraction(1)
    for symbol in SYMBOL.finditer(body):
        if tuplet := symbol["tuplet"]:
            usual = INTO.get(int(tuplet), 3 if COMPOUND.match(metre) else 2)
            into = int(symbol["into"] or usual)
            scale, left = Fraction(into, int(tuplet)), int(symbol["over"] or tuplet)
        elif broken := symbol["broken"]:
            short = Fraction(1, 2 ** len(broken))
            before, waiting = (2 - short, short) if broken[0] == ">" else (short, 2 - short)
            last = next((i for i in reversed(range(len(found))) if found[i][1] is not None), None)
            if last is None:
                continue
            name, length = found[last]
            found[last] = (name, (length or 1) * before)
        elif bar := symbol["bar"]:
            if (
                found and found[-1][1] is None
            ):  # written as one, lines of two kinds would be a third
                found.pop()
            found.append((bar, None))
        else:
            name, length = _note(symbol)
            found.append((name, length * waiting * (scale if left else 1)))
            left, waiting = max(0, left - 1), Fraction(1)
    return [name if length is None else name + _written(length) for name, length in found]


def _note(symbol: re.Match[str]) -> tuple[str, Fraction]:
    chord = symbol["chord"]
    if chord is None:
        return symbol["note"], _length(symbol["length"])
    first = re.match(rf"\[({NOTE})({LENGTH})", chord)
    outer = _length(chord[chord.index("]") + 1 :])
    return (first[1], _length(first[2]) * outer) if first else ("z", outer)


def _length(written: str) -> Fraction:
    times, slashes, by = re.fullmatch(r"(\d*)(/*)(\d*)", written).groups()  # type: ignore[union-attr]
    below = int(by) if by and int(by) else 2 ** len(slashes)
    return Fraction(int(times) if times and int(times) else 1, below)


def _written(length: Fraction) -> str:
    above = "" if length.numerator == 1 else str(length.numerator)
    below = {1: "", 2: "/"}.get(length.denominator, f"/{length.denominator}")
    return above + below


def _is_note(symbol: str) -> bool:
    return symbol[0] not in ":|["


def _pieces(symbols: list[str], num_notes: int) -> Iterator[list[str]]:
    """Yield runs of so many notes, with the bar lines between and after them."""
    piece: list[str] = []
    count = 0
    for symbol in symbols:
        if _is_note(symbol) and count == num_notes:
            yield piece
            piece, count = [], 0
        count += _is_note(symbol)
        if piece or _is_note(symbol):
            piece.append(symbol)
    if count == num_notes:
        yield piece
