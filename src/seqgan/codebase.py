"""What code means, so that a change of it is seen and a change of its comments is none."""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
"""The folder ``src`` with the stage scripts and the package."""


@cache
def _understood(text: str, package: str) -> tuple[tuple[str, ...], str]:
    """Return what a module imports and the digest of what it means.

    Kept by its text: a module that ten stages share is parsed once.
    """
    tree = ast.parse(text)
    every = list(statements(tree))
    imported = tuple(name for each in every for name in _imported(each, package))
    return imported, hashlib.sha256(_meaning(tree, every)).hexdigest()[:16]


def statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield a module and all statements in it, and what else has statements of its own.

    Expressions, which are most of a tree, hold none.
    """
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        for block in ("body", "orelse", "finalbody", "handlers", "cases"):
            inside = getattr(node, block, None)
            if isinstance(inside, list):
                pending += inside


def _imported(node: ast.AST, package: str) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parents = package.split(".")[: len(package.split(".")) - node.level + 1]
        base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
        yield base
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _meaning(tree: ast.Module, every: Iterable[ast.AST]) -> bytes:
    """Return a syntax tree without comments, layout and docstrings, which it loses."""
    for node in every:
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                each
                for each in body
                if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
            ] or [ast.Pass()]
    return ast.dump(tree).encode()


def _modules(source: Path) -> dict[str, list[tuple[Path, str]]]:
    """Return the file of every module below a folder, and the package that it is in, by name."""
    found: dict[str, list[tuple[Path, str]]] = {}
    for root, _, names in os.walk(source):
        package = ".".join(Path(root).relative_to(source).parts)
        for name in names:
            if name.endswith(".py"):
                stem = name.removesuffix(".py")
                parts = [package] if stem == "__init__" else [package, stem]
                module = ".".join(part for part in parts if part)
                found.setdefault(module, []).append((Path(root, name), package))
    return found


@cache
def code_digests(stage: str, source: Path = SOURCE) -> dict[str, str]:
    """Return ``{path below src: digest}`` of a stage script and all of ours that it imports.

    Read from the import statements, however indirectly it imports; modules that are imported
    dynamically, data files and libraries are not covered (libraries are recorded in the receipt).
    """
    modules = _modules(source)
    found: dict[Path, str] = {}
    pending = [(source / f"{stage}.py", "")]
    while pending:
        path, package = pending.pop()
        if path in found:
            continue
        imported, found[path] = _understood(path.read_text(encoding="utf-8"), package)
        for name in imported:
            parts = name.split(".")
            for depth in range(1, len(parts) + 1):
                pending += modules.get(".".join(parts[:depth]), ())
    return {path.relative_to(source).as_posix(): found[path] for path in sorted(found)}
