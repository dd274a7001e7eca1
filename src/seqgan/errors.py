"""Errors that a user can mend, and the one that training raises by itself."""

LONGEST = 1000
"""Signs in the longest line that a user is shown."""


def one_line(text: str) -> str:
    """Return a text as one line that a terminal shows as it is.

    Signs that do not print (line breaks, control and direction marks, what is no Unicode) are
    escaped, so that no file name and no value can break the line, hide a part of it, or speak to
    the terminal. A long text loses its middle: what is wrong stands first, the remedy last.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST * 2 // 3]} … {text[-LONGEST // 4 :]}"
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


class UserError(Exception):
    """One line that says what is wrong, where, what was given and what to do."""

    def __init__(self, line: str) -> None:
        super().__init__(one_line(line))


class NonFiniteError(ArithmeticError):
    """A loss, gradient or metric became infinite or NaN; no weight has moved since it was good."""
