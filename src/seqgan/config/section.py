"""What all parts of the configuration share: closed, immutable, strictly typed."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
PositiveCount = Annotated[int, Field(ge=1)]
Positive = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]


class Section(BaseModel):
    """A closed, immutable part of the configuration."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the entries of a list; raise ``ValueError`` if one appears twice."""
    if repeated := sorted({value for value in values if values.count(value) > 1}):
        raise ValueError(
            f"entries must differ, but {', '.join(map(str, repeated))} appears more than once"
        )
    return values
