"""Which pointers there are: in the working tree, at the end of a branch or tag, in any commit."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from seqgan.versioning.git import files_at, git, versions
from seqgan.versioning.pointers import Pointer, parse_pointer

SUFFIX = ".dvc"
REFS = ("refs/heads", "refs/tags")


def pointers_here(root: Path) -> list[Pointer]:
    """Return the pointers of the working tree."""
    found = []
    pending = [root]
    while pending:
        for path in pending.pop().iterdir():
            if path.is_dir() and not path.is_symlink():
                pending += [] if path.name.startswith(".") else [path]
            elif path.name.endswith(SUFFIX) and path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                found.append((path.relative_to(root), text))
    return list(_parsed(sorted(found)))


def pointers_at(root: Path) -> Iterator[tuple[str, str, list[Pointer]]]:
    """Yield every branch and tag: the last commit that changed its pointers, its name, and they."""
    for ref in git(root, "for-each-ref", "--format=%(refname)", *REFS).split():
        found = list(_parsed(files_at(root, ref, SUFFIX)))
        paths = [str(pointer.path) for pointer in found]
        commit = git(root, "log", "-1", "--format=%h", ref, "--", *paths).strip() if paths else ""
        yield commit, ref.split("/", 2)[2], found


def pointers_ever(root: Path) -> list[Pointer]:
    """Return the pointers that any commit of a branch or tag has, or the present one."""
    if not git(root, "for-each-ref", "--count=1").strip():
        return []  # nothing was ever committed
    return list(_parsed(versions(root, SUFFIX, "--branches", "--tags", "HEAD")))


def all_pointers(root: Path) -> list[Pointer]:
    """Return the pointers of the working tree and, in a clone, of every commit."""
    return pointers_here(root) + (pointers_ever(root) if (root / ".git").exists() else [])


def _parsed(texts: Iterable[tuple[Path, str]]) -> Iterator[Pointer]:
    for path, text in texts:
        try:
            yield parse_pointer(path.with_name(path.name.removesuffix(SUFFIX)), text)
        except ValueError:
            continue  # of another kind: it refers to nothing that we know
