"""Scores as they stand in files."""

import math
from pathlib import Path
from typing import Any

from seqgan.errors import UserError


def check_scores(path: Path, content: Any) -> list[dict[str, Any]]:
    """Return the scores in a file of ``evaluate``; raise :class:`UserError` if it holds others."""
    try:
        scores = [
            {
                "name": _text(each["name"]),
                "value": _number(each["value"]),
                "signature": _text(each["signature"]),
                "standard_error": None
                if each.get("standard_error") is None
                else _number(each["standard_error"]),
                "of": each.get("of"),
                "per": each.get("per"),
            }
            for each in content
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} holds no scores ({error!r}); run snakemake again") from None
    return scores


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")
    return value


def _number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)
