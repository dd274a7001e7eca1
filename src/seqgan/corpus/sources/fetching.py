"""Get an archive once, by its hash, and keep it."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from seqgan.corpus.sources.registries import ROUTES, Archive, pip_settings
from seqgan.corpus.sources.transfer import Web
from seqgan.errors import UserError
from seqgan.locks import Lock

MEGABYTE = 2**20
SECONDS_FOR_ANOTHER = 3600.0
"""How long to wait for a process that fetches the same archive."""
Step = tuple[int, dict[str, Any]]
Follow = Callable[..., Iterator[Step]]


class Places(NamedTuple):
    """Where archives are.

    Attributes:
        downloads: Folder in which they are kept.
        mirror: Folder that is looked into first, and never written.
        offline: Whether the net must not be asked.
    """

    downloads: Path
    mirror: Path | None = None
    offline: bool = False


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def obtain(archive: Archive, places: Places, follow: Follow, say: Callable[[str], None]) -> Path:
    """Return the place of an archive with the right hash; fetch it if it is nowhere.

    Args:
        archive: What is wanted.
        places: Where it may be, and whether the net may be asked.
        follow: Shows how far the transfer is, such as ``Context.follow``.
        say: Shows a line.

    Raises:
        UserError: If a file of its name has another hash, if the net may not be asked or does not
            have it, or if what comes has another hash. A file is never used then, and never
            removed.
    """
    if found := _find(archive, places):
        return found
    if places.offline:
        raise UserError(
            f"{archive.file} (sha256 {archive.sha256}) is {_nowhere(places)}, and --offline "
            f"forbids to fetch it; get it from {archive.upstream} and put it into "
            f"{places.mirror or places.downloads}"
        )
    lock = Lock(places.downloads / f".{archive.file}.lock")
    lock.wait(SECONDS_FOR_ANOTHER, say)
    try:
        return _find(archive, places) or _fetch(archive, places.downloads, follow, say)
    finally:
        lock.release()


def _nowhere(places: Places) -> str:
    if places.mirror is None:
        return f"not in {places.downloads}"
    return f"neither in {places.mirror} nor in {places.downloads}"


def _find(archive: Archive, places: Places) -> Path | None:
    if places.mirror is not None and not places.mirror.is_dir():
        raise UserError(f"--mirror must be a folder, but {places.mirror} is none")
    for folder in (places.mirror, places.downloads):
        path = None if folder is None else folder / archive.file
        if path is None or not path.is_file():
            continue
        if (got := digest(path)) != archive.sha256:
            raise UserError(
                f"{path} is not the file that is wanted: got sha256 {got}, expected "
                f"{archive.sha256}; move it away, or put the right one there"
            )
        return path
    return None


def _fetch(archive: Archive, folder: Path, follow: Follow, say: Callable[[str], None]) -> Path:
    web = Web(pip_settings().get("cert"), say=say)
    urls = ROUTES[archive.route](archive, web)
    place, partial = folder / archive.file, folder / f".{archive.file}.partial"
    failed = ""
    for url in urls:
        # What an earlier start left may belong to another file: then it is fetched from its start.
        for resumed in (True, False) if partial.is_file() else (False,):
            if not resumed:
                partial.unlink(missing_ok=True)
            try:
                _show(web.download(url, partial, archive.bytes), follow)
            except UserError as error:
                failed = str(error)
                break
            got = digest(partial)
            if got == archive.sha256:
                partial.replace(place)
                return place
            failed = f"{archive.file} came with sha256 {got}, expected {archive.sha256}"
        else:
            aside = folder / f"{archive.file}.refused"
            partial.replace(aside)
            failed += f"; it is kept as {aside} and not used"
    raise UserError(f"{failed}; get it from {archive.upstream} and give its folder as --mirror")


def _show(transfer: Iterator[tuple[int, int]], follow: Follow) -> None:
    """Transfer a file, with a step for every megabyte however often it begins anew."""
    first = next(transfer, None)
    if first is None:
        return
    start, total = _megabytes(first[0]) - 1, _megabytes(first[1])

    def steps() -> Iterator[Step]:
        told = start
        for there, _ in chain([first], transfer):
            if told < (now := _megabytes(there)) <= total:
                told = now
                yield now, {}

    for _ in follow(steps(), total=total, unit="megabyte", start=start):
        pass


def _megabytes(size: int) -> int:
    return max(1, -(-size // MEGABYTE))
