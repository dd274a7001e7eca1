"""Read archives in place: nothing is unpacked to the disk, nothing in them is trusted."""

import gzip
import io
import json
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow

from seqgan.errors import UserError
from seqgan.records import check_tree

MEGABYTE = 2**20
AR_MAGIC = b"!<arch>\n"
AR_HEADER = 60
MOST_VALUES = 10**7
"""Values of the largest JSON text that is read."""
LZMA_MEMORY = 128 * MEGABYTE


class Limits(NamedTuple):
    """What an archive may become.

    Attributes:
        member: Bytes of the largest file that is read.
        total: Bytes of all that is unpacked.
        ratio: Bytes unpacked for one byte of the archive; the first megabyte is free.
    """

    member: int = 128 * MEGABYTE
    total: int = 1024 * MEGABYTE
    ratio: int = 100


LIMITS = Limits()
Stream = Any
"""A file of bytes: io, gzip, zipfile and pyarrow have no class in common."""


def members(
    path: Path, wanted: re.Pattern[str], limits: Limits = LIMITS
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files in an archive whose whole name matches a pattern.

    In the order of the archive, but those of a zip file by name. The end of the archive's name
    tells what it is: ``.zip``, ``.whl``, ``.tar.gz``, ``.tgz``, ``.deb``.

    Raises :class:`UserError` if it is damaged, if any name in it leads out of it, if a file that is
    wanted is a link or a device or stands there twice, if what comes out is larger than the limits,
    and if no file is wanted.
    """
    reader = next((each for end, each in READERS.items() if path.name.endswith(end)), None)
    if reader is None:
        raise UserError(f"{path} is none of the archives that are read: {', '.join(READERS)}")
    with open(path, "rb") as file:
        yield from _read(reader, file, str(path), wanted, limits)


def members_within(
    content: bytes, name: str, wanted: re.Pattern[str], limits: Limits = LIMITS
) -> Iterator[tuple[str, bytes]]:
    """Yield what :func:`members` does for a ``.tar.gz`` that itself came out of an archive."""
    yield from _read(_tar_gz, io.BytesIO(content), name, wanted, limits)


def parse_json(content: bytes, where: str) -> Any:
    """Return what a JSON text says; raise :class:`UserError` if it is none, or is too large."""
    try:
        tree = json.loads(content)
        check_tree(tree, largest=MOST_VALUES)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is not JSON that can be read: {error}") from None
    return tree


def decode(content: bytes, where: str, encoding: str = "utf-8") -> str:
    """Return a text; raise :class:`UserError` if it is in another encoding."""
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is not {encoding} ({error.reason}); fetch it again") from None


Reader = Callable[[Stream, str, re.Pattern[str], Limits], Iterator[tuple[str, bytes]]]


def _read(
    reader: Reader, file: Stream, name: str, wanted: re.Pattern[str], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    found: set[str] = set()
    try:
        for each in reader(file, name, wanted, limits):
            if each[0] in found:  # programs differ in which of the two they take
                raise UserError(f"{name} is refused: {each[0]!r} stands in it twice")
            found.add(each[0])
            yield each
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        gzip.BadGzipFile,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        NotImplementedError,  # a method of compression that zipfile does not know
        pyarrow.ArrowException,
        OSError,
    ) as error:
        raise UserError(
            f"{name} is not a whole archive ({error}); move it away and fetch it again"
        ) from None
    if not found:
        raise UserError(f"{name} has no file like {wanted.pattern}; is it another release?")


def _zip(
    file: Stream, name: str, wanted: re.Pattern[str], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        total = 0
        every = archive.infolist()
        for each in every:
            _check_name(each.filename, name)
        chosen = [each for each in every if wanted.fullmatch(each.filename)]
        for each in sorted(chosen, key=lambda info: info.filename):
            kind = stat.S_IFMT(each.external_attr >> 16)
            if kind not in (0, stat.S_IFREG) or each.is_dir():
                raise _odd(each.filename, name)
            if each.flag_bits & 1:
                raise UserError(f"{name}: {each.filename} is encrypted, so it cannot be read")
            total += each.file_size
            _check_size(each.file_size, each.filename, name, limits)
            _check_total(total, name, limits)
            _check_ratio(each.file_size, each.compress_size, name, limits)
            # zipfile gives no byte more than the size that was just checked.
            yield each.filename, archive.read(each)


def _tar_gz(
    file: Stream, name: str, wanted: re.Pattern[str], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    yield from _tar(gzip.GzipFile(fileobj=file), file, name, wanted, limits)


def _deb(
    file: Stream, name: str, wanted: re.Pattern[str], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    for part, size in _ar(file):
        unpack = UNPACKERS.get(part)
        if unpack is None:
            continue
        _check_size(size, part, name, limits)
        content = file.read(size)
        if len(content) != size:  # the tar inside ends before its packing does
            raise EOFError("it was cut short")
        packed = io.BytesIO(content)
        yield from _tar(unpack(packed), packed, name, wanted, limits)
        return
    raise EOFError(f"no part is called {', '.join(UNPACKERS)}")


def _ar(file: Stream) -> Iterator[tuple[str, int]]:
    """Yield name and size of every part of an ar archive, whose content is then read next.

    The common format of Unix: https://en.wikipedia.org/wiki/Ar_(Unix).
    """
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise EOFError("it does not begin as an ar archive does")
    while header := file.read(AR_HEADER):
        size = header[48:58].strip()
        if len(header) != AR_HEADER or header[58:] != b"`\n" or not size.isdigit():
            raise EOFError("the header of a part is damaged")
        start = file.tell()
        yield header[:16].decode("latin-1").strip().rstrip("/"), int(size)
        file.seek(start + int(size) + int(size) % 2)


class _Xz(io.RawIOBase):
    """A stream of xz, whose dictionary is bounded, unlike in ``lzma.LZMAFile``."""

    def __init__(self, packed: Stream) -> None:
        self._packed = packed
        self._unpacker = lzma.LZMADecompressor(memlimit=LZMA_MEMORY)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = b""
        while not content and not self._unpacker.eof:
            more = self._packed.read(MEGABYTE) if self._unpacker.needs_input else b""
            if not more and self._unpacker.needs_input:
                raise EOFError("it was cut short")
            content = self._unpacker.decompress(more, len(buffer))
        buffer[: len(content)] = content
        return len(content)


def _zstd(packed: Stream) -> Stream:
    return pyarrow.CompressedInputStream(packed, "zstd")


class _Bounded(io.RawIOBase):
    """A stream of unpacked bytes that raises :class:`UserError` where it becomes too long."""

    def __init__(self, stream: Stream, packed: Stream, name: str, limits: Limits) -> None:
        self._stream, self._packed, self._name, self._limits = stream, packed, name, limits
        self._total = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        content = self._stream.read(size)
        self._total += len(content)
        _check_total(self._total, self._name, self._limits)
        _check_ratio(self._total, self._packed.tell(), self._name, self._limits)
        return content


def _tar(
    stream: Any, packed: Stream, name: str, wanted: re.Pattern[str], limits: Limits
) -> Iterator[tuple[str, bytes]]:
    bounded = _Bounded(stream, packed, name, limits)
    with tarfile.open(fileobj=bounded, mode="r|") as archive:
        for each in archive:
            _check_name(each.name, name)
            if not wanted.fullmatch(each.name):
                continue
            content = archive.extractfile(each) if each.isreg() else None
            if content is None:
                raise _odd(each.name, name)
            _check_size(each.size, each.name, name, limits)
            yield each.name, content.read()


def _check_name(member: str, name: str) -> None:
    parts = member.replace("\\", "/").split("/")
    if not parts[0] or ".." in parts or ":" in parts[0] or "\0" in member:
        raise UserError(f"{name} is refused: the name {member!r} in it leads out of the archive")


def _odd(member: str, name: str) -> UserError:
    return UserError(f"{name} is refused: {member!r} in it is a link or device, not a file")


def _check_size(size: int, member: str, name: str, limits: Limits) -> None:
    if size > limits.member:
        raise UserError(
            f"{name} is refused: {member!r} in it has {size} bytes, but at most {limits.member} "
            "are read"
        )


def _check_total(total: int, name: str, limits: Limits) -> None:
    if total > limits.total:
        raise UserError(f"{name} is refused: it unpacks to more than {limits.total} bytes")


def _check_ratio(unpacked: int, packed: int, name: str, limits: Limits) -> None:
    if unpacked > MEGABYTE + limits.ratio * packed:
        raise UserError(
            f"{name} is refused: it unpacks to more than {limits.ratio} times its size, as an "
            "archive does that was made to fill the memory"
        )


UNPACKERS: Mapping[str, Callable[[Stream], Any]] = {
    "data.tar": lambda packed: packed,
    "data.tar.gz": lambda packed: gzip.GzipFile(fileobj=packed),
    "data.tar.xz": _Xz,
    "data.tar.zst": _zstd,
}
"""The files of a Debian package, by the name of their part."""
READERS: Mapping[str, Reader] = {
    ".whl": _zip,
    ".zip": _zip,
    ".tar.gz": _tar_gz,
    ".tgz": _tar_gz,
    ".deb": _deb,
}
