"""A small finished experiment of text, and raters who answer by rule."""

import csv
import io
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import human_evaluation
from seqgan.human.key import Key, Sheet, read_key
from seqgan.human.sheets import columns, write_sheet

SYSTEMS = ("real", "zz_mle", "zz_seqgan")
ODD = (
    "</script><script>document.title = 'owned'</script> & <b>bold</b>",
    "=HYPERLINK(1) is a formula of one two three",
    '\'quoted, with "signs"; and more of it',
    "שלום עולם זה משפט אחד קצר",
    "雨 が 降る と 地面 が 濡れる",
    "@here -1 +2 e\u0301 \u2028 \U0001f600 zwj\u200dx",
)
"""Sentences that are easily spoilt on the way to a rater and back."""


def make_experiment(
    folder: Path, *, seeds: tuple[int, ...] = (1, 2), size: int = 60, odd: bool = False
) -> Path:
    """Write the samples of an experiment called ``zz_words`` and return the project's folder."""
    rng = np.random.default_rng(7)
    words = [f"{a}{b}" for a in "bdfgkl" for b in ("a", "e", "o", "an", "ir")]
    for seed in seeds:
        for system in SYSTEMS:
            lines = [
                " ".join(rng.choice(words, size=int(rng.integers(5, 13))).tolist())
                for _ in range(size)
            ]
            if odd:
                lines[: len(ODD)] = [f"{line} {system[3:]}".strip() for line in ODD]
            path = folder / f"results/zz_words/samples/seed-{seed}/{system}/sentences.txt"
            path.parent.mkdir(parents=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return folder


Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Return a function that runs the command in a fresh project: status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["human_evaluation.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            human_evaluation.main()
        written = capsys.readouterr()
        return int(stop.value.code or 0), written.out, written.err

    return run


@pytest.fixture
def exported(tmp_path: Path, command: Command) -> Key:
    """The key of an export in ``ratings``: 10 sentences a system, 3 raters."""
    make_experiment(tmp_path)
    status, _, errors = command(
        "export", "--experiment", "zz_words", "--output", "ratings", "--num", 10, "--pairs", 6
    )
    assert (status, errors) == (0, "")
    return read_key(tmp_path / "ratings/key/key.json")


def sheet_of(key: Key, rater: str, task: str) -> tuple[str, Sheet]:
    return next(
        (name, each)
        for name, each in key.sheets.items()
        if (each.rater, each.task) == (rater, task)
    )


def filled(key: Key, rater: str, task: str, rng: np.random.Generator) -> list[dict[str, str]]:
    """Return the rows of a sheet as an attentive rater fills it: better systems get more."""
    name, sheet = sheet_of(key, rater, task)
    worth = {"real": 5, "zz_mle": 3, "zz_seqgan": 2, "check": 1}
    rows = []
    for own in sheet.order:
        row = {"item_id": own, "rater": rater, "sheet": name, "comment": ""}
        if task == "sentences":
            item = key.items[own]
            noise = 0 if item.purpose == "check" else int(rng.integers(-1, 2))
            point = min(5, max(1, worth[item.system] + noise))
            row |= {"text": item.text, "fluency_1_5": str(point), "sense_1_5": str(point)}
            row["human_or_machine"] = "human" if point > 3 else "machine"
        else:
            pair, texts = key.pairs[own], key.shown(sheet, own)
            first = worth[pair.first] + rng.normal(0, 1) > worth[pair.second]
            if pair.purpose == "check":
                first = True
            left = first != (own in sheet.swapped)
            row |= {"left": texts[0], "right": texts[1], "better": "left" if left else "right"}
            if pair.purpose != "check" and rng.random() < 0.2:
                row["better"] = "tie"
        rows.append(row)
    return rows


def save(path: Path, task: str, rows: list[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(write_sheet(task, rows))
    return path


def save_all(key: Key, folder: Path) -> list[Path]:
    """Fill all sheets and return the files."""
    rng = np.random.default_rng(3)
    return [
        save(folder / f"{sheet.rater}-{sheet.task}.csv", sheet.task,
             filled(key, sheet.rater, sheet.task, rng))
        for sheet in key.sheets.values()
    ]  # fmt: skip


def as_text(task: str, rows: list[dict[str, str]], delimiter: str = ",", end: str = "\n") -> str:
    """Return rows as another program would write them."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns(task), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
