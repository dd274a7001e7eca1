"""What DVC is for here: it keeps files by their hash, on this machine and on remotes.

DVC runs as a command, so that a stage imports none of it and a node needs none. Pointers
(``x.dvc``) and the folder of a cache are read directly.
"""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqgan.errors import UserError
from seqgan.records import write_atomically

NO_REMOTE = (
    "there is no remote: say where with `dvc remote add --default NAME URL` and "
    "`dvc remote modify NAME verify true` (docs/versioning.md)"
)


@dataclass(frozen=True)
class Pointer:
    """What git holds in place of a file or folder.

    Attributes:
        target: The file or folder, relative to the root.
        md5: Its hash; that of a folder ends in ``.dir`` and names a list of files.
        size: Bytes.
    """

    target: Path
    md5: str
    size: int

    @property
    def path(self) -> Path:
        """Return where the pointer is."""
        return pointer_path(self.target)


def pointer_path(target: Path) -> Path:
    """Return where the pointer to a file or folder is."""
    return target.with_name(f"{target.name}.dvc")


def read_pointer(target: Path, root: Path) -> Pointer | None:
    """Return the pointer to a file or folder, if there is one."""
    path = root / pointer_path(target)
    try:
        return parse_pointer(target, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path} is no pointer of DVC ({error}); check it out of git again"
        ) from None


def parse_pointer(target: Path, text: str) -> Pointer:
    """Return what a pointer says; raise ``ValueError`` if it is none."""
    try:
        (out,) = yaml.safe_load(text)["outs"]
        md5, size, path = out["md5"], out.get("size", 0), out["path"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("it does not name one output") from None
    if path != target.name or not isinstance(size, int) or not _is_md5(md5):
        raise ValueError(f"it does not point to {target.name}")
    return Pointer(target, md5, size)


def _is_md5(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    digits = text.removesuffix(".dir")
    return len(digits) == 32 and not set(digits) - set("0123456789abcdef")


class Cache:
    """The folder in which DVC keeps files by their hash on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, md5: str) -> Path:
        """Return where a file of this hash is kept, if it is."""
        return self.folder / "files" / "md5" / md5[:2] / md5[2:]

    def files(self, pointer: Pointer) -> dict[str, str] | None:
        """Return the hash of every file that a pointer stands for; ``None`` if that is not known.

        By their paths below its target; the target itself is the empty path.
        """
        if not pointer.md5.endswith(".dir"):
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
        return found if all(map(_is_md5, found.values())) else None

    def drop_damaged_list(self, pointer: Pointer) -> None:
        """Remove the list of a folder's files if it is not what its name says."""
        if pointer.md5.endswith(".dir") and self.files(pointer) is None:
            self.place(pointer.md5).unlink(missing_ok=True)

    def misses(self, pointer: Pointer) -> bool:
        """Return whether something that a pointer stands for is not in the cache."""
        files = self.files(pointer)
        return files is None or not all(self.place(md5).is_file() for md5 in files.values())


class Store:
    """DVC in a folder with the project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        if not (root / ".dvc" / "config").is_file():
            raise UserError(f"{root.resolve()} is no folder of DVC; start in the project's own")
        if not (root / ".git").exists():
            # From an archive: DVC would look for a repository and refuse.
            self.run("config", "--local", "core.no_scm", "true")
        # Asked now and heard later: a command of DVC takes half a second to begin.
        pool = ThreadPoolExecutor(2)
        self._cache = pool.submit(self.run, "cache", "dir")
        self._settings = pool.submit(self.run, "config", "--list")
        pool.shutdown(wait=False)

    def run(self, *arguments: str) -> str:
        """Run a command of DVC and return what it prints; raise :class:`UserError` if it fails."""
        command = [sys.executable, "-m", "dvc", *arguments]
        done = subprocess.run(
            command, cwd=self.root, capture_output=True, text=True, errors="replace", check=False
        )
        if done.returncode:
            raise UserError(f"dvc {arguments[0]} failed: {_reason(done.stdout + done.stderr)}")
        return done.stdout

    def cache(self) -> Cache:
        """Return the cache on this machine."""
        return Cache((self.root / self._cache.result().strip()).resolve())

    def remote(self, wanted: str | None = None) -> str | None:
        """Return the name of a remote that is wanted, or of the default one, if there is any.

        Raises :class:`UserError` for one that does not exist.
        """
        lines = self._settings.result().splitlines()
        settings = dict(line.split("=", 1) for line in lines if "=" in line)
        urls = [key for key in settings if key.startswith("remote.") and key.endswith(".url")]
        known = [key.removeprefix("remote.").removesuffix(".url") for key in urls]
        if wanted is not None and wanted not in known:
            raise UserError(f"no remote is called {wanted}; known: {', '.join(known) or 'none'}")
        return wanted or settings.get("core.remote") or (self._only(known) if known else None)

    def _only(self, known: list[str]) -> str:
        if len(known) > 1:
            raise UserError(
                f"there are the remotes {', '.join(known)}; choose one with --remote, or say "
                "`dvc remote default NAME`"
            )
        return known[0]

    def add(self, targets: Sequence[Path]) -> None:
        """Put files and folders into the cache and write their pointers."""
        self.run("add", "--no-relink", "--", *map(str, targets))

    def push(self, targets: Iterable[Path], remote: str) -> None:
        """Copy what pointers stand for to a remote."""
        self.run("push", "--remote", remote, "--", *(str(pointer_path(each)) for each in targets))

    def fetch(self, targets: Iterable[Path], remote: str) -> None:
        """Copy what pointers stand for from a remote into the cache."""
        self.run("fetch", "--remote", remote, "--", *(str(pointer_path(each)) for each in targets))


def _reason(text: str) -> str:
    """Return what DVC says is wrong, without its advice and colours."""
    if "No module named dvc" in text:
        return "DVC is not installed in this environment; `pip install -e .` brings it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR")]
    return "; ".join(errors) or " ".join(lines[-3:]) or "it says nothing"


@contextmanager
def unchanged_on_failure(paths: Iterable[Path]) -> Iterator[None]:
    """Do something that writes files; if it raises, they are again what they were."""
    before = {path: path.read_bytes() if path.is_file() else None for path in paths}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            if content is None:
                path.unlink(missing_ok=True)
            else:
                write_atomically(path, content)
        raise


def git(root: Path, *arguments: str) -> str:
    """Run a command of git and return what it prints; raise :class:`UserError` if it fails."""
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise UserError("git is not installed here, and pointers are versioned with it") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or "it says nothing"
        raise UserError(f"git {arguments[0]} failed: {said}")
    return done.stdout


def uncommitted(root: Path, paths: Iterable[Path]) -> list[str]:
    """Return which files of some paths git does not have as they are."""
    there = [str(path) for path in paths if (root / path).exists()]
    lines = git(root, "status", "--porcelain", "--untracked-files=all", "--", *there).splitlines()
    return [line[3:] for line in lines]


def sizes(files: Mapping[str, str], cache: Cache) -> int:
    """Return how many bytes files take in the cache, each counted once."""
    places = [cache.place(md5) for md5 in set(files.values())]
    return sum(place.stat().st_size for place in places if place.is_file())
