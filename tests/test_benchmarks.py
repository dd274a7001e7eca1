"""The benchmarks run, and say what they promise. No test judges a time."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from nltk.translate import bleu_score

import cases
import growth
import run
import scores
from measure import Patience, Row, faster, longer, peak_bytes
from paths import ROOT
from worlds import PAPER, PATHS, Ours, Size, Theirs, run_path

TINY = replace(
    PAPER,
    batch=4,
    rollouts=2,
    length=5,
    vocab=11,
    sentences=9,
    generator={**PAPER.generator, "embedding_dim": 3, "hidden_dim": 4},
    discriminator={
        **PAPER.discriminator, "embedding_dim": 3, "widths": [1, 3], "num_filters": [2, 2]
    },
)  # fmt: skip
KEYS = {"name", "ours_s", "reference_s", "ratio", "judged", "peak_bytes", "note", "holds"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every size tiny, every measurement one call, and leave the switches as they were."""
    monkeypatch.setattr(cases, "QUICK", cases.Plan(TINY, TINY, Patience(0.0, 1, warm_up=False)))
    monkeypatch.setattr(cases, "LARGE", 16)
    monkeypatch.setattr(cases, "CHUNKS", (1, 8))
    for name, size in {"LARGE": 16, "IN_CACHE": 16, "LARGE_COPY": 16}.items():
        monkeypatch.setattr(run.machine, name, size)
    monkeypatch.setattr(growth, "PAPER", TINY)
    monkeypatch.setattr(growth, "PATIENCE", Patience(0.0, 1, warm_up=False))
    monkeypatch.setattr(growth, "AXES", {"length": (5, 6), "batch": (2, 4)})


@pytest.fixture(autouse=True)
def switches():
    """Leave PyTorch's switches as they were."""
    before = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    yield
    torch.use_deterministic_algorithms(before[0])
    torch.set_num_threads(before[1])


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "ratio", "holds"),
    [
        (faster("a", 1.0, 10.0, at_least=10.0), 10.0, True),
        (faster("a", 1.0, 9.9, at_least=10.0), 9.9, False),
        (longer("a", 5.0, 2.0, at_most=2.5), 2.5, True),
        (longer("a", 5.2, 2.0, at_most=2.5), 2.6, False),
        (Row("a", ratio=1.0, at_least=1.0, at_most=1.0), 1.0, True),
        (Row("a", ratio=1.1, at_least=1.0, at_most=1.0), 1.1, False),
        (Row("a", ratio=0.9, at_least=1.0, at_most=1.0), 0.9, False),
        (faster("a", 1.0, 9.0, at_least=10.0, judged=False), 9.0, None),
        (faster("a", 1.0, 9.0), 9.0, None),
        (Row("a", at_least=10.0), None, None),
    ],
)
def test_a_row_knows_whether_its_bar_holds(row: Row, ratio: float | None, holds: bool | None):
    assert row.ratio == (None if ratio is None else pytest.approx(ratio))
    assert row.holds is holds
    assert row.record()["holds"] is holds


def test_a_record_has_the_bars_that_there_are():
    assert set(faster("a", 1.0, 9.0).record()) == KEYS
    assert set(faster("a", 1.0, 9.0, at_least=2.0).record()) == KEYS | {"at_least"}
    assert set(longer("a", 1.0, 9.0, at_most=2.0).record()) == KEYS | {"at_most"}


# --- what is measured -----------------------------------------------------------------------------


def test_the_size_is_that_of_the_paper():
    assert str(PAPER) == "B=64 N=16 T=20 V=5000"
    assert (PAPER.sentences, PAPER.completions, PAPER.rolled_tokens) == (10_000, 19_456, 194_560)
    assert sum(PAPER.discriminator["num_filters"]) == 1_720
    assert PAPER.discriminator["embedding_dim"] == 64
    assert PAPER.generator["embedding_dim"] == PAPER.generator["hidden_dim"] == 32


def test_the_operations_of_a_discriminator_are_counted_by_hand():
    # Two filters of width 1 in five places, two of width 3 in three, on 3 dimensions; 4 features.
    taps = (2 * 1 * 5 + 2 * 3 * 3) * 3
    assert TINY.discriminator_flops == 2 * (taps + 2 * 4 * 4)


@pytest.mark.parametrize("path", PATHS)
def test_every_path_has_a_method_of_that_name(path: str):
    assert PATHS[path].__name__ == path
    run_path(TINY, path)


def test_ours_and_theirs_begin_with_the_same_weights_and_batch():
    ours = Ours(TINY)
    theirs = Theirs(ours)
    found = theirs.score(TINY.completions)
    torch.testing.assert_close(found, ours.score())
    assert torch.equal(theirs.real, ours.real)


def test_steps_that_sample_are_counted():
    assert cases.sampling_steps(Ours(TINY)) == TINY.length - 1


def test_calls_take_turns_after_a_warm_up():
    calls: list[str] = []
    works = [partial(calls.append, name) for name in ("ours", "one", "two")]
    assert len(Patience(0.0, 2).medians(*works)) == 3
    assert calls == ["ours", "one", "two"] * 3


def test_what_is_short_is_repeated_in_its_turn():
    calls: list[int] = []
    (found,) = Patience(0.0, 1, warm_up=False, burst=0.05).medians(lambda: calls.append(1))
    assert len(calls) > 1
    assert found < 0.05


def test_ours_computes_reproducibly_and_the_others_as_pytorch_comes():
    seen: list[bool] = []

    def note() -> None:
        seen.append(torch.are_deterministic_algorithms_enabled())

    Patience(0.0, 1, warm_up=False).medians(note, note)
    assert seen == [True, False]


def test_the_memory_of_a_child_is_seen():
    wanted = 100 * 2**20
    found = peak_bytes(partial(bytearray, wanted), partial(run_path, TINY, None))
    assert 0.8 * wanted < found < 1.5 * wanted


# --- the command ----------------------------------------------------------------------------------


@pytest.mark.usefixtures("tiny")
def test_every_case_gives_rows_that_are_not_judged_at_other_sizes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file, names = tmp_path / "speed.json", [*cases.CASES, "growth_length", "growth_batch"]
    assert run.main(["--quick", "--strict", "--json", str(file), "--only", *names]) == 0
    known = json.loads(file.read_text())
    assert known["machine"]["gemm_flops"] > 0
    assert known["machine"]["threads"] == torch.get_num_threads()
    rows = {row["name"]: row for row in known["rows"]}
    assert set(cases.CASES) <= set(rows)
    assert {"growth_length 6 roll_out", "growth_batch 4 score"} <= set(rows)
    bars = {name for name, row in rows.items() if {"at_least", "at_most"} & row.keys()}
    assert bars == set(cases.CASES) - {"sample_batch"}
    printed = capsys.readouterr().out
    for name, row in rows.items():
        assert row.keys() >= KEYS
        assert row["holds"] is None
        assert name in printed
        if row["reference_s"] is not None:
            assert row["ratio"] > 0
    assert rows["rollouts_steps"]["ratio"] == 1.0


@pytest.mark.usefixtures("tiny")
def test_scores_are_measured_beside_other_programs(monkeypatch: pytest.MonkeyPatch):
    plan = cases.QUICK
    rows = [row for case in scores.CASES.values() for row in case(plan)]
    found = {row.name: row for row in rows}
    assert set(found) == {
        "self_bleu nltk", "self_bleu fast-bleu", "bleu nltk", "bleu fast-bleu", "language_model",
        "evaluation",
    }  # fmt: skip
    assert found["self_bleu nltk"].at_least == found["bleu nltk"].at_least == 15_000
    assert all(row.holds is None for row in rows)
    monkeypatch.setattr(scores, "find_spec", lambda name: None)
    missing = {row.name: row for row in scores.bleu_of_set(plan)}
    assert missing["bleu fast-bleu"].note == "fast-bleu is not installed"
    assert missing["bleu nltk"].ratio is None


def test_other_programs_give_the_same_scores_on_the_same_texts():
    texts = scores.Texts(replace(TINY, sentences=12))
    ours = {each.name: each.value for each in texts.self_bleu()}
    method = bleu_score.SmoothingFunction().method1
    hypotheses = texts.lists[0]
    trusted = np.mean(
        [
            bleu_score.sentence_bleu(
                hypotheses[:i] + hypotheses[i + 1 :], each, scores.WEIGHTS, method
            )
            for i, each in enumerate(hypotheses)
        ],
        axis=0,
    )
    assert [ours[f"self_bleu_{order}"] for order in scores.ORDERS] == pytest.approx(list(trusted))


@pytest.mark.usefixtures("tiny")
def test_what_would_take_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(growth, "LONGEST", 0.0)
    rows = list(growth.series("length", "score"))
    assert rows[0].ours_s is not None
    assert rows[1].ours_s is None
    assert rows[1].note.startswith("left out")


@pytest.mark.parametrize(("ratio", "status"), [(2.0, 0), (1.0, 1)])
@pytest.mark.usefixtures("tiny")
def test_a_bar_that_does_not_hold_fails_only_when_strict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], ratio: float, status: int
):
    row = faster("fixed", 1.0, ratio, at_least=1.5)
    monkeypatch.setattr(run, "ALL", {"fixed": lambda plan: iter([row])})
    assert run.main(["--quick", "--only", "fixed"]) == 0
    assert run.main(["--quick", "--only", "fixed", "--strict"]) == status
    printed = capsys.readouterr()
    assert printed.err == ("run.py: error: bars that do not hold: fixed\n" if status else "")
    assert ("NO" in printed.out) == bool(status)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does."""
    line = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(line, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--only", "nothing"), "there is no benchmark `nothing`; there are sample_batch, "),
        (("--threads", "0"), "--threads must be 1 or more, but is 0"),
        (("--fast",), "unrecognized arguments: --fast"),
    ],
)
def test_a_wrong_command_line_is_one_line(arguments: tuple[str, ...], words: str):
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"run.py: error: {words}")
    assert done.stderr.count("\n") == 1


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path):
    done = command("--quick", "--only", "rollouts_steps", "--json", str(tmp_path / "no" / "file"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_the_help_teaches():
    text = command("--help").stdout
    for name in run.ALL:
        assert name in text
    assert "python benchmarks/run.py --quick" in text
    assert all(case.__doc__ for case in run.ALL.values())


def test_sizes_are_known_by_what_they_are():
    assert cases.told(PAPER)["judged"]
    assert isinstance(TINY, Size)
    assert not cases.told(TINY)["judged"]
    assert not cases.told(replace(PAPER, batch=8))["judged"]
