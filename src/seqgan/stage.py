"""The frame around every stage: arguments, checks, progress, outputs in place, receipt, errors.

A stage is a standalone command. It reads its settings from a spec file, writes its outputs beside
their place, moves them there when all are whole, and leaves a receipt last.
"""

import argparse
import os
import platform
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TextIO

from tqdm import tqdm

from seqgan.errors import UserError
from seqgan.failures import Stopped, guarded
from seqgan.provenance import check_inputs, code_digests, environment, receipt, sha256
from seqgan.records import canonical_json, put_in_place, read_json, readable_json, write_atomically

SECONDS_BETWEEN_LINES = 10.0
SPECS = ".spec"
"""Name of the folder in which snakemake keeps the specs of all jobs of an experiment."""


class Context:
    """What a stage sees of its surroundings.

    Attributes:
        settings: Its parts of the configuration, from the spec.
        seed: Training seed; 0 for stages without one.
        key: Everything that decides the result: spec, inputs, seed, libraries, device, threads.
        job: What the job is called among those of all experiments.
        work: Folder for state that is kept while the stage runs.
        device: ``cpu``, ``cuda``, …
        threads: Processor threads it may use.
    """

    def __init__(
        self, name: str, arguments: argparse.Namespace, spec: dict[str, Any], log: TextIO | None
    ) -> None:
        self.name, self.settings = name, spec["settings"]
        self.seed: int = arguments.seed or 0
        self.device: str = arguments.device
        self.threads: int = arguments.threads
        self.work = Path(arguments.work)
        self.key: tuple[Any, ...] = ()
        parts = Path(arguments.receipt).with_suffix("").parts
        self.job = ".".join(part for part in parts[-4:] if part not in ("/", "results", "receipts"))
        self.stopping = False
        self._arguments, self._log = arguments, log
        self._outputs: dict[str, Path] = {}
        self._at_end: list[Callable[[], None]] = []

    def input(self, name: str) -> Path:
        """Return the path of an input; raise :class:`UserError` if it was not given."""
        given = self.inputs(name)
        if len(given) != 1:
            raise UserError(f"--{name} needs one path, but {len(given)} were given")
        return given[0]

    def inputs(self, name: str) -> list[Path]:
        """Return the paths of an input that may be absent or many."""
        return [Path(path) for path in getattr(self._arguments, name) or []]

    def output(self, name: str) -> Path:
        """Return where to write an output; it is moved to its place when the stage ends well."""
        place = Path(getattr(self._arguments, name))
        partial = place.with_name(f".{place.name}.partial")
        if name not in self._outputs:
            _remove(partial)  # what a process that was killed left there
        self._outputs[name] = partial
        partial.parent.mkdir(parents=True, exist_ok=True)
        return partial

    def at_end(self, action: Callable[[], None]) -> None:
        """Do something once all outputs and the receipt are in place."""
        self._at_end.append(action)

    def say(self, line: str) -> None:
        """Print a line to the terminal and the log."""
        tqdm.write(f"{self._label()}: {line}", file=sys.stderr)
        self.note(line)

    def note(self, line: str) -> None:
        """Write a line to the log alone."""
        if self._log is not None:
            print(line, file=self._log, flush=True)

    def follow(
        self,
        steps: Iterator[tuple[int, dict[str, Any]]],
        *,
        total: int,
        unit: str,
        start: int = 0,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the steps of long work and show how far it is.

        A bar where the terminal is ours alone; else a line every ten seconds, with the metrics,
        the rate and the time left. Every step goes to the log. The consumer may add to the
        metrics of a step before it asks for the next one. Raises :class:`Stopped` after the step
        during which the process was asked to stop.
        """
        bar = tqdm(
            total=total,
            initial=start,
            unit=unit,
            desc=self._label(),
            disable=self._log is not None or not sys.stderr.isatty(),
            dynamic_ncols=True,
        )
        began = last = time.monotonic()
        with bar:
            for step, metrics in steps:
                yield step, metrics
                now = time.monotonic()
                rate = (step - start) / max(now - began, 1e-9)
                numbers = {k: v for k, v in metrics.items() if isinstance(v, (int, float))}
                shown = " · ".join(f"{name} {value:.4g}" for name, value in numbers.items())
                left = (total - step) / rate
                line = (
                    f"{unit} {step}/{total} · {shown} · {rate:.3g} {unit}s/s · "
                    f"{tqdm.format_interval(left)} left"
                )
                bar.set_postfix_str(shown, refresh=False)
                bar.update(1)
                if bar.disable and (now - last > SECONDS_BETWEEN_LINES or step == total):
                    last = now
                    self.say(line)
                else:
                    self.note(line)
                if self.stopping:
                    raise Stopped

    def _label(self) -> str:
        seed = "" if self._arguments.seed is None else f" seed {self._arguments.seed}"
        what = Path(self._arguments.spec).stem if self._arguments.spec else self.name
        return f"{what}{seed}"


class Stage:
    """A stage of the pipeline as a command.

    Args:
        name: Its name in rules, scripts, specs, logs and documentation.
        description: What ``--help`` says first.
        inputs: Options that name what it reads, with their help.
        outputs: Options that name what it makes, with their help.
        seeded: Whether it runs once for every training seed.
        on_device: Whether it computes on the GPU, where there is one.
    """

    def __init__(
        self,
        name: str,
        description: str | None,
        *,
        inputs: Mapping[str, str],
        outputs: Mapping[str, str],
        seeded: bool,
        on_device: bool = True,
    ) -> None:
        self.name, self.inputs, self.outputs = name, inputs, outputs
        self.on_device = on_device
        self.parser = argparse.ArgumentParser(
            prog=f"src/{name}.py",
            description=description,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        add = self.parser.add_argument
        add("--spec", required=True, help="settings and code digests, as snakemake writes them")
        add("--seed", type=int, required=seeded, help="training seed")
        for option, text in inputs.items():
            add(f"--{option}", nargs="*", metavar="PATH", help=text)
        for option, text in outputs.items():
            add(f"--{option}", required=True, metavar="PATH", help=text)
        add("--receipts", nargs="*", metavar="PATH", default=[], help="receipts of the inputs")
        add("--receipt", required=True, metavar="PATH", help="record that is written last")
        add("--provenance", metavar="PATH", help="commit, machine, time and memory of this run")
        add("--log", metavar="PATH", help="copy of all messages; without it, a progress bar")
        add("--threads", type=int, default=1, help="processor threads to use")
        add("--device", default="auto", help="cpu, cuda, cuda:1, …; auto prefers a GPU")
        add(
            "--work", metavar="PATH", default="work", help="folder for the state of a running stage"
        )

    def main(
        self, run: Callable[[Context], None], arguments: Sequence[str] | None = None
    ) -> NoReturn:
        """Run the stage and end the process: 0, or 1 after one line that says what is wrong."""
        given = self.parser.parse_args(arguments)
        log = Path(given.log) if given.log else None
        sys.exit(guarded(lambda: self._with_log(run, given, log), self.name, log))

    def _with_log(
        self, run: Callable[[Context], None], given: argparse.Namespace, log: Path | None
    ) -> None:
        if log is None:
            return self._run(run, given, None)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w", encoding="utf-8") as file:
            return self._run(run, given, file)

    def _run(
        self, run: Callable[[Context], None], given: argparse.Namespace, log: TextIO | None
    ) -> None:
        began = time.monotonic()
        Path(given.receipt).unlink(missing_ok=True)  # never an old receipt beside new bytes
        spec = read_json(Path(given.spec))
        check_code(self.name, spec)
        context = Context(self.name, given, spec, log)
        read = [path for option in self.inputs for path in context.inputs(option)]
        specs = Path(given.spec).parent
        found = check_inputs(
            read, map(Path, given.receipts), specs if specs.name == SPECS else None
        )
        context.device = _device(given.device) if self.on_device else "cpu"
        circumstances = environment(context.device.split(":")[0], given.threads)
        context.key = (spec, found, given.seed, circumstances)
        try:
            run(context)
            partials = {name: context.output(name) for name in self.outputs}
            if forgotten := [name for name, path in partials.items() if not path.exists()]:
                raise RuntimeError(f"it did not make --{', --'.join(forgotten)}")
            for name, partial in partials.items():
                put_in_place(partial, Path(getattr(given, name)))
        finally:
            for partial in context._outputs.values():
                _remove(partial)
        outputs = [Path(getattr(given, name)) for name in self.outputs]
        record = receipt(
            spec,
            seed=given.seed,
            inputs=found,
            outputs=outputs,
            environment=circumstances,
        )
        if given.provenance:
            write_atomically(
                Path(given.provenance), readable_json(_provenance(record, time.monotonic() - began))
            )
        write_atomically(Path(given.receipt), readable_json(record))
        for action in context._at_end:
            action()


def check_code(name: str, spec: Any) -> None:
    """Raise :class:`UserError` if the code is not what the spec was planned for."""
    if not isinstance(spec, dict) or not {"stage", "settings", "code"} <= spec.keys():
        raise UserError("--spec is not a spec that snakemake wrote; start snakemake again")
    if spec["stage"] != name:
        raise UserError(f"--spec is for the stage {spec['stage']}, not for {name}")
    if spec["code"] != code_digests(name):
        raise UserError("the code has changed since this run was planned; start snakemake again")


def stop_gently(context: Context) -> None:
    """Make SIGTERM and Ctrl-C end the stage after its present step, with its state saved.

    A second Ctrl-C ends it at once.
    """

    def ask(*_: Any) -> None:
        context.stopping = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for request in (signal.SIGTERM, signal.SIGINT):
        signal.signal(request, ask)


def _device(wanted: str) -> str:
    if wanted == "cpu":
        return wanted
    if wanted == "auto" and "torch" not in sys.modules:
        return "cpu"
    torch = import_module("torch")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0]
        raise UserError(f"--device {wanted} cannot be used: {reason}; try --device cpu") from None
    return wanted


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _provenance(record: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """Return what is true of this run alone and so stays out of the receipt."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    changes = _git("status", "--porcelain", "--untracked-files=no")
    gpu = None
    if record["environment"]["device"] == "cuda":
        gpu = import_module("torch").cuda.max_memory_allocated()
    return {
        "receipt": record["sha256"],
        "stage": record["spec"]["stage"],
        "spec_sha256": sha256(canonical_json(record["spec"])),
        "seed": record["seed"],
        "environment": record["environment"],
        "commit": _git("rev-parse", "HEAD"),
        "dirty": None if changes is None else bool(changes),
        "machine": {
            "host": platform.node(),
            "system": platform.platform(),
            "processors": os.cpu_count(),
        },
        "wall_seconds": round(seconds, 3),
        "peak_memory_bytes": peak * (1 if sys.platform == "darwin" else 1024),
        "peak_gpu_memory_bytes": gpu,
    }


def _git(*arguments: str) -> str | None:
    """Return what git says, or ``None`` outside a checkout or without git."""
    try:
        folder = Path(__file__).parent
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
