"""What every tokenizer can do."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar


class Tokenizer(ABC):
    """A line becomes tokens, and tokens a line.

    An immutable value: two of equal settings are equal. No token is empty. A token between spaces
    may read like the name of a special id, such as ``<unknown>``, where a text has that name; so
    may a line that is joined from several. The ids differ: a printed line alone is ambiguous.

    Attributes:
        unit: What its tokens are called in tables.
        exact: Whether ``join(split(line)) == line`` for every line in the form that the class
            names; otherwise something is lost, which the class names too.
    """

    unit: ClassVar[str]
    exact: ClassVar[bool]

    @property
    def closed(self) -> tuple[str, ...]:
        """Return all tokens that exist, or none if the texts decide."""
        return ()

    @abstractmethod
    def split(self, line: str) -> list[str]:
        """Return the tokens of a line."""

    @abstractmethod
    def join(self, words: Sequence[str]) -> str:
        """Return the line of some tokens; names that are none of its tokens stand as they are."""

    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Return what ``restore`` needs to make it again, as JSON knows it."""

    @abstractmethod
    def signature(self) -> str:
        """Return what a score that counts its tokens must name."""
