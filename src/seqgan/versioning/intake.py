"""Results on their way into DVC's cache: read once, hashed twice, kept only when all is well."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqgan.provenance import describe
from seqgan.versioning.cache import CHUNK, Cache, copied
from seqgan.versioning.pointers import Pointer, read_pointer

PREFIX = ".intake-"


@dataclass(frozen=True)
class Taken:
    """A file that was read.

    Attributes:
        md5: Its hash for DVC.
        sha256: Its hash for receipts.
        size: Bytes.
        copy: Its copy, unless the cache has the same bytes under this hash.
    """

    md5: str
    sha256: str
    size: int
    copy: Path | None


class Intake:
    """Reads results, and copies what the cache has not, beside it.

    Nothing counts as saved before :meth:`keep`: what is refused must not look as if it were.

    Args:
        root: The project's folder.
        cache: The cache of DVC.
        tops: What has a pointer: files and folders, relative to the root.
        folder: Where to copy to, in the file system of the cache.
    """

    def __init__(self, root: Path, cache: Cache, tops: Iterable[Path], folder: Path) -> None:
        self._root, self._cache, self._folder = root, cache, folder
        self._tops = list(tops)
        self._known = dict(self._last_time())
        self._taken: dict[Path, Taken] = {}

    def _last_time(self) -> Iterator[tuple[Path, str]]:
        for top in self._tops:
            pointer = read_pointer(top, self._root)
            if pointer is not None:
                for name, md5 in (self._cache.files(pointer) or {}).items():
                    yield self._root / top / name, md5

    def __call__(self, path: Path) -> dict[str, Any]:
        """Return digests and sizes as :func:`seqgan.provenance.describe` does."""
        relative = path.relative_to(self._root)
        if not any(relative.is_relative_to(top) for top in self._tops):
            return describe(path)
        return describe(path, self._take)

    def _take(self, path: Path) -> dict[str, Any]:
        md5 = self._known.get(path)
        taken = None if md5 is None else compared(path, self._cache.place(md5), md5)
        if taken is None:
            copy = self._folder / hashlib.md5(os.fsencode(path)).hexdigest()
            digests, size = copied(path, copy, "md5", "sha256")
            taken = Taken(digests["md5"], digests["sha256"], size, copy)
        self._taken[path] = taken
        return {"sha256": taken.sha256, "bytes": taken.size}

    def keep(self) -> list[Pointer]:
        """Put all that was read into the cache, and return the pointers to it."""
        for taken in self._taken.values():
            if taken.copy is not None:
                self._cache.keep(taken.copy, taken.md5)
        return [self._pointer(top) for top in self._tops]

    def _pointer(self, top: Path) -> Pointer:
        files = self._files(self._root / top)
        if "." in files:
            return Pointer(top, files["."].md5, files["."].size)
        hashes = {name: taken.md5 for name, taken in files.items()}
        md5 = self._cache.keep_list(hashes, self._folder / "list")
        return Pointer(top, md5, sum(taken.size for taken in files.values()), len(files))

    def _files(self, top: Path) -> Mapping[str, Taken]:
        return {
            path.relative_to(top).as_posix(): taken
            for path, taken in self._taken.items()
            if path.is_relative_to(top)
        }


@contextmanager
def intake(root: Path, cache: Cache, tops: Iterable[Path]) -> Iterator[Intake]:
    """Take results in; what was copied and not kept goes at the end."""
    cache.folder.mkdir(parents=True, exist_ok=True)
    if cache.folder.is_relative_to(root.resolve()):  # else others may be at work there
        for old in cache.folder.glob(f"{PREFIX}*"):
            shutil.rmtree(old, ignore_errors=True)  # of a snapshot that was killed
    folder = Path(tempfile.mkdtemp(dir=cache.folder, prefix=PREFIX))
    try:
        yield Intake(root, cache, tops, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def compared(source: Path, kept: Path, name: str) -> Taken | None:
    """Return what a file is if another, of the cache, has its bytes and the right name."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(), 0
    try:
        with open(source, "rb") as read, open(kept, "rb") as other:
            while (chunk := read.read(CHUNK)) == (held := other.read(CHUNK)) and chunk:
                sha256.update(chunk)
                md5.update(chunk)
                size += len(chunk)
    except FileNotFoundError:
        return None
    if chunk != held or md5.hexdigest() != name:
        return None
    return Taken(name, sha256.hexdigest(), size, None)
