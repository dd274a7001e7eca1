"""DVC, run as a command: a stage imports none of it, and a node needs none."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from seqgan.errors import UserError
from seqgan.locks import Lock
from seqgan.records import write_atomically
from seqgan.versioning.cache import Cache
from seqgan.versioning.pointers import pointer_path

NO_REMOTE = (
    "there is no remote: say where with `dvc remote add --default NAME URL` and "
    "`dvc remote modify NAME verify true` (docs/versioning.md)"
)


class Store:
    """DVC in a folder with the project.

    Raises :class:`UserError` if it has not been set up there.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        if not (root / ".dvc" / "config").is_file():
            raise UserError(f"{root.resolve()} is no folder of DVC; start in the project's own")
        if not (root / ".git").exists():
            # From an archive: DVC would look for a repository and refuse.
            self.run("config", "--local", "core.no_scm", "true")
        # Asked now and heard later: a command of DVC takes half a second to begin.
        pool = ThreadPoolExecutor(1)
        self._listed = pool.submit(self.run, "config", "--list", "--show-origin")
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

    def settings(self) -> dict[str, str]:
        """Return DVC's settings; those of this clone stand above those of everybody."""
        lines = [line.partition("\t")[2] for line in self._listed.result().splitlines()]
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def cache(self) -> Cache:
        """Return the cache on this machine."""
        settings = self.settings()
        folder = self.root / settings.get("cache.dir", ".dvc/cache")
        return Cache(folder.resolve(), shared=settings.get("cache.shared") == "group")

    def remote(self, wanted: str | None = None) -> str | None:
        """Return the name of a remote that is wanted, or of the default one, if there is any.

        Raises :class:`UserError` for one that does not exist.
        """
        settings = self.settings()
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
def alone(root: Path) -> Iterator[None]:
    """Save, restore or remove something while nobody else does and snakemake does not run.

    Raises :class:`UserError` otherwise.
    """
    if any((root / ".snakemake" / "locks").glob("*.lock")):
        raise UserError(
            "snakemake is running in this folder; wait for its end (or, if it was killed, say "
            "`snakemake --unlock`)"
        )
    lock = Lock(root / ".dvc" / "tmp" / "results.lock")
    if not lock.acquire():
        raise UserError(
            f"another snapshot or restore is at work in this folder ({lock.holder()} holds "
            f"{lock.path}); wait for its end"
        )
    try:
        yield
    finally:
        lock.release()


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
