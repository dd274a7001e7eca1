"""Every public name says what it is; every public function says the shapes of its tensors."""

import importlib
import inspect
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch

SRC = Path(__file__).parents[1] / "src"
BENCHMARKS = [path.stem for path in sorted((SRC.parent / "benchmarks").glob("*.py"))]
MODULES = [
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted([*SRC.glob("*.py"), *(SRC / "seqgan").rglob("*.py")])
] + BENCHMARKS


def public(module_name: str) -> Iterator[tuple[str, object]]:
    """Yield the classes, functions, methods and properties that a module defines."""
    module = importlib.import_module(module_name)
    for name, found in vars(module).items():
        if name.startswith("_") or getattr(found, "__module__", None) != module_name:
            continue
        if not (inspect.isclass(found) or inspect.isfunction(found)):
            continue
        yield name, found
        if inspect.isclass(found):
            yield from members(name, found)


def members(name: str, owner: type) -> Iterator[tuple[str, object]]:
    for member, value in vars(owner).items():
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        documented = inspect.isfunction(value) or isinstance(value, property)
        written = getattr(value, "__module__", owner.__module__) == owner.__module__
        if documented and written and not member.startswith("_"):
            yield f"{name}.{member}", getattr(owner, member)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_docstring(module):
    text = importlib.import_module(module).__doc__
    assert text
    assert text.strip()


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_has_a_docstring(module):
    protocols = {
        name for name, found in public(module)
        if inspect.isclass(found) and getattr(found, "_is_protocol", False)
    }  # fmt: skip
    for name, found in public(module):
        if name.split(".")[0] in protocols and "." in name:
            continue  # the protocol says it once for all
        text = inspect.getdoc(found)
        assert text, f"{module}.{name} has no docstring"
        first = text.split("\n\n")[0].rstrip()
        assert first[-1] in ".:;…`", f"{module}.{name}: {first!r} is no sentence"


def annotations(found: object) -> Iterator[tuple[str, object]]:
    function = found.fget if isinstance(found, property) else found
    if inspect.isclass(function):
        function = vars(function).get("__init__")
    if not inspect.isfunction(function):
        return
    function = inspect.unwrap(function)
    signature = inspect.signature(function)
    for parameter in signature.parameters.values():
        if parameter.name not in ("self", "cls"):
            yield parameter.name, parameter.annotation
    yield "return", signature.return_annotation


def bare(annotation: object) -> bool:
    """Return whether a tensor without a shape hides in an annotation."""
    if annotation is torch.Tensor:
        return True
    if typing.get_origin(annotation) in (Mapping, dict):
        return False  # parameters by name: each has a shape of its own
    return any(bare(each) for each in typing.get_args(annotation))


@pytest.mark.parametrize(
    "module", [name for name in MODULES if name.startswith("seqgan") or name in BENCHMARKS]
)
def test_every_public_function_is_annotated_with_shapes(module):
    for name, found in public(module):
        if inspect.isclass(found):
            continue
        for parameter, annotation in annotations(found):
            where = f"{module}.{name}({parameter})"
            assert annotation is not inspect.Parameter.empty, f"{where} has no annotation"
            assert not bare(annotation), f"{where} is a tensor of any shape"
