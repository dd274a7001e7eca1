"""Files that other stages wrote are looked at before they are believed."""

import json
from pathlib import Path
from typing import Any

import pytest

from evidence_cases import sweeps_of, write_sweeps
from seqgan.errors import UserError
from seqgan.records import readable_json
from seqgan.report.evidence import read_encoder, read_judgements, read_sweep
from seqgan.scored import check_scores
from seqgan.sweeps import check

GOOD = {"name": "bleu_4", "value": 0.5, "signature": "n:1", "standard_error": None}


def test_good_scores_come_through():
    (found,) = check_scores(Path("a.json"), [GOOD])
    assert found == GOOD | {"of": None, "per": None}
    assert check_scores(Path("a.json"), [GOOD | {"standard_error": 1}])[0]["standard_error"] == 1.0


@pytest.mark.parametrize(
    "content",
    [
        [GOOD | {"value": None}], [GOOD | {"value": "1"}], [GOOD | {"value": float("inf")}],
        [GOOD | {"name": 3}], [GOOD | {"standard_error": "x"}], [{}], [3], {"a": 1}, 7, None,
        [GOOD | {"value": True}],
    ],
)  # fmt: skip
def test_bad_scores_are_one_line(content):
    with pytest.raises(UserError, match=r"^a\.json holds no scores .*run snakemake again$"):
        check_scores(Path("a.json"), content)


def sweep(**changes: Any) -> dict[str, Any]:
    corner = {"nll_test": 1.0, "lm_score": 1.0, "reverse_lm_score": 1.0}
    point = {"sampling": {"temperature": 1.0}, "scores": [GOOD]}
    return {"points": [point], "corner": corner} | changes


def test_a_good_sweep_comes_through():
    assert check(Path("a.json"), sweep())["points"][0]["sampling"] == {"temperature": 1.0}


@pytest.mark.parametrize(
    "changes",
    [
        {"corner": {}}, {"points": []}, {"corner": []},
        {"points": [{"sampling": {"temperature": "a"}, "scores": [GOOD]}]},
        {"points": [{"sampling": {"temperature": 1.0}, "scores": [GOOD | {"value": None}]}]},
    ],
)  # fmt: skip
def test_bad_sweeps_are_one_line(changes):
    with pytest.raises(UserError, match=r"a\.json holds no s(weep|cores) .*run snakemake again"):
        check(Path("a.json"), sweep(**changes))


@pytest.mark.parametrize(
    "change",
    [
        lambda found: found.update(tested="abc"),
        lambda found: found.update(tested=[1]),
        lambda found: found["planes"][0]["comparisons"][0].update(verdict="foo"),
        lambda found: found["planes"][0]["comparisons"][0].update(gaps=[[1.0]]),
        lambda found: found.pop("alarms"),
    ],
)
def test_bad_judgements_are_one_line(tmp_path, change):
    names = ["real", "mle", "seqgan"]
    _, path = write_sweeps(tmp_path, sweeps_of(names, (1, 2)), names, "mle")
    found = json.loads(path.read_text())
    assert read_judgements(path)["tested"]
    change(found)
    path.write_bytes(readable_json(found))
    with pytest.raises(UserError, match="has no judgements of summarise"):
        read_judgements(path)


def test_a_table_of_another_header_is_one_line(tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_text("a,b\n")
    with pytest.raises(UserError, match="has no curves of summarise"):
        read_sweep(path)


@pytest.mark.parametrize("content", ["[]", '"x"', "{}", '{"kind": "minilm"}'])
def test_an_encoder_that_is_none_is_one_line(tmp_path, content):
    (tmp_path / "encoder.json").write_text(content)
    with pytest.raises(UserError, match="names no encoder; run snakemake again"):
        read_encoder([tmp_path])
    (tmp_path / "encoder.json").write_text('{"kind": "none", "reason": "too small"}')
    assert read_encoder([tmp_path]) == "none: too small"
