"""The project is under the MIT license: it builds on nothing that asks for another one."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from paths import ROOT

# The libraries of a compiler may be shipped with anything, by an exception to their license.
GPL = re.compile(
    r"(?<!L)\bA?GPL(?!-[\w.-]+ WITH GCC-exception)"
    r"|(?<!Lesser )(?<!Library )General Public License|Affero"
)
CHOICE = {
    # Offered under several licenses: one file, an editor's mode that nothing here loads, is GPL.
    "docutils",
    # Offered under the Apache or the Eclipse license too.
    "asyncssh", "dulwich", "grandalf",
}  # fmt: skip
LINKED = {
    # Whoever calls it may be under any license, by an exception to its own. DVC calls it, in a
    # process of DVC's.
    "pygit2",
}
UNDER_GPL = {"mauve", "krippendorff", "unidecode", "pymupdf"}
"""Modules that are at hand for these metrics, and would bind whoever imports them."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(lines: list[str]) -> dict[str, metadata.Distribution]:
    """Return every installed distribution that some requirements lead to."""
    found: dict[str, metadata.Distribution] = {}
    visited: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in lines]
    while waiting:
        wanted = waiting.pop()
        name = normalised(wanted.name)
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        found[name] = distribution
        for extra in ("", *wanted.extras):
            if (name, extra) in visited:
                continue
            visited.add((name, extra))
            requirements = map(Requirement, distribution.requires or ())
            waiting += [
                each for each in requirements
                if each.marker is None or each.marker.evaluate({"extra": extra})
            ]  # fmt: skip
    return found


def license_of(distribution: metadata.Distribution) -> list[str]:
    """Return what a distribution says of its license: an expression, classifiers, a first line."""
    fields = distribution.metadata
    classifiers = [
        line for line in fields.get_all("Classifier") or () if line.startswith("License ::")
    ]
    text = (fields.get("License") or "").strip().split("\n")[0]
    return [each for each in (fields.get("License-Expression") or "", *classifiers, text) if each]


def project() -> dict[str, list[str]]:
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {"core": table["dependencies"], "embed": table["optional-dependencies"]["embed"]}


@pytest.mark.parametrize("part", ["core", "embed"])
def test_no_dependency_is_under_the_gpl(part: str):
    found = closure(project()[part])
    if part == "core":
        assert {"torch", "numpy", "snakemake", "docutils"} <= set(found)
    under = {
        name: license_of(distribution)
        for name, distribution in found.items()
        if name not in CHOICE | LINKED and any(map(GPL.search, license_of(distribution)))
    }
    assert not under


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("GPL-3.0-or-later", True),
        ("GPLv3", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("AGPL-3.0-only", True),
        ("GNU Affero General Public License", True),
        ("License :: OSI Approved :: GNU Lesser General Public License v2 or later", False),
        ("LGPL-2.1", False),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("MIT", False),
        ("Apache-2.0", False),
    ],
)
def test_the_gpl_is_recognised_by_its_names(text: str, bound: bool):
    assert bool(GPL.search(text)) == bound


def test_a_license_is_read_from_every_field():
    expression, classifier, text = (
        license_of(metadata.distribution(name)) for name in ("numpy", "docutils", "tqdm")
    )
    assert any("BSD" in line for line in expression)
    assert any("General Public" in line for line in classifier)
    assert text


def imported() -> Iterator[str]:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.split(".")[0]


def test_no_module_under_the_gpl_is_imported():
    providers = metadata.packages_distributions()
    names = set(imported())
    assert {"numpy", "torch", "seqgan"} <= names
    assert not names & UNDER_GPL
    for name in names:
        for provider in providers.get(name, ()):
            assert not any(map(GPL.search, license_of(metadata.distribution(provider)))), name
