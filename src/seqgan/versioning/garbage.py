"""What the cache holds, for which experiments and commits, and what nothing refers to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqgan.errors import UserError
from seqgan.versioning.places import check_nothing_runs
from seqgan.versioning.storage import Cache, Pointer, Store, git, parse_pointer

REFS = ("refs/heads", "refs/tags")


@dataclass
class Holding:
    """What the cache holds of one experiment, or file of data, as a commit has it.

    Attributes:
        name: The experiment, or the path of the data.
        commit: Where its pointers are: a short hash, or ``uncommitted``.
        refs: Branches and tags at whose end that commit's pointers stand.
        files: Files that the pointers stand for.
        size: Their bytes.
        missing: Of them those that the cache has not.
    """

    name: str
    commit: str
    refs: list[str] = field(default_factory=list)
    files: int = 0
    size: int = 0
    missing: int = 0


@dataclass
class Inventory:
    """All that a cache holds.

    Attributes:
        holdings: What branches, tags and the working tree refer to.
        files: Files in the cache.
        size: Their bytes.
        unused_files: Files that nothing refers to.
        unused_size: Their bytes.
    """

    holdings: list[Holding]
    files: int
    size: int
    unused_files: int
    unused_size: int


def take_inventory(root: Path) -> Inventory:
    """Return what the cache of this machine holds."""
    cache, used, holdings = Store(root).cache(), set[str](), dict[tuple[str, str], Holding]()
    for commit, ref, pointers in _pointers(root):
        groups: dict[str, list[Pointer]] = {}
        for pointer in pointers:
            groups.setdefault(_owner(pointer.target), []).append(pointer)
        for name, group in groups.items():
            if (name, commit) not in holdings:
                holdings[name, commit] = _holding(name, commit, group, cache, used)
            holdings[name, commit].refs.append(ref)
    kept = {path.parent.name + path.name: path.stat().st_size for path in _kept(cache)}
    unused = {md5: size for md5, size in kept.items() if md5 not in used}
    return Inventory(
        sorted(holdings.values(), key=lambda each: (each.name, each.commit)),
        len(kept),
        sum(kept.values()),
        len(unused),
        sum(unused.values()),
    )


def remove_unused(root: Path) -> None:
    """Remove from the cache what no branch, no tag and no file of the working tree refers to.

    Raises :class:`UserError` for a cache outside of the project, which others may share.
    """
    check_nothing_runs(root)
    store = Store(root)
    folder = store.cache().folder
    if not folder.is_relative_to(root.resolve()):
        raise UserError(
            f"the cache {folder} is outside of this project, and others may use it; to clean it "
            "nevertheless: dvc gc --workspace --all-branches --all-tags --projects …"
        )
    store.run("gc", "--workspace", "--all-branches", "--all-tags", "--force")


def _pointers(root: Path) -> Iterator[tuple[str, str, list[Pointer]]]:
    """Yield, for each branch and tag, the last commit of its pointers, its name, and they."""
    listed = git(root, "for-each-ref", "--format=%(refname)", *REFS).split()
    for ref in listed:
        names = git(root, "ls-tree", "-r", "--name-only", ref, "--", "results", "data")
        texts = {name: git(root, "show", f"{ref}:{name}") for name in _dvc(names.splitlines())}
        commit = git(root, "log", "-1", "--format=%h", ref, "--", *texts).strip() if texts else ""
        yield commit, ref.split("/", 2)[2], list(_parsed(texts))
    here = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("results", "data")
        for path in sorted((root / folder).rglob("*.dvc"))
        if path.is_file()
    }
    yield "uncommitted", "working tree", list(_parsed(here))


def _dvc(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.endswith(".dvc")]


def _parsed(texts: dict[str, str]) -> Iterator[Pointer]:
    for name, text in texts.items():
        try:
            yield parse_pointer(Path(name.removesuffix(".dvc")), text)
        except ValueError:
            continue  # of another kind: it refers to nothing that we know


def _owner(target: Path) -> str:
    return target.parts[1] if target.parts[0] == "results" else target.as_posix()


def _holding(
    name: str, commit: str, pointers: Sequence[Pointer], cache: Cache, used: set[str]
) -> Holding:
    holding = Holding(name, commit)
    hashes = {pointer.md5 for pointer in pointers}
    for pointer in pointers:
        hashes.update((cache.files(pointer) or {}).values())
    used |= hashes
    for md5 in hashes:
        place = cache.place(md5)
        holding.files += not md5.endswith(".dir")
        if place.is_file():
            holding.size += place.stat().st_size
        else:
            holding.missing += 1
    return holding


def _kept(cache: Cache) -> Iterator[Path]:
    folder = cache.folder / "files" / "md5"
    yield from (path for path in folder.glob("??/*") if path.is_file())
