"""Validation errors in the user's words: where, what was given, what to do."""

import difflib
import math
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from seqgan.errors import one_line

MOST_PROBLEMS = 50
"""Problems that are listed; a file with more is another file."""
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
KEY_FIRST = re.compile(r"[\w.-]+: ")
WANTED = {
    "bool_type": "`true` or `false`",
    "dict_type": "a mapping",
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "string_type": "text",
    "tuple_type": "a list",
    "string_pattern_mismatch": "a name of at most 60 lower-case letters, digits, `-` and `_` that "
    "begins with a letter or digit",
}
"""What a key must hold, by pydantic's name of the error."""


class ConfigError(ValueError):
    """The configuration is wrong; the message has one line for each problem."""

    def __init__(self, *problems: str) -> None:
        shown = [one_line(problem) for problem in problems[:MOST_PROBLEMS]]
        if more := len(problems) - len(shown):
            shown.append(f"and {more} more problems")
        super().__init__("\n".join(shown))


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield a line for every problem, with the path of its key as the YAML file has it."""
    problems: list[dict[str, Any]] = [*map(dict, error.errors(include_url=False))]
    places = [problem["loc"] for problem in problems]
    for problem in problems:
        loc = problem["loc"]
        if loc[-1:] == ("[key]",) and problem["type"] != "extra_forbidden":
            loc = loc[:-1]  # pydantic's mark of a key that is wrong itself
        path, keys, kinds = _place(model, loc)
        where = ".".join(path) or "the configuration"
        given, kind = problem["input"], problem["type"]
        if kind == "extra_forbidden":
            yield f"{where}: unknown key; {_hint(path[-1], keys)}"
        elif kind == "missing":
            yield f"{where}: this key is required"
        elif kind == "value_error":
            for line in str(problem["ctx"]["error"]).split("\n"):
                # A section's own check may already begin with the key it is about.
                mark = "." if KEY_FIRST.match(line) else ": "
                yield f"{'.'.join(path)}{mark if path else ''}{line}"
        elif kind == "union_tag_invalid":
            tag = problem["ctx"]["tag"]
            yield f"{where}.kind: there is no kind {_shown(tag)}; {_hint(tag, kinds)}"
        elif kind == "union_tag_not_found":
            yield f"{where}.kind: this key is required; known: {', '.join(sorted(kinds))}"
        elif kind == "too_short":
            # A list of wrong entries counts as empty; they are reported themselves.
            if not any(place[:-1] == problem["loc"] for place in places):
                least = problem["ctx"]["min_length"]
                yield f"{where}: must have at least {least} entry, but has {len(given)}"
        else:
            wanted = f"must be {WANTED[kind]}" if kind in WANTED else _plain(problem["msg"])
            yield f"{where}: {wanted}, but is {_shown(given)}{_remedy(given, kind)}"


def _hint(given: str, known: list[str]) -> str:
    close = difflib.get_close_matches(given, known, 1)
    return f"did you mean `{close[0]}`?" if close else f"known: {', '.join(sorted(known))}"


def _plain(message: str) -> str:
    message = re.sub(r"^(Input|String|Value|Tuple|List|Dictionary) should", "must", message)
    return message[0].lower() + message[1:]


def _shown(given: Any) -> str:
    names = {None: "null", True: "true", False: "false"}
    if given is None or isinstance(given, bool):
        return names[given]
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _remedy(given: Any, kind: str) -> str:
    """Return what to write where a number was given as text."""
    if not (kind in ("int_type", "float_type") and isinstance(given, str)):
        return ""
    if not NUMBER.fullmatch(given) or not math.isfinite(value := float(given)):
        return ""
    if not isinstance(yaml.safe_load(given), str):
        return f" (a number given as text: write {given} without quotes)"
    if kind == "int_type" and not value.is_integer():
        return ""
    decimal = f"{value:.12f}".rstrip("0").rstrip(".")
    ways = [decimal] if float(decimal) == value else []
    if kind == "float_type":
        mantissa, exponent = given.lower().split("e")
        ways.insert(0, f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+d}")
    return f" (YAML reads {given} as text: write {' or '.join(ways)})" if ways else ""


def _place(model: Any, loc: tuple[int | str, ...]) -> tuple[list[str], list[str], list[str]]:
    """Return where an error is: the path without the tags of unions, the keys that are known
    beside its last, and the kinds that are known below it.
    """
    path: list[str] = []
    keys: list[str] = []
    here: Any = model
    for part in loc:
        options = _options(here)
        tagged = [each for each in options if _tag(each) == part]
        if len(options) > 1 and tagged:
            here = tagged[0]
            continue
        text = str(part)
        path.append(text if re.fullmatch(r"[\w-]{1,60}", text) else _shown(text))
        keys = [name for each in options if _is_model(each) for name in each.model_fields]
        here = _below(options, part)
    return path, keys, [tag for each in _options(here) if (tag := _tag(each))]


def _options(annotation: Any) -> list[Any]:
    """Return the alternatives of a (possibly annotated) union, without None."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _options(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [
            option
            for part in typing.get_args(annotation)
            if part is not type(None)
            for option in _options(part)
        ]
    return [annotation]


def _below(options: list[Any], part: int | str) -> Any:
    for option in options:
        if _is_model(option) and part in option.model_fields:
            return option.model_fields[part].annotation
        arguments = typing.get_args(option)
        if typing.get_origin(option) is dict:
            return arguments[1]
        if typing.get_origin(option) is tuple:
            return arguments[0]
    return None


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _tag(model: Any) -> str | None:
    if not _is_model(model) or "kind" not in model.model_fields:
        return None
    return typing.get_args(model.model_fields["kind"].annotation)[0]
