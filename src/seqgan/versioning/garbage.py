"""What the cache holds, for which experiments and commits, and what nothing refers to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seqgan.errors import UserError
from seqgan.versioning.cache import Cache, reachable
from seqgan.versioning.pointers import Pointer
from seqgan.versioning.references import pointers_at, pointers_ever, pointers_here
from seqgan.versioning.storage import Store, alone


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


@dataclass(frozen=True)
class Amount:
    """So many files of so many bytes."""

    files: int
    size: int


@dataclass
class Inventory:
    """All that a cache holds.

    Attributes:
        holdings: What branches, tags and the working tree refer to.
        whole: All of it.
        earlier: What only earlier commits of branches and tags refer to.
        unused: What no commit refers to.
        remote: Whether there is a remote that may have it too.
    """

    holdings: list[Holding]
    whole: Amount
    earlier: Amount
    unused: Amount
    remote: bool


def take_inventory(root: Path) -> Inventory:
    """Return what the cache of this machine holds."""
    store = Store(root)
    cache, holdings = store.cache(), dict[tuple[str, str], Holding]()
    used = set[str]()
    for commit, ref, pointers in [*pointers_at(root), _now(root)]:
        used |= reachable(pointers, cache)
        groups: dict[str, list[Pointer]] = {}
        for pointer in pointers:
            groups.setdefault(_owner(pointer.target), []).append(pointer)
        for name, group in groups.items():
            if (name, commit) not in holdings:
                holdings[name, commit] = _holding(name, commit, group, cache)
            holdings[name, commit].refs.append(ref)
    earlier = reachable(pointers_ever(root), cache) - used
    sizes = _sizes(cache)
    return Inventory(
        sorted(holdings.values(), key=lambda each: (each.name, each.commit)),
        _amount(sizes, set(sizes)),
        _amount(sizes, earlier),
        _amount(sizes, set(sizes) - used - earlier),
        any(key.startswith("remote.") for key in store.settings()),
    )


def remove_unused(root: Path, *, tips: bool) -> None:
    """Remove from the cache what no commit and no file of the working tree refers to.

    Args:
        root: The project's folder.
        tips: Remove also what only earlier commits of branches and tags refer to.

    Raises:
        UserError: If snakemake or another snapshot is at work, or for a cache outside of the
            project, which others may share.
    """
    with alone(root):
        store = Store(root)
        folder = store.cache().folder
        if not folder.is_relative_to(root.resolve()):
            raise UserError(
                f"the cache {folder} is outside of this project, and others may use it; to clean "
                "it nevertheless: dvc gc --workspace --all-commits --projects …"
            )
        kept = ("--all-branches", "--all-tags") if tips else ("--all-commits",)
        store.run("gc", "--workspace", *kept, "--force")


def _now(root: Path) -> tuple[str, str, list[Pointer]]:
    return "uncommitted", "working tree", pointers_here(root)


def _owner(target: Path) -> str:
    match target.parts:
        case ("results", experiment, _, *_):
            return experiment
    return target.as_posix()


def _holding(name: str, commit: str, pointers: Sequence[Pointer], cache: Cache) -> Holding:
    holding = Holding(name, commit)
    for md5 in reachable(pointers, cache):
        place = cache.place(md5)
        holding.files += not md5.endswith(".dir")
        if place.is_file():
            holding.size += place.stat().st_size
        else:
            holding.missing += 1
    return holding


def _sizes(cache: Cache) -> dict[str, int]:
    """Return the bytes of every object by its hash."""
    places = (cache.folder / "files" / "md5").glob("??/*")
    return {path.parent.name + path.name: path.stat().st_size for path in places if path.is_file()}


def _amount(sizes: dict[str, int], hashes: set[str]) -> Amount:
    there = [sizes[md5] for md5 in hashes if md5 in sizes]
    return Amount(len(there), sum(there))
