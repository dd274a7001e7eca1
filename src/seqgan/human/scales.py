"""What raters are asked: the questions, their answers, and what each answer stands for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer to a question.

    Attributes:
        value: What stands in files.
        key: The key that chooses it in a form.
        name: One or two words.
        anchor: When to choose it, as the instructions say.
    """

    value: str
    key: str
    name: str
    anchor: str


@dataclass(frozen=True)
class Question:
    """A question about a sentence or a pair.

    Attributes:
        column: Its column in sheets and its name in results.
        title: What it is called in forms.
        prompt: The question in full.
        answers: The closed list of answers, in their order.
    """

    column: str
    title: str
    prompt: str
    answers: tuple[Answer, ...]


def _scale(*points: tuple[str, str]) -> tuple[Answer, ...]:
    return tuple(
        Answer(str(value), str(value), name, anchor)
        for value, (name, anchor) in enumerate(points, start=1)
    )


FLUENCY = Question(
    "fluency_1_5",
    "Fluency",
    "Is it well-formed language, whatever it means?",
    _scale(
        ("broken", "words in no order; not a sentence at all"),
        ("poor", "many mistakes; hard to read"),
        ("fair", "some mistakes, yet readable"),
        ("good", "one small slip"),
        ("flawless", "no mistake: a careful writer could have written it"),
    ),
)
SENSE = Question(
    "sense_1_5",
    "Sense",
    "Does it say something, however well or badly it is put?",
    _scale(
        ("none", "no meaning can be found"),
        ("little", "parts mean something, the whole does not"),
        ("some", "one can guess what is meant"),
        ("clear", "the meaning is clear, but something in it is odd"),
        ("full", "the meaning is clear and plausible"),
    ),
)
AUTHOR = Question(
    "human_or_machine",
    "Author",
    "Who do you think wrote it?",
    (
        Answer("human", "h", "human", "a person wrote it"),
        Answer("machine", "m", "machine", "a program wrote it"),
    ),
)
BETTER = Question(
    "better",
    "Better",
    "Which sentence is better, all in all: more fluent, more sensible, more like a person’s?",
    (
        Answer("left", "l", "left", "the left (on a phone: the upper) sentence is better"),
        Answer("tie", "t", "tie", "neither is better, after an honest try to choose"),
        Answer("right", "r", "right", "the right (on a phone: the lower) sentence is better"),
    ),
)
QUESTIONS = {"sentences": (FLUENCY, SENSE, AUTHOR), "pairs": (BETTER,)}
"""The questions of each task."""
TEXTS = {"sentences": ("text",), "pairs": ("left", "right")}
"""The columns of a sheet that hold sentences."""
SCALES = (FLUENCY, SENSE)

ADVICE = {
    "sentences": (
        "You will read sentences one at a time. Some were written by people, some by programs.",
        "Judge each sentence by itself, even if it looks like one that you saw before.",
        "Read it once, answer by your first impression, and do not search for it anywhere.",
        "Lower case and missing context are no mistakes.",
    ),
    "pairs": (
        "You will read two sentences at a time and say which is better.",
        "Judge each pair by itself, even if it looks like one that you saw before.",
        "Read both once, answer by your first impression, and do not search for them anywhere.",
        "Lower case and missing context are no mistakes.",
    ),
}
"""What every rater is told first."""


def instructions(task: str) -> str:
    """Return the instructions of a sheet as plain text, with the anchor of every answer."""
    lines = [*ADVICE[task], ""]
    for question in QUESTIONS[task]:
        lines.append(f"{question.column}: {question.prompt}")
        lines.extend(
            f"  {answer.value:<8} {answer.anchor}"
            if answer.value == answer.name
            else f"  {answer.value}  {answer.name:<9} {answer.anchor}"
            for answer in question.answers
        )
        lines.append("")
    lines.append("comment: anything you want to add; may stay empty.")
    lines.append("Please change nothing else in the sheet, and save it as CSV (UTF-8).")
    return "\n".join(lines) + "\n"
