"""Bytes on their way out of DVC's cache: put in place only if they are right."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqgan.errors import UserError
from seqgan.provenance import THREADS
from seqgan.records import put_in_place
from seqgan.versioning.cache import copied
from seqgan.versioning.pointers import Pointer, read_pointer
from seqgan.versioning.storage import NO_REMOTE, Store


class Source:
    """The cache of DVC, filled from a remote where it must be.

    Args:
        store: DVC.
        remote: Name of the remote; without one the cache must do.
        say: Where to tell what happens.
    """

    def __init__(self, store: Store, remote: str | None, say: Callable[[str], None]) -> None:
        self.root, self._store, self._remote, self._say = store.root, store, remote, say
        self.cache = store.cache()
        self._files: dict[Path, Mapping[str, str] | None] = {}
        self._fetched_again: set[Path] = set()

    def make_ready(self, tops: Sequence[Path]) -> None:
        """Fetch what pointers stand for and the cache has not."""
        pointers = {top: pointer for top in tops if (pointer := self._pointer(top)) is not None}
        missing = [top for top, pointer in pointers.items() if self.cache.misses(pointer)]
        if missing and self._remote is None:
            self._say(f"not all is in this machine's cache, and {NO_REMOTE}")
        elif missing and self._remote is not None:
            self._say(f"fetches {', '.join(map(str, missing))} from the remote {self._remote}")
            for top in missing:
                self.cache.drop_damaged(pointers[top])
            self._store.fetch(missing, self._remote)

    def files(self, top: Path) -> Mapping[str, str] | None:
        """Return the hash of every file that a pointer stands for; ``None`` if that is not known.

        By their paths below its target; the target itself is the empty path.
        """
        if self._files.get(top) is None:
            pointer = self._pointer(top)
            self._files[top] = None if pointer is None else self.cache.files(pointer)
        return self._files[top]

    def copy(self, output: Path, description: dict[str, Any]) -> str | None:
        """Put an output in its place, or return why that cannot be.

        Args:
            output: Where it belongs, relative to the root.
            description: Digest and size of each of its files, as its receipt has them.
        """
        reason = self._copy(output, description)
        top = top_of(output)
        if reason and self._fetch_again(top):
            return self._copy(output, description)
        return reason

    def _fetch_again(self, top: Path) -> bool:
        """Replace what is damaged in the cache; return whether anything was fetched."""
        pointer = self._pointer(top)
        if self._remote is None or pointer is None or top in self._fetched_again:
            return False
        self._fetched_again.add(top)
        if damaged := self.cache.drop_damaged(pointer):
            self._store.fetch([top], self._remote)
        return damaged

    def _copy(self, output: Path, description: dict[str, Any]) -> str | None:
        files = self.files(top_of(output))
        if files is None:
            return "no snapshot of it is at hand"
        below = output.relative_to(top_of(output)).as_posix()
        wanted = description.get("files")
        place = self.root / output
        place.parent.mkdir(parents=True, exist_ok=True)
        with _beside(place) as partial:
            copies: list[tuple[Path, Path, str, dict[str, Any]]] = []
            for name, each in ({"": description} if wanted is None else wanted).items():
                if leads_out(name):
                    return f"its receipt names {name}, which leads out of it"
                key = "/".join(part for part in ("" if below == "." else below, name) if part)
                if key not in files:
                    return f"the snapshot has no {key or output}"
                kept = self.cache.place(files[key])
                if not kept.is_file():
                    return f"{key or output} is not in the cache"
                target = partial / name if name else partial
                target.parent.mkdir(parents=True, exist_ok=True)
                copies.append((kept, target, str(key or output), each))
            with ThreadPoolExecutor(THREADS) as pool:
                made = list(pool.map(lambda each: copied(each[0], each[1], "sha256"), copies))
            for (_, _, key, each), (digests, size) in zip(copies, made, strict=True):
                if {**digests, "bytes": size} != each:
                    return f"{key} has other bytes than its receipt says"
            if wanted == {}:
                partial.mkdir()
            put_in_place(partial, place)
            return None

    def fill(self, top: Path) -> None:
        """Put back every file that a pointer stands for and that is not here, as far as can be.

        Raises :class:`UserError` for a list of files that leads out of its folder.
        """
        self._fetch_again(top)
        for name, md5 in (self.files(top) or {}).items():
            if leads_out(name):
                raise UserError(f"the snapshot of {top} names {name}, which leads out of it")
            target = self.root / top / name if name else self.root / top
            kept = self.cache.place(md5)
            if kept.is_file() and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                with _beside(target) as partial:
                    if copied(kept, partial, "md5")[0]["md5"] == md5:
                        put_in_place(partial, target)

    def _pointer(self, top: Path) -> Pointer | None:
        return read_pointer(top, self.root)


def top_of(output: Path) -> Path:
    """Return what has a pointer: the part of the results that an output is in."""
    return Path(*output.parts[:3])


def leads_out(name: str) -> bool:
    """Return whether a name in a list that somebody else wrote leaves the folder it is in."""
    return name.startswith("/") or ".." in name.split("/") or "\0" in name


@contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Give a path in the same file system, for what is moved to its place when it is whole."""
    folder = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}."))
    try:
        yield folder / place.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
