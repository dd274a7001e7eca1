"""Facts of Unicode that several tokenizers need: marks, words, Han characters, one form of each."""

import re
import unicodedata

# Vowel signs, accents without a composed form, joiners: parts of words that are no letters.
MARKS = "\u200c\u200d" + "".join(
    sign for sign in map(chr, range(0x300, 0x20000)) if unicodedata.category(sign)[0] == "M"
)
# A word with its inner apostrophes and hyphens, a number with its points, or one other sign.
WORD = re.compile(rf"[\w{MARKS}]+(?:['’\-.,][\w{MARKS}]+)*|[^\w\s{MARKS}][{MARKS}]*")
# The same for a line of ASCII alone, several times faster; \x1c to \x1f are spaces in Unicode.
ASCII_WORD = re.compile(r"\w+(?:['\-.,]\w+)*|[^\w\s\x1c-\x1f]", re.ASCII)
# Putting n marks of one letter into order takes n² steps: a megabyte of them would take minutes.
LONG = 4096
MANY_MARKS = re.compile(rf"([{MARKS}]{{30}})[{MARKS}]+")
# Radicals, 々, 〇, and the ideographs, with the extensions of Unicode 16.
HAN = "⺀-⿕々〇㐀-䶿一-鿿豈-龎\U00020000-\U0003ffff"
CLOSING = set(".,;:!?)]}%…»”’") | {"'"}
OPENING = set("([{«“‘$€£#@")


def composed(text: str) -> str:
    """Return a text in Unicode's composed form (NFC), of a long one at most 30 marks in a row."""
    if len(text) > LONG:
        text = MANY_MARKS.sub(r"\1", text)
    return unicodedata.normalize("NFC", text)
