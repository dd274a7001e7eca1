"""Transfer a file of the net: in parts, with pauses after errors, going on where it broke off."""

import base64
import http.client
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

from seqgan.errors import UserError

SECONDS = 60.0
"""How long a server may be silent."""
PAUSES = (1.0, 3.0, 9.0, 27.0)
"""Seconds to wait before each further try."""
PART = 2**18
TRY_AGAIN = {408, 425, 429, 500, 502, 503, 504}
"""Answers of a server that may be others a little later."""
PARTIAL, UNSATISFIABLE = 206, 416
LARGEST = 8 * 2**30


def shown(url: str) -> str:
    """Return an address without the name and the password that it may hold."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class Web:
    """The net, as this machine is set up to see it.

    Args:
        certificate: File of certificates to trust, in place of those of the system.
        say: Called with a line when a transfer must wait.
        pause: Waits some seconds.
    """

    def __init__(
        self,
        certificate: str | None = None,
        *,
        say: Callable[[str], None] = lambda line: None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._say, self._pause = say, pause
        try:
            self._trust = ssl.create_default_context(cafile=certificate)
        except OSError as error:
            raise UserError(
                f"the certificates {certificate} that pip is set to cannot be read: {error}"
            ) from None

    def read(self, url: str, accept: str, largest: int) -> tuple[bytes, str, str]:
        """Return content, media type and final address of a page.

        Raises ``OSError`` (``URLError``, ``HTTPError``) if there is none, and ``ValueError`` if it
        is too large.
        """
        with self._open(url, {"Accept": accept}) as answer:
            content = answer.read(largest + 1)
            if len(content) > largest:
                raise ValueError(f"the page is longer than {largest} bytes")
            return content, answer.headers.get("Content-Type", ""), answer.url

    def download(self, url: str, path: Path, size: int | None) -> Iterator[tuple[int, int]]:
        """Write a file, and yield the bytes that it has and those that it will have.

        What is there already is kept where the server can send the rest alone.

        Raises :class:`UserError` if the server refuses, or fails once more after the last pause.
        """
        for pause in (*PAUSES, None):
            try:
                yield from self._transfer(url, path, size)
                return
            except HTTPError as error:
                error.close()
                why = f"the server answers {error.code} {error.reason}"
                if error.code not in TRY_AGAIN:
                    raise UserError(f"{shown(url)} cannot be fetched: {why}") from None
            except (URLError, http.client.HTTPException, OSError) as error:
                if isinstance(error, OSError) and error.filename == str(path):
                    raise  # the disk, not the net
                why = str(getattr(error, "reason", error)) or type(error).__name__
            if pause is None:
                raise UserError(
                    f"{shown(url)} cannot be fetched: {why}; start again later, or get the file "
                    "elsewhere and give its folder as --mirror"
                )
            self._say(f"{shown(url)}: {why}; trying again in {pause:.0f} s")
            self._pause(pause)

    def _transfer(self, url: str, path: Path, size: int | None) -> Iterator[tuple[int, int]]:
        there = path.stat().st_size if path.is_file() else 0
        headers = {"Accept-Encoding": "identity"}
        if there:
            headers["Range"] = f"bytes={there}-"
        try:
            answer = self._open(url, headers)
        except HTTPError as error:
            if error.code != UNSATISFIABLE or not there:
                raise
            error.close()
            path.unlink()  # as long as the file or longer: its hash was not that of the file
            there = 0
            answer = self._open(url, {"Accept-Encoding": "identity"})
        with answer:
            begin = answer.headers.get("Content-Range", "").startswith(f"bytes {there}-")
            if getattr(answer, "status", None) != PARTIAL or not begin:
                there = 0
            length = answer.headers.get("Content-Length")
            end = there + int(length) if length and length.isdigit() else None
            with _opened(path, "ab" if there else "wb") as file:
                while part := answer.read(PART):
                    there += len(part)
                    if there > max(LARGEST, size or 0):
                        raise UserError(
                            f"{shown(url)} is longer than {LARGEST} bytes; no corpus is"
                        )
                    file.write(part)
                    yield there, end or size or there
            if end is not None and there < end:
                raise http.client.IncompleteRead(b"", end - there)

    def _open(self, url: str, headers: dict[str, str]) -> Any:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "file"):
            raise UserError(f"{shown(url)} is no address that is read: http, https or file")
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers = headers | {
                "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"
            }
        return urlopen(Request(shown(url), headers=headers), timeout=SECONDS, context=self._trust)


def _opened(path: Path, mode: str) -> Any:
    try:
        return open(path, mode)
    except OSError as error:
        error.filename = str(path)
        raise
