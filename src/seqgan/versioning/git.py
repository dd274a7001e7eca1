"""What git is asked: which files it holds as they are, and what commits hold."""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from seqgan.errors import UserError

LITERAL = ("--literal-pathspecs",)
"""No name of a file is a pattern."""


def git(root: Path, *arguments: str) -> str:
    """Run a command of git and return what it prints; raise :class:`UserError` if it fails."""
    return _run(root, *arguments).decode(errors="surrogateescape")


def _run(
    root: Path, *arguments: str, given: bytes = b"", options: tuple[str, ...] = LITERAL
) -> bytes:
    command = ["git", *options, *arguments]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, input=given, check=False)
    except FileNotFoundError:
        raise UserError("git is not installed here, and pointers are versioned with it") from None
    if done.returncode:
        said = " ".join(done.stderr.decode(errors="replace").split()) or "it says nothing"
        raise UserError(f"git {arguments[0]} failed: {said}")
    return done.stdout


def uncommitted(root: Path, paths: Iterable[Path]) -> list[str]:
    """Return which files of some paths differ from the last commit, or are new to git."""
    there = [str(path) for path in paths if (root / path).exists()]
    if not there:
        return []
    options = ("--porcelain", "--no-renames", "--untracked-files=all", "-z")
    return [line[3:] for line in git(root, "status", *options, "--", *there).split("\0") if line]


def not_held(root: Path, files: Iterable[Path]) -> list[str]:
    """Return which of some files, below the root, git does not hold: ignored ones among them."""
    wanted = [path.as_posix() for path in files]
    held = set(git(root, "ls-files", "-z", "--", *wanted).split("\0")) if wanted else set()
    return [path for path in wanted if path not in held]


def deleted(root: Path, files: Iterable[Path]) -> list[str]:
    """Return which of some files git holds, but are not here."""
    wanted = [path.as_posix() for path in files if not (root / path).exists()]
    return git(root, "ls-files", "-z", "--", *wanted).split("\0")[:-1] if wanted else []


def is_ignored(root: Path, path: Path) -> bool:
    """Return whether git would not add a file that it does not hold."""
    try:
        return bool(_run(root, "check-ignore", "--", str(path), options=()))
    except UserError:
        return False  # its status is 1 then


def commit_of(root: Path, revision: str) -> str:
    """Return the hash of a commit; raise :class:`UserError` if there is no such commit."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").strip()
    except UserError:
        raise UserError(f"{revision} is no commit, branch or tag of this repository") from None


def versions(root: Path, suffix: str, *refs: str) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file with a suffix that some commit below some refs has."""
    lines = git(root, "rev-list", "--objects", *refs, "--").split("\n")
    named = [line.partition(" ") for line in lines]
    yield from _contents(root, [(blob, path) for blob, _, path in named if path.endswith(suffix)])


def files_at(root: Path, ref: str, suffix: str) -> Iterator[tuple[Path, str]]:
    """Yield path and text of every file with a suffix that a commit has."""
    lines = git(root, "ls-tree", "-r", "-z", ref).split("\0")
    entries = [line.partition("\t") for line in lines if line.endswith(suffix)]
    yield from _contents(root, [(about.split()[2], path) for about, _, path in entries])


def _contents(root: Path, blobs: list[tuple[str, str]]) -> Iterator[tuple[Path, str]]:
    """Yield path and text of files of which hash and path are known."""
    asked = "".join(f"{blob}\n" for blob, _ in blobs).encode()
    rest = _run(root, "cat-file", "--batch", given=asked)
    for _, path in blobs:
        about, _, rest = rest.partition(b"\n")
        kind, size = about.split()[1:3]
        if kind == b"blob":  # a folder may have such a name too
            yield Path(path), rest[: int(size)].decode(errors="replace")
        rest = rest[int(size) + 1 :]
