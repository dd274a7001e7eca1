"""Clones of the project, and what two people do in them."""

import os
import shutil
from pathlib import Path

from paths import ROOT
from projects import Project

CHECKPOINT = "results/smoke/checkpoints/seed-1/train_adversarially-seqgan/last/weights.safetensors"
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.org")


class Clone(Project):
    """Somebody's clone of the project."""

    def git(self, *arguments: str) -> str:
        return self.run("git", *IDENTITY, *arguments).stdout

    def dvc(self, *arguments: str, check: bool = True) -> str:
        return self.run("dvc", *arguments, check=check).stdout

    def results(self, *arguments: str, status: int = 0) -> str:
        """Run src/results.py, which must end with a status; return all it says."""
        done = self.run("python", "src/results.py", *arguments, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        assert "Traceback" not in said
        return said

    def commit(self, message: str) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", message)

    def clone(self, folder: Path) -> "Clone":
        """Return what a person has who clones what this one has pushed."""
        self.git("push", "-q", "origin", "HEAD:main")
        self.run("git", "clone", "-q", "-b", "main", str(self.folder.parent / "hub"), str(folder))
        return Clone(folder)


def publish(finished: Project, root: Path) -> Clone:
    """Make of a project that somebody has run a clone with a hub and a folder as remote.

    They are ``A``, ``hub`` and ``store`` below ``root``.
    """
    shutil.copytree(finished.folder, root / "A", symlinks=True)
    one = Clone(root / "A")
    # It was run in another folder; nothing of it says where.
    for name in (".snakemake", "work"):
        shutil.rmtree(one.folder / name, ignore_errors=True)
    for folder in ("results", "data"):
        (one.folder / folder).mkdir(exist_ok=True)
        shutil.copy(ROOT / folder / ".gitignore", one.folder / folder)
    one.git("init", "-q", "-b", "main")
    one.run("git", "init", "-q", "--bare", str(root / "hub"))
    one.git("remote", "add", "origin", str(root / "hub"))
    (root / "store").mkdir()
    one.dvc("remote", "add", "--default", "shared", str(root / "store"))
    one.commit("the project")
    return one


def flip(path: Path) -> None:
    """Change a byte, and neither size nor time."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
