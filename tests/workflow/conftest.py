"""Two people, two clones, a shared remote."""

import shutil
from pathlib import Path

import pytest

from clones import Clone, publish
from projects import Project


@pytest.fixture(scope="session")
def saved(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A's clone after everything ran, was saved in a folder and pushed. Not to be changed."""
    one = publish(finished, tmp_path_factory.mktemp("people"))
    said = one.results("snapshot", "smoke")
    assert "copied to the remote shared" in said
    assert "git commit" in said
    one.commit("Results of smoke")
    one.git("push", "-q", "origin", "main")
    return one


@pytest.fixture
def other(saved: Clone, tmp_path: Path) -> Clone:
    """B's fresh clone."""
    return saved.clone(tmp_path / "B")


@pytest.fixture
def mine(saved: Clone, tmp_path: Path) -> Clone:
    """A copy of A's clone that a test may change, with a hub and a remote of its own."""
    root = tmp_path / "people"
    shutil.copytree(saved.folder.parent, root, symlinks=True)
    one = Clone(root / "A")
    one.git("remote", "set-url", "origin", str(root / "hub"))
    one.dvc("remote", "modify", "shared", "url", str(root / "store"))
    one.commit("where things are")
    one.git("push", "-q", "origin", "main")
    return one
