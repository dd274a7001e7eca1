"""What all parts of the configuration share: closed, immutable, strictly typed."""

from collections import Counter
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
LARGEST = 10**9
"""No number of things is larger: sizes made of a few of them can then still be computed."""
Count = Annotated[int, Field(ge=0, le=LARGEST)]
PositiveCount = Annotated[int, Field(ge=1, le=LARGEST)]
Several = Annotated[int, Field(ge=2, le=LARGEST)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _usable_path(path: str) -> str:
    """Return a path; raise ``ValueError`` for one that a program may take for something else."""
    if not path:
        raise ValueError("must name a file, but is empty")
    if odd := sorted({sign for sign in path if not sign.isprintable() or sign in "{}"}):
        raise ValueError(
            f"a path must not contain {', '.join(map(repr, odd))}, but is {path!r}; rename the file"
        )
    if path.startswith("-"):
        raise ValueError(f"a path that begins with `-` looks like an option; write ./{path}")
    return path


UserPath = Annotated[str, AfterValidator(_usable_path)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Section(BaseModel):
    """A closed, immutable part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def kind_or(usual: str) -> Callable[[Any], Any]:
    """Return what tells the kind of a section, the usual one where it does not say."""

    def kind(section: Any) -> Any:
        if isinstance(section, dict):
            return section.get("kind", usual)
        return getattr(section, "kind", usual)

    return kind


def equal_heads(section: Any) -> Any:
    """Return a section; raise ``ValueError`` unless its heads have equal, even parts."""
    if section.embedding_dim % (2 * section.num_heads):
        raise ValueError(
            f"embedding_dim: must be a multiple of twice `num_heads`, but {section.embedding_dim} "
            f"is none of 2 · {section.num_heads}"
        )
    return section


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the entries of a list; raise ``ValueError`` if one appears twice."""
    if repeated := sorted(value for value, times in Counter(values).items() if times > 1):
        raise ValueError(
            f"entries must differ, but {', '.join(map(str, repeated))} appears more than once"
        )
    return values
