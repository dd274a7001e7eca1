"""A copy of the project, and what a user does in it."""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

COPIED = ("Snakefile", "workflow", "src", "config", "profiles", "environment.yml", ".dvc",
          ".dvcignore", ".gitignore", "pyproject.toml")  # fmt: skip
SMOKE = "config/smoke.yaml"
# What two runs of the same settings must agree in to the byte.
DETERMINISTIC = (
    "data/**/*", "checkpoints/**/*", "samples/**/*", "metrics/**/*", "encoder/**/*", "summary.*",
    "sweep.csv", "judgements.json",
)  # fmt: skip


class Project:
    """A folder with the project, and what a user does in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess:
        """Run a command in the folder; the Python of the tests is first on the path."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
            **options,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def snakemake(self, *arguments: str, check: bool = True) -> str:
        """Run snakemake on the smoke experiment; return all it prints."""
        command = (sys.executable, "-m", "snakemake", "--configfile", SMOKE)
        done = self.run(*command, *arguments, check=check)
        return done.stdout + done.stderr

    def stage(self, name: str, *arguments: str) -> subprocess.CompletedProcess:
        """Run a script of src/ and return what came of it."""
        return self.run(sys.executable, f"src/{name}.py", *arguments, check=False)

    def edit(self, change: Callable[[dict[str, Any]], Any], file: str = SMOKE) -> None:
        """Change the smoke experiment in its configuration file."""
        path = self.folder / file
        settings = yaml.safe_load(path.read_text())
        change(settings["experiments"]["smoke"])
        path.write_text(yaml.safe_dump(settings))

    def stale(self) -> set[str]:
        """Return the jobs that snakemake would run, as layout names them."""
        table = csv.DictReader(
            io.StringIO(self.run_summary()), delimiter="\t", quoting=csv.QUOTE_NONE
        )
        receipts = "results/smoke/receipts/"
        return {
            row["output_file"].removeprefix(receipts).removesuffix(".json")
            for row in table
            if row["output_file"].startswith(receipts) and row["plan"] != "no update"
        }

    def run_summary(self) -> str:
        """Return the table of `snakemake --summary`."""
        command = (sys.executable, "-m", "snakemake", "--configfile", SMOKE, "--summary")
        return self.run(*command).stdout

    def content(self, *patterns: str) -> dict[str, bytes]:
        """Return the bytes of result files."""
        results = self.folder / "results" / "smoke"
        return {
            path.relative_to(results).as_posix(): path.read_bytes()
            for pattern in patterns
            for path in sorted(results.glob(pattern))
            if path.is_file() and path.name != ".snakemake_timestamp"
        }


def copy_project(source: Path, folder: Path) -> Project:
    """Copy what a user's clone has."""
    for name in COPIED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(source / name, folder / name)
    return Project(folder)


@contextlib.contextmanager
def small_disk_at(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of some size at a new folder; skip the test where that is not possible."""
    if shutil.which("mount") is None:
        pytest.skip("there is no `mount` to make a disk with")
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)
