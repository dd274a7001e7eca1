"""Where the package managers of this machine would get a file from.

The machine's own configuration of pip, npm and apt names the hosts; nothing is installed.
"""

import html.parser
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pypi_simple

from seqgan.corpus.sources.transfer import Web, shown
from seqgan.errors import UserError

SECONDS = 120.0
"""How long a package manager may take to answer."""
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.1"
SCHEMES = ("http://", "https://", "file:/")
LARGEST_INDEX = 64 * 2**20
PIP_SECTIONS = ("global", "install", "download", ":env:")
"""Where pip keeps settings; the last one that has one counts."""


@dataclass(frozen=True)
class Archive:
    """A file that is known by its hash.

    Attributes:
        file: Its name.
        sha256: Its hash.
        route: How it is got: a name in :data:`ROUTES`, or ``url``.
        bytes: Its size, where it is known.
        package: What the package manager calls it; for the route ``url`` its address.
        version: Its release.
        upstream: Where people find it.
    """

    file: str
    sha256: str
    route: str
    bytes: int | None
    package: str
    version: str
    upstream: str


def pip_settings() -> dict[str, str]:
    """Return the settings of pip that say where packages are; none where there is no pip."""
    answer = _ask([sys.executable, "-m", "pip", "config", "list"])
    settings: dict[str, dict[str, str]] = {section: {} for section in PIP_SECTIONS}
    for line in (answer or "").splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in settings:
            settings[section][key] = value.strip("'\"")
    return {key: value for each in PIP_SECTIONS for key, value in settings[each].items()}


def find_on_pypi(archive: Archive, web: Web) -> tuple[str, ...]:
    """Look a file up in the package indexes that pip is configured with."""
    settings = pip_settings()
    main = settings.get("index-url", pypi_simple.PYPI_SIMPLE_ENDPOINT)
    extra = settings.get("extra-index-url", "").replace("\\n", " ").split()
    name = archive.package.lower().replace("_", "-").replace(".", "-")
    urls, failed = [], []
    for index in (main, *extra):
        page = f"{index.rstrip('/')}/{name}/"
        try:
            content, kind, base = web.read(page, ACCEPT, LARGEST_INDEX)
            urls += [url for file, url in _links(content, kind, base) if file == archive.file]
        except HTTPError as error:
            error.close()
            failed.append(f"{shown(page)} answers {error.code}")
        except (URLError, OSError, ValueError) as error:
            failed.append(f"{shown(page)}: {getattr(error, 'reason', error)}")
    if not urls:
        why = "; ".join(failed) or "they do not list it"
        raise UserError(
            f"the package indexes of pip have no {archive.file} ({why}); {_by_hand(archive)}"
        )
    return tuple(urls)


def find_on_npm(archive: Archive, web: Web) -> tuple[str, ...]:
    """Ask npm for the address of a package."""
    del web
    what = f"{archive.package}@{archive.version}"
    answer = _ask(["npm", "view", what, "dist.tarball"])
    if answer is None:
        raise UserError(f"npm, which gets {archive.file}, does not run; {_by_hand(archive)}")
    urls = [line for line in answer.split() if line.startswith(SCHEMES)]
    if not urls:
        raise UserError(f"npm knows no {what}; {_by_hand(archive)}")
    return tuple(urls[:1])


def find_on_debian(archive: Archive, web: Web) -> tuple[str, ...]:
    """Ask apt for the address of a package."""
    del web
    what = f"{archive.package}={archive.version}"
    answer = _ask(["apt-get", "download", "--print-uris", what])
    if answer is None:
        raise UserError(f"apt, which gets {archive.file}, does not know it; {_by_hand(archive)}")
    quoted = [line.split("'")[1] for line in answer.splitlines() if line.startswith("'")]
    urls = [url for url in quoted if url.startswith(SCHEMES)]
    if not urls:
        raise UserError(f"apt knows no {what}; run `apt-get update`, or {_by_hand(archive)}")
    return tuple(urls[:1])


def find_at_address(archive: Archive, web: Web) -> tuple[str, ...]:
    """Return the address that the user gave."""
    del web
    return (archive.package,)


def _by_hand(archive: Archive) -> str:
    return f"get it from {archive.upstream} and give its folder as --mirror"


def _ask(command: Sequence[str]) -> str | None:
    """Return what a program prints; nothing if there is none, or it fails or takes too long."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


class _Anchors(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.links += [value for name, value in attrs if name == "href" and value]


def _links(content: bytes, kind: str, base: str) -> Iterator[tuple[str, str]]:
    """Yield name and address of every file on a page of a package index (PEP 503, PEP 691)."""
    text = content.decode("utf-8")
    if "json" in kind:
        files: list[dict[str, Any]] = json.loads(text)["files"]
        links = [str(each["url"]) for each in files]
    else:
        parser = _Anchors()
        parser.feed(text)
        links = parser.links
    for link in links:
        url = urldefrag(urljoin(base, link)).url
        yield unquote(Path(urlsplit(url).path).name), url


ROUTES: Mapping[str, Callable[[Archive, Web], tuple[str, ...]]] = {
    "pip": find_on_pypi,
    "npm": find_on_npm,
    "apt": find_on_debian,
    "url": find_at_address,
}
