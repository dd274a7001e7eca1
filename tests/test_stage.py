import errno
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from seqgan import stage as stage_module
from seqgan.errors import UserError
from seqgan.failures import Stopped
from seqgan.provenance import describe, read_receipt, receipt
from seqgan.records import readable_json, write_atomically
from seqgan.stage import Context, Stage, guarded, job_name, stop_gently

SRC = Path(__file__).parents[1] / "src"
CODE = {"make.py": "0123456789abcdef"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a spec, an input and its receipt, in which a stage may run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage_module, "code_digests", lambda name: CODE)
    handler = signal.getsignal(signal.SIGTERM)
    write_spec()
    Path("data").mkdir()
    Path("data/train").write_bytes(b"train")
    record = receipt(
        {"stage": "data"}, seed=None, inputs={}, outputs=[Path("data")], environment={}
    )
    write_atomically(Path("data.json"), readable_json(record))
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)


def write_spec(**changes) -> None:
    spec = {"schema": 1, "stage": "make", "settings": {"size": 3}, "code": CODE}
    Path("spec.json").write_bytes(readable_json(spec | changes))


ARGUMENTS = {
    "--spec": "spec.json",
    "--seed": "7",
    "--data": "data",
    "--receipts": "data.json",
    "--model": "out/model",
    "--curve": "out/curve.jsonl",
    "--receipt": "out/receipt.json",
    "--device": "cpu",
}


def start(run, *more: str, seeded: bool = True) -> int:
    made = Stage(
        "make",
        "Make something.",
        inputs={"data": "what it reads", "extra": "what it may read"},
        outputs={"model": "a folder", "curve": "a file"},
        seeded=seeded,
    )
    with pytest.raises(SystemExit) as caught:
        made.main(run, [*itertools.chain(*ARGUMENTS.items()), *more])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def good(context: Context) -> None:
    write_atomically(context.output("model") / "weights", b"weights")
    write_atomically(context.output("curve"), b"curve")


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


# --- a stage that ends well -----------------------------------------------------------------------


def test_outputs_and_a_receipt_are_left(folder, capsys):
    assert start(good) == 0
    assert names("out") == ["curve.jsonl", "model", "receipt.json"]
    found = read_receipt(Path("out/receipt.json"))
    assert found["spec"]["settings"] == {"size": 3}
    assert found["seed"] == 7
    assert found["inputs"] == {"data": describe(Path("data"))}
    assert found["outputs"] == {
        "out/model": describe(Path("out/model")),
        "out/curve.jsonl": describe(Path("out/curve.jsonl")),
    }
    assert found["environment"]["threads"] == 1
    assert capsys.readouterr().err == ""


def test_two_runs_give_equal_receipts(folder):
    start(good, "--provenance", "out/one.json")
    first = Path("out/receipt.json").read_bytes()
    start(good, "--provenance", "out/other.json")
    assert Path("out/receipt.json").read_bytes() == first


def test_the_receipt_is_written_last(folder, monkeypatch):
    order = []
    write, place = write_atomically, stage_module.put_in_place

    def written(path, content):
        order.append(path.name)
        write(path, content)

    def placed(partial, path):
        order.append(path.name)
        place(partial, path)

    monkeypatch.setattr(stage_module, "write_atomically", written)
    monkeypatch.setattr(stage_module, "put_in_place", placed)
    start(good, "--provenance", "out/provenance.json")
    assert order == ["model", "curve.jsonl", "provenance.json", "receipt.json"]


def test_an_old_receipt_goes_before_anything_else(folder):
    start(good)

    def run(context: Context) -> None:
        assert not Path("out/receipt.json").exists()
        assert Path("out/model/weights").exists()
        good(context)

    assert start(run) == 0
    assert Path("out/receipt.json").exists()
    write_spec(stage="other")
    assert start(good) == 1
    assert not Path("out/receipt.json").exists()


def test_what_a_stage_sees(folder):
    def run(context: Context) -> None:
        assert context.settings == {"size": 3}
        assert (context.seed, context.device, context.threads) == (7, "cpu", 2)
        assert context.work == Path("elsewhere")
        assert context.input("data") == Path("data")
        assert context.inputs("extra") == []
        with pytest.raises(UserError, match=r"^--extra needs one path, but 0 were given$"):
            context.input("extra")
        good(context)

    assert start(run, "--threads", "2", "--work", "elsewhere") == 0


def test_a_stage_without_steps_ends_at_once_when_it_is_asked_to(folder):
    before = signal.getsignal(signal.SIGTERM)

    def run(context: Context) -> None:
        assert signal.getsignal(signal.SIGTERM) == before
        good(context)

    assert start(run) == 0


def test_an_input_of_other_settings_than_those_of_now_is_refused(folder, capsys):
    """As after a blind `snakemake --touch`: bytes and receipt agree, the plan does not."""
    specs = Path(".spec")
    specs.mkdir()
    made_by = json.loads(Path("data.json").read_text())["spec"]
    (specs / "make.json").write_bytes(Path("spec.json").read_bytes())
    (specs / "data.json").write_text(json.dumps(made_by))
    assert start(good, "--spec", ".spec/make.json") == 0
    changed = {**(made_by or {}), "settings": {"size": 99}}
    (specs / "data.json").write_text(json.dumps(changed))
    assert start(good, "--spec", ".spec/make.json") == 1
    assert "is of other settings or code than now (settings" in capsys.readouterr().err


def test_the_key_of_a_run_is_all_that_decides_its_bytes(folder):
    keys = []

    def run(context: Context) -> None:
        keys.append(context.key)
        good(context)

    start(run)
    start(run)
    start(run, "--seed", "8")
    write_spec(settings={"size": 4})
    start(run)
    write_spec()
    Path("more").write_text("more")
    start(run, "--extra", "more")
    Path("more").unlink()
    start(run, "--threads", "2")
    assert keys[0] == keys[1]
    assert len({json.dumps(key, sort_keys=True) for key in keys}) == 5


def test_provenance_holds_what_the_receipt_must_not(folder):
    start(good, "--provenance", "out/provenance.json")
    found = json.loads(Path("out/provenance.json").read_text())
    assert found["receipt"] == read_receipt(Path("out/receipt.json"))["sha256"]
    assert found["stage"] == "make"
    assert found["seed"] == 7
    assert found["wall_seconds"] >= 0
    assert found["peak_memory_bytes"] > 10**6
    assert found["machine"].keys() == {"host", "system", "processors"}
    assert found.keys() == {
        "receipt", "stage", "spec_sha256", "seed", "environment", "commit", "dirty", "machine",
        "wall_seconds", "peak_memory_bytes", "peak_gpu_memory_bytes",
    }  # fmt: skip


def test_provenance_without_git(folder, monkeypatch):
    monkeypatch.setenv("PATH", "")
    start(good, "--provenance", "out/provenance.json")
    found = json.loads(Path("out/provenance.json").read_text())
    assert (found["commit"], found["dirty"]) == (None, None)


def test_what_a_killed_process_left_is_not_taken_over(folder):
    write_atomically(Path("out/.model.partial/junk"), b"half")
    write_atomically(Path("out/.curve.jsonl.partial"), b"half a curve")
    assert start(good) == 0
    assert names("out/model") == ["weights"]
    assert names("out") == ["curve.jsonl", "model", "receipt.json"]


# --- a stage that fails ---------------------------------------------------------------------------


def failing(error: BaseException):
    def run(context: Context) -> None:
        write_atomically(context.output("model") / "weights", b"other")
        raise error

    return run


@pytest.mark.parametrize("error", [UserError("wrong"), ValueError("bug"), KeyboardInterrupt()])
def test_a_failure_keeps_old_outputs_and_leaves_no_part(folder, error):
    start(good)
    assert start(failing(error)) == 1
    assert names("out") == ["curve.jsonl", "model"]
    assert Path("out/model/weights").read_bytes() == b"weights"


LINES = [
    (UserError("it is wrong; mend it"), "it is wrong; mend it"),
    (KeyboardInterrupt(), "stopped; start it again to continue from its last state"),
    (
        OSError(errno.ENOSPC, "No space left on device", "out/x"),
        "no room left on the disk for out/x; free some and start again",
    ),
    (
        OSError(errno.ENOSPC, "No space left on device"),
        "no room left on the disk for a file; free some and start again",
    ),
    (
        OSError(errno.EDQUOT, "Disk quota exceeded", "out/x"),
        "no room left on the disk for out/x; free some and start again",
    ),
    (
        PermissionError(errno.EACCES, "Permission denied", "out/x"),
        "cannot write or read out/x: Permission denied; check its permissions",
    ),
    (
        OSError(errno.EROFS, "Read-only file system", "out/x"),
        "cannot write or read out/x: Read-only file system; check its permissions",
    ),
    (OSError(errno.EIO, "Input/output error", "out/x"), "out/x: Input/output error"),
    (
        MemoryError(),
        ("out of memory; lower `batch_size` or `num_rollouts` of the method, or give the job more "
        "memory"),
    ),
    (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"),
        ("the GPU is out of memory; lower `batch_size` or `num_rollouts` of the method, or give "
        "the job a GPU with more"),
    ),
    (
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried 1 TB"),
        ("out of memory; lower `batch_size` or `num_rollouts` of the method, or give the job more "
        "memory"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("error", "line"), LINES, ids=[line[:25] for _, line in LINES])
def test_what_a_user_can_mend_is_one_line(folder, capsys, error, line):
    assert start(failing(error), "--log", "out/log.txt") == 1
    captured = capsys.readouterr()
    assert captured.err == f"make: error: {line}\n"
    assert captured.out == ""
    assert Path("out/log.txt").read_text() == f"error: {line}\n"
    assert not Path("out/receipt.json").exists()


def test_a_mistake_of_the_program_is_one_line_with_its_traceback_in_the_log(folder, capsys):
    assert start(failing(ZeroDivisionError("division\nby zero")), "--log", "out/log.txt") == 1
    line = (
        "a mistake in this program: ZeroDivisionError: division by zero; please report it with "
        "the traceback in out/log.txt"
    )
    assert capsys.readouterr().err == f"make: error: {line}\n"
    log = Path("out/log.txt").read_text()
    assert log.startswith("Traceback (most recent call last):")
    assert "in failing" in log or "in run" in log
    assert log.endswith(f"error: {line}\n")


def test_a_mistake_without_a_log_prints_its_traceback(folder, capsys):
    assert start(failing(ZeroDivisionError("x"))) == 1
    error = capsys.readouterr().err
    assert error.startswith("Traceback (most recent call last):")
    assert error.endswith("with the traceback in standard error\n")


def test_code_that_changed_since_the_plan(folder, capsys):
    write_spec(code={"make.py": "another"})
    assert start(good) == 1
    assert capsys.readouterr().err == (
        "make: error: the code has changed since this run was planned; start snakemake again\n"
    )


def test_a_spec_of_another_stage(folder, capsys):
    write_spec(stage="evaluate")
    assert start(good) == 1
    assert capsys.readouterr().err == (
        "make: error: --spec is for the stage evaluate, not for make\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "spec.json is not JSON"),
        ("{", "spec.json is not JSON"),
        ("[]", "--spec is not a spec that snakemake wrote"),
        ("{}", "--spec is not a spec that snakemake wrote"),
        ('{"stage": "make"}', "--spec is not a spec that snakemake wrote"),
    ],
)
def test_a_spec_that_is_none(folder, capsys, content, message):
    Path("spec.json").write_text(content)
    assert start(good) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"make: error: {message}")
    assert error.count("\n") == 1


def test_inputs_with_other_bytes_than_their_receipt(folder, capsys):
    Path("data/train").write_bytes(b"Train")
    assert start(good) == 1
    assert capsys.readouterr().err.startswith(
        "make: error: data has not the bytes that data.json records (files.train.sha256: "
    )
    assert not Path("out").exists() or names("out") == []


def test_a_missing_input(folder, capsys):
    assert start(good, "--extra", "nothing") == 1
    assert capsys.readouterr().err == "make: error: no such file: nothing\n"


def test_a_declared_output_that_was_not_made(folder, capsys):
    start(good)

    def run(context: Context) -> None:
        write_atomically(context.output("model") / "weights", b"new")

    # The old curve must not pass for an output of this run.
    assert start(run) == 1
    assert "did not make --curve" in capsys.readouterr().err
    assert not Path("out/receipt.json").exists()


def test_a_device_that_is_not_there(folder, capsys):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    assert start(good, "--device", "cuda") == 1
    error = capsys.readouterr().err
    assert error.startswith("make: error: --device cuda cannot be used: ")
    assert error.endswith("; try --device cpu\n")
    assert error.count("\n") == 1
    assert start(good, "--device", "nonsense") == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert start(good, "--device", "auto") == 0


def test_a_closed_pipe_is_silent(capsys):
    code = (
        "from seqgan.stage import guarded\n"
        "import sys\n"
        "def work():\n    for i in range(100000): print('line', i)\n"
        "sys.exit(guarded(work, 'x'))\n"
    )
    command = f'{sys.executable} -c "$CODE" | head -1'
    environment = os.environ | {"PYTHONPATH": str(SRC), "CODE": code}
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.stdout, done.stderr) == ("line 0\n", "")


def test_guarded_returns_zero_for_good_work(capsys):
    assert guarded(lambda: None, "x") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("missing", ["--spec", "--seed", "--model", "--receipt"])
def test_what_is_required_on_the_command_line(folder, capsys, missing):
    made = Stage("make", "", inputs={"data": ""}, outputs={"model": ""}, seeded=True)
    arguments = ["--spec", "s", "--seed", "1", "--model", "m", "--receipt", "r"]
    at = arguments.index(missing)
    with pytest.raises(SystemExit) as caught:
        made.main(good, arguments[:at] + arguments[at + 2 :])
    assert caught.value.code == 2
    assert f"required: {missing}" in capsys.readouterr().err


def test_the_help_names_every_option_with_its_default(capsys):
    made = Stage("make", "Make it.", inputs={"data": "reads"}, outputs={"x": "makes"}, seeded=True)
    with pytest.raises(SystemExit):
        made.main(good, ["--help"])
    text = capsys.readouterr().out
    for expected in ("Make it.", "--data", "reads", "--x", "makes", "work)"):
        assert expected in text


# --- progress -------------------------------------------------------------------------------------


def follow(total: int, start: int = 0):
    def run(context: Context) -> None:
        steps = ((step, {"loss": 1 / step}) for step in range(start + 1, total + 1))
        for step, metrics in context.follow(steps, total=total, unit="round", start=start):
            metrics["late"] = float(step)
            metrics["list"] = [1.0, 2.0]
        good(context)

    return run


def test_every_step_is_logged_with_its_rate_and_what_the_consumer_added(folder, capsys):
    start_ = start(follow(3), "--log", "out/log.txt")
    assert start_ == 0
    lines = Path("out/log.txt").read_text().splitlines()
    assert [line.split(" · ")[0].split(": ")[-1] for line in lines] == [
        "round 1/3", "round 2/3", "round 3/3",
    ]  # fmt: skip
    for line in lines:
        pattern = r"round \d/3 · loss [\d.]+ · late \d · [\d.e+]+ rounds/s · \d\d:\d\d left$"
        assert re.search(pattern, line), line
    # The terminal sees the last step, and others only every ten seconds.
    (shown,) = capsys.readouterr().err.splitlines()
    assert shown.startswith("spec seed 7: round 3/3 · loss 0.3333 · late 3")


def test_lines_appear_by_time(folder, capsys, monkeypatch):
    monkeypatch.setattr(stage_module, "SECONDS_BETWEEN_LINES", -1.0)
    start(follow(3), "--log", "out/log.txt")
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_a_continued_run_counts_from_where_it_is(folder):
    assert start(follow(5, start=3), "--log", "out/log.txt") == 0
    assert "round 4/5" in Path("out/log.txt").read_text().splitlines()[0]


def test_say_reaches_terminal_and_log_and_note_the_log_alone(folder, capsys):
    def run(context: Context) -> None:
        context.say("both")
        context.note("log")
        good(context)

    start(run, "--log", "out/log.txt")
    assert capsys.readouterr().err == "spec seed 7: both\n"
    assert Path("out/log.txt").read_text() == "both\nlog\n"


def test_sigterm_ends_a_stage_after_its_step(folder, capsys):
    seen = []

    def run(context: Context) -> None:
        def steps():
            for step in range(1, 100):
                if step == 3:
                    os.kill(os.getpid(), signal.SIGTERM)
                yield step, {}

        stop_gently(context)
        for step, _ in context.follow(steps(), total=99, unit="round"):
            seen.append(step)
            if context.stopping:
                raise Stopped
        good(context)

    before = signal.getsignal(signal.SIGTERM)
    try:
        assert start(run, "--log", "out/log.txt") == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [1, 2, 3]
    assert capsys.readouterr().err == (
        "make: error: stopped; start it again to continue from its last state\n"
    )
    assert not Path("out/receipt.json").exists()


def test_steps_may_be_skipped(folder, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    def run(context: Context) -> None:
        for _ in context.follow(iter([(2, {}), (9, {})]), total=9, unit="megabyte"):
            pass
        good(context)

    assert start(run) == 0
    assert "9/9" in capsys.readouterr().err


def test_who_stops_may_say_what_the_next_start_does(capsys):
    def stop() -> None:
        raise Stopped("stopped; start it again, it begins anew")

    assert guarded(stop, "make") == 1
    assert capsys.readouterr().err == "make: error: stopped; start it again, it begins anew\n"


def test_jobs_have_names_of_their_own():
    names = [
        job_name(Path(receipt))
        for receipt in (
            "results/a/receipts/report.json",
            "results/a/receipts/seed-1/report.json",
            "results/results/receipts/seed-1/x.json",
            "results/receipts/receipts/seed-1/x.json",
            "again/receipt.json",
            "/one/a/b/c/receipt.json",
            "/two/a/b/c/receipt.json",
        )
    ]
    assert names[:2] == ["a.report", "a.seed-1.report"]
    assert len(set(names)) == len(names)
    assert not any("/" in name for name in names)


@pytest.mark.parametrize("option", ["--threads=0", "--threads=-2", "--threads=many"])
def test_a_number_that_is_none_is_refused_by_the_command_line(folder, capsys, option):
    assert start(good, option) == 2
    assert "invalid positive value" in capsys.readouterr().err
