"""The frame around every stage: arguments, checks, progress, outputs in place, receipt, errors.

A stage is a standalone command. It reads its settings from a spec file, writes its outputs beside
their place, moves them there when all are whole, and leaves a receipt last.
"""

import argparse
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any, NoReturn, TextIO

from tqdm import tqdm

from seqgan.codebase import code_digests
from seqgan.devices import choose, kind_of
from seqgan.errors import UserError
from seqgan.failures import guarded
from seqgan.launching import launch, member, patient
from seqgan.locks import Lock
from seqgan.origin import origin
from seqgan.provenance import check_inputs, environment, read_receipt, receipt
from seqgan.records import put_in_place, read_json, readable_json, sweep, write_atomically

SECONDS_BETWEEN_LINES = 10.0
SECONDS_FOR_ANOTHER = 120.0
"""How long to wait for a process that has the same job: one on a node that was lost holds its lock
for as long as the file server grants, 90 seconds by default for NFS."""
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
        processes: How many share the work, this one included.
        threads: Processor threads it may use, of those that all processes may.
        stopping: Whether the process was asked to stop.
    """

    def __init__(
        self, name: str, arguments: argparse.Namespace, spec: dict[str, Any], log: TextIO | None
    ) -> None:
        self.name, self.settings = name, spec["settings"]
        self.seed: int = arguments.seed or 0
        self.device: str = "cpu"
        self.processes: int = getattr(arguments, "processes", 1)
        self.threads: int = max(1, arguments.threads // self.processes)
        self.work = Path(arguments.work)
        self.key: tuple[Any, ...] = ()
        self.job = job_name(Path(arguments.receipt))
        self.stopping = False
        self._bar: tqdm | None = None
        self._said_at = self._stepped_at = 0.0
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

    def option(self, name: str) -> Any:
        """Return what was given for one of the stage's own options."""
        return getattr(self._arguments, name)

    def at_end(self, action: Callable[[], None]) -> None:
        """Do something once all outputs and the receipt are in place."""
        self._at_end.append(action)

    def say(self, line: str) -> None:
        """Print a line to the terminal and the log."""
        if not member():  # of a team the leader alone speaks
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
        metrics of a step before it asks for the next one.
        """
        self._bar = bar = tqdm(
            total=total,
            initial=start,
            unit=unit,
            desc=self._label(),
            disable=self._log is not None or not sys.stderr.isatty() or bool(member()),
            dynamic_ncols=True,
        )
        began = self._said_at = self._stepped_at = time.monotonic()
        with bar:
            for step, metrics in steps:
                yield step, metrics
                now = self._stepped_at = time.monotonic()
                rate = (step - start) / max(now - began, 1e-9)
                numbers = {k: v for k, v in metrics.items() if isinstance(v, (int, float))}
                shown = " · ".join(f"{name} {value:.4g}" for name, value in numbers.items())
                left = (total - step) / rate
                line = (
                    f"{unit} {step}/{total} · {shown} · {rate:.3g} {unit}s/s · "
                    f"{tqdm.format_interval(left)} left"
                )
                bar.set_postfix_str(shown, refresh=False)
                bar.update(step - bar.n)
                if bar.disable and (now - self._said_at > SECONDS_BETWEEN_LINES or step == total):
                    self._said_at = now
                    self.say(line)
                else:
                    self.note(line)

    def pulse(self, describe: Callable[[], str]) -> None:
        """Show how far a step of :meth:`follow` is that takes longer than lines are apart."""
        now = time.monotonic()
        silent = now - max(self._said_at, self._stepped_at)
        if self._bar is not None and silent > SECONDS_BETWEEN_LINES:
            self._said_at = now
            if self._bar.disable:
                self.say(describe())
            else:
                self._bar.set_postfix_str(describe())

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
        in_team: Whether several processes can share the work.
        options: Further options that decide no byte of the outputs, as ``add_argument`` takes them.
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
        in_team: bool = False,
        options: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
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
        for option, more in options.items():
            add(f"--{option}", **more)
        add("--receipts", nargs="*", metavar="PATH", default=[], help="receipts of the inputs")
        add("--receipt", required=True, metavar="PATH", help="record that is written last")
        add("--provenance", metavar="PATH", help="commit, machine, time and memory of this run")
        add("--log", metavar="PATH", help="copy of all messages; without it, a progress bar")
        add(
            "--threads", type=positive, default=1, help="processor threads to use, of all processes"
        )
        add("--device", default="auto", help="cpu, cuda, cuda:1, …; auto prefers a GPU")
        if in_team:
            text = "processes that share the work, each with a GPU or its part of the threads"
            add("--processes", type=positive, default=1, help=text)
        add(
            "--work", metavar="PATH", default="work", help="folder for the state of a running stage"
        )

    def main(
        self, run: Callable[[Context], None], arguments: Sequence[str] | None = None
    ) -> NoReturn:
        """Run the stage and end the process: 0, or 1 after one line that says what is wrong."""
        given = self.parser.parse_args(arguments)
        log = Path(given.log) if given.log else None
        if member():
            # Its log is the leader's; what it says, it says to the terminal.
            sys.exit(guarded(patient(lambda: self._follow(run, given)), self.name))
        # Of a team, the launcher holds the lock of the job. Should it be killed, its members are
        # asked to stop: until the leader has, the next team must wait.
        leads = member() is not None
        folder = Path(given.work) / job_name(Path(given.receipt))
        lock = Lock(folder / ("leader" if leads else "lock"))
        waited: list[bool] = []

        def wait() -> None:
            waited.append(lock.wait(SECONDS_FOR_ANOTHER, self._say))

        def work() -> None:
            if leads:
                self._with_log(run, given, log)
            elif waited[0] and self._is_done(given):
                self._say("the other process has finished it")
            elif getattr(given, "processes", 1) > 1:
                more = sys.argv[1:] if arguments is None else arguments
                launch(given.processes, [sys.argv[0], *more])
            else:
                self._with_log(run, given, log)

        # The log belongs to whoever holds the lock: a refusal is not written there.
        if status := guarded(wait, self.name):
            sys.exit(status)
        try:
            sys.exit(guarded(patient(work) if leads else work, self.name, log))
        finally:
            lock.release()

    def _say(self, line: str) -> None:
        print(f"{self.name}: {line}", file=sys.stderr, flush=True)

    def _follow(self, run: Callable[[Context], None], given: argparse.Namespace) -> None:
        """Work as a member of a team that does not lead."""
        with TemporaryDirectory() as folder:  # the leader writes the same to their place
            for name in self.outputs:
                setattr(given, name, str(Path(folder, name)))
            context = self._prepare(given, None)
            context.device = choose(given.device, member())
            run(context)

    def _with_log(
        self, run: Callable[[Context], None], given: argparse.Namespace, log: Path | None
    ) -> None:
        if log is None:
            return self._run(run, given, None)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w", encoding="utf-8") as file:
            return self._run(run, given, file)

    def _is_done(self, given: argparse.Namespace) -> bool:
        """Return whether the receipt is there and its outputs are what this process would make."""
        try:
            made = read_receipt(Path(given.receipt))
            spec, inputs, seed, circumstances = self._prepare(given, None).key
            places = [Path(getattr(given, name)) for name in self.outputs]
            return made == receipt(
                spec, seed=seed, inputs=inputs, outputs=places, environment=circumstances
            )
        except UserError:
            return False

    def _run(
        self, run: Callable[[Context], None], given: argparse.Namespace, log: TextIO | None
    ) -> None:
        began = time.monotonic()
        Path(given.receipt).unlink(missing_ok=True)  # never an old receipt beside new bytes
        places = {name: Path(getattr(given, name)) for name in self.outputs}
        records = [Path(path) for path in (given.receipt, given.provenance) if path]
        for path in (*places.values(), *records):
            sweep(path)
        context = self._prepare(given, log)
        if self.on_device:
            context.device = choose(given.device, member())
        spec, found, _, circumstances = context.key
        try:
            run(context)
            partials = {name: context.output(name) for name in self.outputs}
            if forgotten := [name for name, path in partials.items() if not path.exists()]:
                raise RuntimeError(f"it did not make --{', --'.join(forgotten)}")
            for name, partial in partials.items():
                put_in_place(partial, places[name])
        finally:
            for partial in context._outputs.values():
                _remove(partial)
        record = receipt(
            spec,
            seed=given.seed,
            inputs=found,
            outputs=places.values(),
            environment=circumstances,
        )
        if given.provenance:
            seconds = time.monotonic() - began
            write_atomically(Path(given.provenance), readable_json(origin(record, seconds)))
        write_atomically(Path(given.receipt), readable_json(record))
        for action in context._at_end:
            action()

    def _prepare(self, given: argparse.Namespace, log: TextIO | None) -> Context:
        spec = read_json(Path(given.spec))
        check_code(self.name, spec)
        context = Context(self.name, given, spec, log)
        read = [path for option in self.inputs for path in context.inputs(option)]
        specs = Path(given.spec).parent
        found = check_inputs(
            read, map(Path, given.receipts), specs if specs.name == SPECS else None
        )
        kind = kind_of(given.device) if self.on_device else "cpu"
        circumstances = environment(kind, context.threads, context.processes)
        context.key = (spec, found, given.seed, circumstances)
        return context


def positive(text: str) -> int:
    """Return a number of at least one; raise ``ValueError`` for anything else."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def job_name(receipt: Path) -> str:
    """Return what the job with a receipt is called among those of all experiments."""
    match receipt.with_suffix("").parts:
        case ("results", experiment, "receipts", *rest):
            return ".".join([experiment, *rest])
        case parts:
            return ".".join(parts).lstrip("/.")[-150:]


def check_code(name: str, spec: Any) -> None:
    """Raise :class:`UserError` if the code is not what the spec was planned for."""
    if not isinstance(spec, dict) or not {"stage", "settings", "code"} <= spec.keys():
        raise UserError("--spec is not a spec that snakemake wrote; start snakemake again")
    if spec["stage"] != name:
        raise UserError(f"--spec is for the stage {spec['stage']}, not for {name}")
    if spec["code"] != code_digests(name):
        raise UserError("the code has changed since this run was planned; start snakemake again")


def stop_gently(context: Context) -> None:
    """Make SIGTERM and Ctrl-C end the stage at its next pause, with its state saved.

    A second Ctrl-C ends it at once.
    """

    def ask(*_: Any) -> None:
        context.stopping = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for request in (signal.SIGTERM, signal.SIGINT):
        signal.signal(request, ask)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
