"""A sheet as one HTML page that asks for the ratings, offline and by keyboard too."""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from seqgan.human.behaviour import SCRIPT
from seqgan.human.scales import ADVICE, QUESTIONS, TEXTS
from seqgan.human.sheets import columns
from seqgan.human.template import PAGE, STYLE

WORDING = {
    "sentences": ("Rating sentences", "sentence", "sentences"),
    "pairs": ("Comparing sentences", "pair", "pairs"),
}
SIDES = (
    {"name": "Left", "phone": "the upper one"},
    {"name": "Right", "phone": "the lower one"},
)


def render_form(
    task: str, *, rater: str, sheet: str, items: Sequence[tuple[str, Sequence[str]]]
) -> str:
    """Return the page.

    It loads nothing, and its Content-Security-Policy lets no script run but its own: whatever a
    sentence holds, it is text.

    Args:
        task: ``sentences`` or ``pairs``.
        rater: Who fills it in.
        sheet: Hash of the sheet, which answers are kept and sent under.
        items: Id and texts of each, in the order in which they are shown.
    """
    title, thing, things = WORDING[task]
    data = {
        "sheet": sheet,
        "rater": rater,
        "file": f"{rater}-{task}.csv",
        "thing": thing,
        "things": things,
        "Thing": thing.capitalize(),
        "columns": columns(task),
        "texts": TEXTS[task],
        "items": [{"id": own, "texts": list(texts)} for own, texts in items],
    }
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    digest = hashlib.sha256(SCRIPT.encode()).digest()
    return environment.from_string(PAGE).render(
        # Marked as markup: ours alone, and JSON without the signs that HTML reads.
        style=Markup(STYLE),
        script=Markup(SCRIPT),
        data=Markup(json_in_html(data)),
        script_hash=Markup(base64.b64encode(digest).decode()),
        task=task,
        title=title,
        thing=thing.capitalize(),
        things=things,
        rater=rater,
        count=len(items),
        advice=ADVICE[task],
        questions=QUESTIONS[task],
        sides=SIDES if len(TEXTS[task]) > 1 else (None,),
    )


def json_in_html(value: Any) -> str:
    """Return JSON that may stand in a ``script`` element: no text in it can close the element."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
