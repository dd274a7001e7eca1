"""Saving an experiment: what verifies goes into DVC's cache and remote, pointers into git."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import yaml

from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import State, read_receipt, spec, verify
from seqgan.records import expand, write_atomically
from seqgan.versioning.git import git, is_ignored, not_held, uncommitted
from seqgan.versioning.intake import intake
from seqgan.versioning.places import IGNORE, SMALL, inside, large, leftovers
from seqgan.versioning.pointers import Pointer, pointer_path, read_pointer, spell_pointer
from seqgan.versioning.storage import NO_REMOTE, Store, alone, unchanged_on_failure

CODE = ("Snakefile", "workflow", "src", "profiles", "pyproject.toml", "environment.yml")
"""What decides results besides the configuration."""
MOST_NAMED = 5
"""Files that a message names."""


def snapshot(
    name: str,
    jobs: Sequence[Job],
    root: Path,
    *,
    configuration: Sequence[Path],
    remote: str | None,
    say: Callable[[str], None],
) -> None:
    """Save all results of an experiment and stage their pointers and texts in git.

    Args:
        name: The experiment.
        jobs: Its jobs.
        root: The project's folder.
        configuration: Files that define the experiment.
        remote: Where to copy them besides the cache; the default remote if not given.
        say: Where to tell what happens.

    Raises:
        UserError: If snakemake runs, if a result does not correspond to the present
            configuration, code and data, if one of those is not committed, if something that no
            job makes stands among the results, or if DVC or git fails.
    """
    if not (root / ".git").exists():
        raise UserError("pointers are versioned with git, but this folder is no clone; use one")
    if outside := inside(map(str, configuration), root)[1]:
        raise UserError(
            f"{outside[0]} is outside of the project, so that git cannot keep it with the results; "
            "put it into config/"
        )
    if not (root / "results" / name).is_dir():
        raise UserError(f"results/{name} is not there yet; run snakemake first")
    with alone(root):
        _snapshot(name, jobs, root, configuration, remote, say)


def _snapshot(
    name: str,
    jobs: Sequence[Job],
    root: Path,
    configuration: Sequence[Path],
    remote: str | None,
    say: Callable[[str], None],
) -> None:
    store = Store(root)
    for job in jobs:
        spec(job.stage, job.settings)  # read the code while DVC begins
    files, outside = inside([path for job in jobs for path in job.external.values()], root)
    targets = [*large(name, jobs), *(path for path in files if not _is_in_git(root, path))]
    results = Path("results", name)
    pointers = [pointer_path(each) for each in targets]
    ignores = {Path("results/.gitignore"), *(each.with_name(".gitignore") for each in pointers)}
    kept = store.remote(remote)
    with intake(root, store.cache(), targets) as taking:
        _check_results(jobs, root, verify(jobs, root, taking))
        _check_git(root, jobs, configuration, targets)
        for path in files:
            taking(root / path)
        with unchanged_on_failure([root / each for each in (*pointers, *ignores)]):
            _let_git_see(root, name)
            for pointer in taking.keep():
                _point(root, pointer)
    write_atomically(root / results / "dvc.yaml", _shown(root, name, configuration).encode())
    if kept is None:
        say(f"kept in this machine's cache alone: {NO_REMOTE}")
    else:
        store.push(targets, kept)
        say(f"copied to the remote {kept}")
    for path in outside:
        say(f"{path} is outside of the project, so its bytes are not saved")
    small = [results / each for each in SMALL if (root / results / each).exists()]
    git(root, "add", "--", "results/.gitignore", *map(str, [*small, *pointers]))
    changes = git(root, "diff", "--cached", "--name-only", "--", "results", "data").split("\n")
    if any(changes):
        say(f"staged in git; to keep it: git commit -m 'Results of {name}' && git push")
    else:
        say("nothing has changed since the last commit")


def _check_results(jobs: Sequence[Job], root: Path, states: Iterable[State]) -> None:
    """Raise :class:`UserError` unless the results are those of the jobs, and no others."""
    bad = [state for state in states if state.verdict != "ok"]
    if bad:
        first = bad[0]
        raise UserError(
            f"{len(bad)} of {len(jobs)} jobs are not ok, such as {first.name} ({first.verdict}: "
            f"{'; '.join(first.reasons[:2])}); run snakemake first"
        )
    if odd := sorted(map(str, leftovers(jobs, root))):
        raise UserError(
            f"no job of the configuration makes {_named(odd)}; remove what is left over there"
        )


def _check_git(
    root: Path, jobs: Sequence[Job], configuration: Sequence[Path], targets: Sequence[Path]
) -> None:
    """Raise :class:`UserError` unless git holds what made the results, and not the results."""
    receipts = [read_receipt(root / job.receipt) for job in jobs]
    code = {f"src/{name}" for receipt in receipts for name in receipt["spec"]["code"]}
    named = [*inside(map(str, configuration), root)[0], *map(Path, sorted(code))]
    changed = {*uncommitted(root, [*configuration, *map(Path, CODE)]), *not_held(root, named)}
    if changed:
        raise UserError(
            f"what made these results is not in git yet: {_named(sorted(changed))}; commit it first"
        )
    if both := git(root, "ls-files", "-z", "--", *map(str, targets)).split("\0")[:-1]:
        raise UserError(f"git holds {_named(both)}, which DVC is to keep; git rm -r --cached them")


def _point(root: Path, pointer: Pointer) -> None:
    """Write a pointer, and hide from git what it points to."""
    path = root / pointer.path
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    if (text := spell_pointer(pointer, before)) != before:
        write_atomically(path, text.encode())
    if not is_ignored(root, pointer.target):
        _add_lines(path.with_name(".gitignore"), [f"/{pointer.target.name}"])


def describe_saved(name: str, jobs: Sequence[Job], root: Path, remote: str | None) -> Iterator[str]:
    """Yield a line for every part that DVC keeps: whether it is saved, here, and on the remote."""
    store = Store(root)
    cache, kept = store.cache(), store.remote(remote)
    for top in large(name, jobs):
        pointer = read_pointer(top, root)
        if pointer is None:
            yield f"{top}: never saved"
            continue
        said = [f"{pointer.size / 1e6:,.1f} MB"]
        said.append("not all in the cache" if cache.misses(pointer) else "in the cache")
        if kept is not None:
            away = json.loads(
                store.run("status", "--cloud", "--json", "--remote", kept, str(pointer.path))
            )
            # What the remote alone has is called deleted.
            there = set(away.values()) <= {"deleted"}
            said.append(f"on {kept}" if there else f"not all on {kept}")
        if (root / top).exists():
            changed = json.loads(store.run("status", "--json", str(pointer.path)))
            said.append("here with changes" if changed else "here")
        else:
            said.append("not here")
        yield f"{top}: {', '.join(said)}"
    if kept is None:
        yield NO_REMOTE


def _is_in_git(root: Path, path: Path) -> bool:
    """Return whether git holds a file of the user, or every file of a folder, as it is.

    Raises :class:`UserError` if git holds a part of them, or holds other bytes.
    """
    files = [each.relative_to(root) for each in expand(root / path)]
    alone = not_held(root, files)
    if len(alone) == len(files):
        return False
    if changed := sorted({*alone, *uncommitted(root, [path])}):
        raise UserError(
            f"git holds {path}, but not {_named(changed)} as they are here; commit them"
        )
    return True


def _let_git_see(root: Path, name: str) -> None:
    """Add an experiment to those whose texts and pointers git does not ignore."""
    everything = root / "results" / ".gitignore"
    _add_lines(everything, ([] if everything.is_file() else ["/*"]) + [f"!/{name}/"])
    _add_lines(root / "results" / name / ".gitignore", IGNORE)


def _add_lines(path: Path, lines: Iterable[str]) -> None:
    old = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if new := [line for line in lines if line not in old]:
        write_atomically(path, "".join(f"{line}\n" for line in [*old, *new]).encode())


def _shown(root: Path, name: str, configuration: Sequence[Path]) -> str:
    """Return a ``dvc.yaml`` of what ``dvc metrics``, ``params`` and ``plots`` compare.

    It has no stages: snakemake alone decides what runs.
    """
    here = Path("results", name)
    files = [str(Path(*[".."] * len(here.parts), path)) for path in configuration]
    with open(root / here / "curves.csv", encoding="utf-8") as file:
        columns = file.readline().rstrip("\n").split(",")[1:]
    plots = [
        {
            metric: {
                "x": {"curves.csv": "step"},
                "y": {"curves.csv": [each for each in columns if each.endswith(f".{metric}")]},
                "x_label": "round",
                "y_label": metric,
            }
        }
        for metric in dict.fromkeys(each.rpartition(".")[2] for each in columns)
    ]
    tree = {"params": files, "metrics": ["means.json"], "plots": plots}
    return yaml.safe_dump({key: value for key, value in tree.items() if value}, sort_keys=False)


def _named(paths: Sequence[str]) -> str:
    more = f" and {len(paths) - MOST_NAMED} more" if len(paths) > MOST_NAMED else ""
    return f"{', '.join(paths[:MOST_NAMED])}{more}"
