import json
from pathlib import Path

import numpy as np
import pytest

from human_worlds import Command, command, exported, save_all
from seqgan.errors import UserError
from seqgan.human.agreement import krippendorff_alpha
from seqgan.human.analysis import SCALES, Effort, analyse, matrix, plain
from seqgan.human.key import Key
from seqgan.human.ratings import Collected, read_collected
from seqgan.human.tables import render

__all__ = ["command", "exported"]
QUICK = Effort(resamples=200, permutations=500)


def rating(rater: str, item: str, system: str, points: tuple, **more: object) -> dict:
    fluency, sense, author = points
    row = {"rater": rater, "item_id": item, "purpose": "item", "of": item, "system": system}
    row |= {"seed": 1, "bin": 0, "fluency_1_5": fluency, "sense_1_5": sense}
    return row | {"human_or_machine": author, "comment": ""} | more


def preference(rater: str, item: str, first: str, second: str, winner: str, **more: object) -> dict:
    row = {"rater": rater, "item_id": item, "purpose": "item", "of": item, "first": first}
    return row | {"second": second, "winner": winner, "first_shown": "left", "comment": ""} | more


def collected(ratings: list[dict], preferences: list[dict] | None = None) -> Collected:
    every = [*ratings, *(preferences or [])]
    raters = sorted({row["rater"] for row in every})
    kept = [{"rater": rater, "checks": 2, "passed": 2, "kept": True} for rater in raters]
    return Collected(ratings, preferences or [], kept)


SMALL = [
    rating("a", "1", "real", ("5", "4", "human")), rating("b", "1", "real", ("4", "4", "human")),
    rating("a", "2", "real", ("4", "5", "machine")), rating("b", "2", "real", ("4", "", "human")),
    rating("a", "3", "mle", ("2", "1", "machine")), rating("b", "3", "mle", ("1", "2", "human")),
    rating("a", "4", "mle", ("3", "3", "machine")), rating("b", "4", "mle", ("2", "3", "machine")),
]  # fmt: skip


def test_means_shares_and_differences_by_hand():
    found = analyse(collected(SMALL), QUICK)
    real, mle = found["systems"]
    assert (real["system"], mle["system"]) == ("real", "mle")
    assert real["fluency"]["mean"] == 17 / 4
    assert real["sense"]["mean"] == pytest.approx(13 / 3)
    assert real["sense"]["n"] == 3
    assert real["human"]["mean"] == 3 / 4
    assert mle["human"]["mean"] == 1 / 4
    assert real["human"]["wilson_low"] == pytest.approx(0.300642, abs=1e-5)
    contrasts = {row["scale"]: row for row in found["contrasts"]}
    assert contrasts["fluency"]["difference"] == 17 / 4 - 2
    assert contrasts["fluency"]["low"] <= 17 / 4 - 2 <= contrasts["fluency"]["high"]
    # Of six ways to give two of four items to `real`, two are as extreme.
    assert contrasts["fluency"]["p"] == pytest.approx(1 / 3, abs=0.07)
    assert contrasts["fluency"]["p_holm"] >= contrasts["fluency"]["p"]
    assert found["preferences"] is None


def test_agreement_is_that_of_first_showings_alone():
    again = rating("a", "9", "real", ("1", "1", "machine"), purpose="repeat", of="1")
    found = analyse(collected([*SMALL, again]), QUICK)
    by_scale = {row["scale"]: row for row in found["agreement"]}
    values, items = matrix(SMALL, SCALES[0], ["a", "b"])
    assert items == ["1", "2", "3", "4"]
    assert values.tolist() == [[5, 4, 2, 3], [4, 4, 1, 2]]
    assert by_scale["fluency"]["alpha"] == krippendorff_alpha(values, "ordinal")
    assert by_scale["human"]["level"] == "nominal"
    assert by_scale["sense"]["fleiss"] != by_scale["sense"]["fleiss"], "a rating is missing"
    assert found["systems"][0]["fluency"]["mean"] == 17 / 4
    assert found["repeats"] == [
        {
            "rater": "a",
            "fluency": {"n": 1, "same": 0.0, "distance": 4.0},
            "sense": {"n": 1, "same": 0.0, "distance": 3.0},
            "human": {"n": 1, "same": 0.0, "distance": 1.0},
        }
    ]


def test_preferences_by_hand():
    rows = [
        preference("a", "1", "mle", "real", "second"),
        preference("a", "2", "mle", "real", "second", first_shown="right"),
        preference("b", "1", "mle", "real", "first"),
        preference("b", "2", "mle", "real", "tie"),
        preference("b", "3", "mle", "real", "first", purpose="repeat", of="1"),
        preference("a", "3", "mle", "real", ""),
    ]
    found = analyse(collected([], rows), QUICK)["preferences"]
    assert (found["comparisons"], found["ties"], found["raters"]) == (4, 1, 2)
    assert found["left_share"] == 2 / 3
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"]) == ("real", "mle")
    assert (pair["won"], pair["tied"], pair["lost"], pair["win_rate"]) == (2, 1, 1, 5 / 8)
    real, mle = found["strengths"]
    assert real["log_strength"] == pytest.approx(np.log(2) / 2)
    assert real["elo_log_strength"] == pytest.approx(200 * np.log10(2))
    assert mle["log_strength"] == pytest.approx(-real["log_strength"])
    assert real["low"] <= real["log_strength"] <= real["high"]
    assert found["repeats"] == {"n": 1, "same": 1.0}


def test_a_single_rater_has_no_interval_over_raters_and_the_text_says_so():
    rows = [preference("a", str(n), "mle", "real", "second") for n in range(5)]
    one = [row for row in SMALL if row["rater"] == "a"]
    found = plain(analyse(collected(one, rows), QUICK))
    assert found["preferences"]["strengths"][0]["low"] is None
    assert found["preferences"]["ridge"] > 0
    text = render(found, 3)
    assert "caution: one rater" in text
    assert "never beaten by others" in text
    assert "raters do not agree on fluency, sense, human" in text


def test_nothing_left_is_an_error():
    with pytest.raises(UserError, match="nothing can be analysed"):
        analyse(Collected([], [], []), QUICK)


def test_the_command_from_sheets_to_conclusions(tmp_path: Path, command: Command, exported: Key):
    files = save_all(exported, tmp_path / "back")
    assert command("import", "ratings", *files)[0] == 0
    given = ("analyse", "ratings", "--bootstrap", 200, "--permutations", 500)
    status, output, errors = command(*given)
    assert (status, errors) == (0, "")
    found = json.loads((tmp_path / "ratings/analysis.json").read_text())
    assert [row["system"] for row in found["systems"]] == ["real", "zz_mle", "zz_seqgan"]
    means = [row["fluency"]["mean"] for row in found["systems"]]
    assert means[0] > means[1] > means[2], "as the raters were told to rate"
    strengths = [row["log_strength"] for row in found["preferences"]["strengths"]]
    assert strengths[0] > strengths[1] > strengths[2]
    assert f"{means[0]:.3f}" in output
    text = (tmp_path / "ratings/analysis.txt").read_text()
    assert repr(means[0]) in text, "in full precision"
    assert repr(means[1]) in text
    assert f"{strengths[0]:.3f}" in output
    before = (tmp_path / "ratings/analysis.json").read_bytes()
    assert command(*given)[0] == 0
    assert (tmp_path / "ratings/analysis.json").read_bytes() == before, "the same seed, the same"
    assert command(*given, "--shuffle-seed", 1)[0] == 0
    assert (tmp_path / "ratings/analysis.json").read_bytes() != before


@pytest.mark.parametrize(
    ("column", "value"),
    [("fluency_1_5", "6"), ("seed", "x"), ("purpose", "else"), ("human_or_machine", "h")],
)
def test_a_changed_table_is_named(
    tmp_path: Path, command: Command, exported: Key, column: str, value: str
):
    assert "run `human_evaluation.py import` first" in command("analyse", "ratings")[2]
    assert command("import", "ratings", *save_all(exported, tmp_path / "back"))[0] == 0
    assert len(read_collected(tmp_path / "ratings").ratings) == 3 * 33
    path = tmp_path / "ratings/ratings.csv"
    lines = path.read_text().split("\n")
    cells = lines[2].split(",")
    cells[lines[0].split(",").index(column)] = value
    path.write_text("\n".join([*lines[:2], ",".join(cells), *lines[3:]]))
    status, _, errors = command("analyse", "ratings")
    assert status == 1
    assert f"ratings.csv: row 3: {column} is {value!r}; import again" in errors
    assert "--bootstrap must be at least 1" in command("analyse", "ratings", "--bootstrap", 0)[2]
