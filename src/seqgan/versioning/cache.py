"""The folder in which DVC keeps files by their hash on this machine."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from seqgan.versioning.pointers import Pointer, is_md5

CHUNK = 2**20
"""Bytes that are read at once: what is hashed twice is then still near the processor."""
READ_ONLY = 0o444
"""DVC's objects are; it takes those that are not for unfinished ones."""


def md5_of(path: Path) -> str:
    """Return the hash that DVC calls a file by."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()


class Cache:
    """The folder in which DVC keeps files by their hash on this machine.

    Args:
        folder: Where it is.
        shared: Whether people of a group write into it.
    """

    def __init__(self, folder: Path, *, shared: bool = False) -> None:
        self.folder = folder
        self.shared = shared

    def place(self, md5: str) -> Path:
        """Return where a file of this hash is kept, if it is."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def files(self, pointer: Pointer) -> dict[str, str] | None:
        """Return the hash of every file that a pointer stands for; ``None`` if that is not known.

        By their paths below its target; the target itself is the empty path.
        """
        if not pointer.is_folder:
            return {"": pointer.md5}
        try:
            content = self.place(pointer.md5).read_bytes()
            if f"{hashlib.md5(content).hexdigest()}.dir" != pointer.md5:
                return None  # damaged: it may name anything
            listed = json.loads(content)
            found = {entry["relpath"]: entry["md5"] for entry in listed}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return found if all(map(is_md5, found.values())) else None

    def misses(self, pointer: Pointer) -> bool:
        """Return whether something that a pointer stands for is not in the cache."""
        files = self.files(pointer)
        return files is None or not all(self.place(md5).is_file() for md5 in files.values())

    def drop_damaged(self, pointer: Pointer) -> bool:
        """Remove what has other bytes than its name says; return whether anything is missing now.

        DVC believes what is read-only, and would neither fetch it anew nor refuse to send it.
        """
        files = self.files(pointer)
        if files is None:
            self.place(pointer.md5).unlink(missing_ok=True)
            return True
        whole = True
        for md5 in set(files.values()):
            place = self.place(md5)
            if place.is_file() and md5_of(place) != md5:
                place.unlink()
            whole = whole and place.is_file()
        return not whole

    def keep(self, partial: Path, md5: str) -> None:
        """Move a file whose bytes have a hash to its place, in place of whatever has its name."""
        place = self.place(md5)
        for folder in (self.folder, *reversed(place.relative_to(self.folder).parents[:-1])):
            folder = self.folder / folder
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                if self.shared:
                    folder.chmod(0o2775)
        partial.chmod(READ_ONLY)
        partial.replace(place)

    def keep_list(self, files: Mapping[str, str], partial: Path) -> str:
        """Keep which files a folder has, as DVC spells it; return its hash.

        Args:
            files: The hash of every file, by its path below the folder.
            partial: A file in the same file system that may be written.
        """
        listed = [{"md5": files[name], "relpath": name} for name in sorted(files)]
        content = json.dumps(listed, sort_keys=True).encode()
        name = f"{hashlib.md5(content).hexdigest()}.dir"
        partial.write_bytes(content)
        self.keep(partial, name)
        return name


def copied(source: Path, target: Path, *kinds: str) -> tuple[dict[str, str], int]:
    """Copy a file, never as a link, and return hashes and size of what was written."""
    digests, size = [hashlib.new(kind) for kind in kinds], 0
    buffer = memoryview(bytearray(CHUNK))
    try:
        with open(source, "rb", buffering=0) as read, open(target, "wb") as written:
            while count := read.readinto(buffer):
                for digest in digests:
                    digest.update(buffer[:count])
                written.write(buffer[:count])
                size += count
    except OSError as error:
        error.filename = error.filename or str(target)  # a full disk does not say which
        raise
    return {digest.name: digest.hexdigest() for digest in digests}, size


def same_bytes(one: Path, other: Path) -> bool:
    """Return whether two files have the same bytes."""
    try:
        with open(one, "rb") as first, open(other, "rb") as second:
            if os.fstat(first.fileno()).st_size != os.fstat(second.fileno()).st_size:
                return False
            while chunk := first.read(CHUNK):
                if second.read(CHUNK) != chunk:
                    return False
            return True
    except FileNotFoundError:
        return False


def reachable(pointers: Iterable[Pointer], cache: Cache) -> set[str]:
    """Return the hashes of all that pointers stand for, as far as the cache knows it."""
    found = set[str]()
    for pointer in pointers:
        found.add(pointer.md5)
        found.update((cache.files(pointer) or {}).values())
    return found
