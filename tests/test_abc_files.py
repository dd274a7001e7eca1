import random
import re
from fractions import Fraction

import pytest

from seqgan.corpus.abc_files import Note, key_signature, read_token, to_abc
from seqgan.errors import UserError

SEMITONES = dict(zip("CDEFGAB", (0, 2, 4, 5, 7, 9, 11), strict=True))
ACCIDENTAL = {"": None, "^": 1, "^^": 2, "_": -1, "__": -2, "=": 0}


# --- a reader of whole files, strict, which shares nothing with the writer ------------------------


def read_body(line):
    """Yield (accidental, letter, octave, duration, tied) of notes, and bar lines as text."""
    place = 0
    note = re.compile(r"(\^\^?|__?|=)?([A-Ga-gzx])([,']*)(\d+)?(?:/(\d+))?(-)?")
    while place < len(line):
        if line[place] == " ":
            place += 1
        elif bar := re.compile(r"\|\]|\|:|:\||\|\||::|\[\||\|").match(line, place):
            yield bar[0]
            place = bar.end()
        else:
            found = note.match(line, place)
            assert found, f"{line!r} at {place}"
            sign, letter, octave, times, by, tie = found.groups()
            assert times != "0"
            length = Fraction(int(times or 1), int(by or 1))
            yield sign or "", letter, octave, length, bool(tie)
            place = found.end()


def parse(text, signature, *, by_octave=False):
    """Return the header, the sounding notes (pitch, duration) and the bars' durations.

    An accidental lasts to the bar line for its letter in all octaves, or in its own alone: readers
    differ.
    """
    lines = text.split("\n")
    assert lines[0] == "%abc-2.1"
    assert lines[-1] == ""
    fields = {}
    rest = lines[1:-1]
    while re.match(r"[A-Za-z]:", rest[0]):
        name, value = rest.pop(0).split(":", 1)
        assert name not in fields
        fields[name] = value
        if name == "K":
            break
    order = [name for name in fields if name != "N"]
    assert order == ["X", "T", "M", "L", "K"]
    assert rest
    assert all(line and not re.match(r"[A-Za-z]:|%", line) for line in rest)
    notes, bars, lasting, tied = [], [Fraction(0)], {}, False
    for item in (item for line in rest for item in read_body(line)):
        if isinstance(item, str):
            bars.append(Fraction(0))
            lasting = {}
            continue
        sign, letter, octave, length, tie = item
        bars[-1] += length
        if letter in "zx":
            assert not sign
            assert not octave
            assert not tied
            notes.append((letter, length))
            continue
        where = (letter, octave) if by_octave else letter.upper()
        change = ACCIDENTAL[sign]
        if change is None:
            change = lasting.get(where, signature.get(letter.upper(), 0))
        else:
            lasting[where] = change
        height = 12 * (letter.islower() + octave.count("'") - octave.count(","))
        pitch = SEMITONES[letter.upper()] + change + height
        if tied:
            assert notes[-1][0] == pitch
            notes[-1] = (pitch, notes[-1][1] + length)
        else:
            notes.append((pitch, length))
        tied = tie
    assert not tied
    return fields, notes, bars


def sounding(tokens, signature):
    """What tokens mean, each alone; rests that stand side by side are told apart."""
    found = []
    for token in tokens:
        sign, letter, octave, times, by = re.fullmatch(
            r"([\^_=]*)([A-Ga-gzx])([,']*)(\d*)(?:/(\d+))?", token
        ).groups()
        length = Fraction(int(times or 1), int(by or 1))
        if letter in "zx":
            found.append((letter, length))
            continue
        change = ACCIDENTAL[sign]
        if change is None:
            change = signature.get(letter.upper(), 0)
        height = 12 * (letter.islower() + octave.count("'") - octave.count(","))
        found.append((SEMITONES[letter.upper()] + change + height, length))
    return found


def without_rests(notes):
    return [(pitch, length) for pitch, length in notes if pitch not in ("z", "x")]


@pytest.mark.parametrize("by_octave", [False, True])
@pytest.mark.parametrize("key", ["C", "D", "Gm", "Eb", "F# minor", "A mixolydian"])
@pytest.mark.parametrize("metre", ["4/4", "6/8", "C|"])
def test_a_file_sounds_as_its_tokens(key, metre, by_octave):
    rng = random.Random(4)
    lengths = ["", "2", "3", "1/2", "3/2", "3/4", "2/3", "11", "23"]
    tokens = [
        rng.choice(["", "", "", "^", "_", "=", "^^", "__"])
        + rng.choice("CDEFGABcdefgab")
        + rng.choice(["", "", "'", ","])
        + rng.choice(lengths)
        if rng.random() < 0.9
        else rng.choice("zx") + rng.choice(lengths)
        for _ in range(200)
    ]
    signature = key_signature(key)
    fields, notes, bars = parse(
        to_abc(tokens, 12, "A tune", key, metre), signature, by_octave=by_octave
    )
    assert fields == {"X": "12", "T": "A tune", "M": metre, "L": "1/8", "K": key}
    assert without_rests(notes) == without_rests(sounding(tokens, signature))
    total = sum(length for _, length in sounding(tokens, signature))
    bar = {"4/4": 8, "6/8": 6, "C|": 8}[metre]
    assert sum(bars) == total
    assert all(length == bar for length in bars[:-2])
    assert bars[-1] == 0  # nothing stands behind the last line
    assert 0 < bars[-2] <= bar


def test_a_file_by_hand():
    text = to_abc(["^c", "c", "c'", "_B5", "z9", "c"], 3, "Reel", "D", "4/4")
    assert text == (
        "%abc-2.1\nX:3\nT:Reel\nM:4/4\nL:1/8\nK:D\n^c ^c ^c' _B5 | z8 | z c |]\n"
    )  # fmt: skip
    assert to_abc(["c2"] * 20, 1, "T").split("K:C\n")[1] == (
        "c2 c2 c2 c2 | c2 c2 c2 c2 | c2 c2 c2 c2 | c2 c2 c2 c2 |\nc2 c2 c2 c2 |]\n"
    )  # fmt: skip
    assert to_abc(["A4", "B4"], 1, "T", unit="1/4").split("K:C\n")[1] == "A4 | B4 |]\n"


def test_bar_lines_of_a_tune_are_its_own():
    text = to_abc(["|:", "^F", "F", "|", "F3", ":|", "z"], 1, "T", metre="2/4")
    assert text.endswith("K:C\n|: ^F =F | F3 :| z |]\n")
    assert to_abc(["c", "|", "d", "|"], 1, "T").endswith("K:C\nc | d |]\n")
    assert to_abc(["c", ":|"], 1, "T").endswith("K:C\nc :|\n")


def test_what_is_no_note_is_left_out_and_counted():
    text = to_abc(["<unk>", "c", "h", "c0"], 1, "T")
    assert text == (
        "%abc-2.1\nX:1\nT:T\nN:left out 3 of 4 tokens, which are no notes\n"
        "M:4/4\nL:1/8\nK:C\nc |]\n"
    )  # fmt: skip
    assert to_abc([], 1, "").endswith("\nT:\nM:4/4\nL:1/8\nK:C\n|]\n")


def test_a_title_cannot_break_out_of_its_line():
    title = "a\nK:D\r\n% b \\ \u2028c\ud800 Ü曲"
    line = to_abc(["c"], 1, title).split("\n")[2]
    assert line == "T:a K:D b c Ü曲"
    line.encode()


@pytest.mark.parametrize(
    ("token", "letter", "alteration", "name", "duration"),
    [
        ("C", "C", None, "C", 1),
        ("c'", "C", None, "c'", 1),
        ("^c'3/2", "C", 1, "c'", Fraction(3, 2)),
        ("__B,,12", "B", -2, "B,,", 12),
        ("=F/", "F", 0, "F", Fraction(1, 2)),
        ("_e//", "E", -1, "e", Fraction(1, 4)),
        ("^^a3/", "A", 2, "a", Fraction(3, 2)),
        ("c1/", "C", None, "c", Fraction(1, 2)),
        ("g/4", "G", None, "g", Fraction(1, 4)),
        ("z", "", None, "z", 1),
        ("x3/8", "", None, "x", Fraction(3, 8)),
    ],
)
def test_a_note(token, letter, alteration, name, duration):
    assert read_token(token) == Note(letter, alteration, name, Fraction(duration))


@pytest.mark.parametrize("token", ["|", "||", "|]", "[|", "|:", ":|", "::", ":|:", ":||:", "|::"])
def test_a_bar_line(token):
    assert read_token(token) == token


@pytest.mark.parametrize(
    "token",
    ["", "h", "H", "c0", "c02", "c//2", "c/0", "^z", "z'", "^^^c", "^_c", "=^c", "c^", "3c",
     "c2 d", "cd", "(3", "[CE]", "c-", "c>", "{c}", "c٣", "c" + "9" * 9, "c" + "/" * 9, "C:", "|1",
     "<unk>", "|c", "c/2/2", "\n", "c\n", ":", "[", "]"],
)  # fmt: skip
def test_neither_a_note_nor_a_bar_line(token):
    assert read_token(token) is None


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("C", ""), ("G", "+F"), ("D", "+FC"), ("C#", "+FCGDAEB"), ("F", "-B"), ("Cb", "-BEADGCF"),
        ("Am", ""), ("Em", "+F"), ("Gm", "-BE"), ("F#m", "+FCG"), ("D dorian", ""), ("Ador", "+F"),
        ("Amix", "+FC"), ("E Phrygian", ""), ("Flyd", ""), ("B locrian", ""), ("A Minor", ""),
        ("Gmaj", "+F"), ("A aeolian", ""), ("C ionian", ""), ("G#m", "+FCGDA"), ("Abm", "-BEADGCF"),
    ],
)  # fmt: skip
def test_a_key_signature(key, expected):
    by = -1 if expected.startswith("-") else 1
    assert key_signature(key) == dict.fromkeys(expected[1:], by)


@pytest.mark.parametrize("key", ["", "H", "c", "Fb", "G#", "Dxyz", "C major minor", "C\n", "Cbm"])
def test_a_key_that_abc_does_not_know(key):
    with pytest.raises(UserError, match=r"^`key` must be one of ABC, but is .*; take C, F#m"):
        to_abc(["c"], 1, "T", key)


def test_other_fields_that_cannot_be():
    for what in ("metre", "unit"):
        for bad in ("", "4", "4/0", "0/4", "4/5", "C", "x/4", "1000/4", "3/4\n"):
            if (what, bad) != ("metre", "C"):
                with pytest.raises(UserError) as caught:
                    to_abc(["c"], 1, "T", **{what: bad})
                assert str(caught.value) == (
                    f"`{what}` must be a fraction such as 3/4, but is {bad!r}"
                )  # fmt: skip
    with pytest.raises(UserError, match=r"^a tune is numbered from 1 on, but 0 was given$"):
        to_abc(["c"], 0, "T")
