"""Validation errors in the user's words: where, what was given, what to do."""

import difflib
import re
import types
import typing
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ValidationError

EXPONENT_WITHOUT_POINT = re.compile(r"[-+]?\d+e[-+]?\d+", re.IGNORECASE)
KEY_FIRST = re.compile(r"[\w.-]+: ")


def explain(error: ValidationError, model: type[BaseModel]) -> Iterator[str]:
    """Yield a line for every problem, with the path of its key as the YAML file has it."""
    problems: list[dict[str, Any]] = [*map(dict, error.errors(include_url=False))]
    for problem in problems:
        path, keys = _place(model, problem["loc"])
        where = ".".join(path) or "the configuration"
        given, kind = problem["input"], problem["type"]
        if kind == "extra_forbidden":
            close = difflib.get_close_matches(path[-1], keys, 1)
            hint = f"did you mean `{close[0]}`?" if close else f"known: {', '.join(sorted(keys))}"
            yield f"{where}: unknown key; {hint}"
        elif kind == "missing":
            yield f"{where}: this key is required"
        elif kind == "value_error":
            for line in str(problem["ctx"]["error"]).split("\n"):
                # A section's own check may already begin with the key it is about.
                mark = "." if KEY_FIRST.match(line) else ": "
                yield f"{'.'.join(path)}{mark if path else ''}{line}"
        elif kind == "union_tag_invalid":
            known = problem["ctx"]["expected_tags"]
            yield f"{where}.kind: {problem['ctx']['tag']!r} is not one of {known}"
        elif kind == "union_tag_not_found":
            yield f"{where}.kind: this key is required"
        else:
            yield f"{where}: {_plain(problem['msg'])}, but is {given!r}{_remedy(given)}"


def _plain(message: str) -> str:
    message = re.sub(r"^(Input|String|Value|Tuple|List|Dictionary) should", "must", message)
    return message[0].lower() + message[1:]


def _remedy(given: Any) -> str:
    if isinstance(given, str) and EXPONENT_WITHOUT_POINT.fullmatch(given):
        mantissa, exponent = given.lower().split("e")
        return (
            f" (YAML reads {given} as text: write {mantissa}.0e{int(exponent):+d} or "
            f"{float(given):.10f}".rstrip("0").rstrip(".")
            + ")"
        )
    return ""


def _place(model: Any, loc: tuple[int | str, ...]) -> tuple[list[str], list[str]]:
    """Return the path of an error without the tags of unions, and the keys known at its end."""
    path: list[str] = []
    here: Any = model
    for part in loc:
        options = _options(here)
        tagged = [each for each in options if _tag(each) == part]
        if len(options) > 1 and tagged:
            here = tagged[0]
            continue
        if part == "[key]":
            break
        path.append(str(part))
        here = _below(options, part)
    parent: Any = model
    for part in path[:-1]:
        parent = _below(_options(parent), part)
    keys = [name for each in _options(parent) if _is_model(each) for name in each.model_fields]
    return path, keys


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
