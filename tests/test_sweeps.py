import math
from pathlib import Path

import pytest

from seqgan.errors import UserError
from seqgan.sweeps import check, curve_scores, judged, known_planes, rows, setting

CORNER = {"nll_test": 5.0, "lm_score": 5.0, "reverse_lm_score": 5.0, "nll_oracle": 7.0}


def point(temperature: float, quality: float, diversity: float) -> dict:
    values = {"nll_oracle": quality, "nll_test": diversity}
    return {
        "sampling": {"temperature": temperature},
        "scores": [
            {"name": name, "value": value, "signature": f"samples:9|temperature:{temperature}",
             "standard_error": 0.1}
            for name, value in values.items()
        ],
    }  # fmt: skip


def sweep(better: float = 0.0, corner: dict[str, float] = CORNER) -> dict:
    """A curve of three temperatures, of which the first trades diversity for quality."""
    return {
        "points": [
            point(0.8, 2.0, 4.0 - better), point(1.0, 3.0, 3.0 - better), point(1.2, 4.0, 3.5),
        ],
        "corner": corner,
    }  # fmt: skip


SWEEPS = {
    ("real", 1): {"points": [point(1.0, 1.5, 1.5)], "corner": CORNER},
    ("mle", 1): sweep(),
    ("mle", 2): sweep(),
    ("gan", 1): sweep(0.4),
    ("gan", 2): sweep(0.402),
}


def values(found: dict, method: str, seed: int) -> dict[str, float]:
    return {each["name"]: each["value"] for each in found[method, seed]}


def test_scores_of_whole_curves():
    found = curve_scores(SWEEPS, real="real", baseline="mle")
    assert set(found) == set(SWEEPS) - {("real", 1)}
    # From the corner (7, 5): 5 · 1 for the first point, 4 · 1 more for the second.
    assert values(found, "mle", 1) == {"hypervolume_likelihood": 5 * 1 + 4 * 1}
    gan = values(found, "gan", 2)
    assert gan["hypervolume_likelihood"] == pytest.approx(5 * 1.402 + 4 * 1)
    assert gan["gain_likelihood"] == pytest.approx(0.402)
    (score, gain) = found["gan", 2]
    assert score["signature"] == (
        "quality:(samples:9,temperature:0.8)|diversity:(samples:9,temperature:0.8)"
        "|grid:(temperature=0.8,temperature=1,temperature=1.2)|corner:7,5"
    )
    assert gain["signature"].endswith("|against:mle")


def test_gains_are_over_the_baseline_of_the_same_seed():
    sweeps = {("mle", 1): sweep(), ("mle", 2): sweep(0.1), ("gan", 2): sweep(0.4)}
    found = curve_scores(sweeps, real="real", baseline="mle")
    assert values(found, "gan", 2)["gain_likelihood"] == pytest.approx(0.3)


def test_without_a_baseline_nothing_is_gained():
    found = curve_scores(SWEEPS, real="real", baseline=None)
    assert all(name.startswith("hypervolume") for name in values(found, "gan", 1))


def test_a_curve_that_does_not_reach_the_quality_gains_nothing():
    short = {"points": [point(0.8, 2.0, 1.0)], "corner": CORNER}
    found = curve_scores({("mle", 1): sweep(), ("gan", 1): short}, real="real", baseline="mle")
    assert list(values(found, "gan", 1)) == ["hypervolume_likelihood"]


def test_all_curves_share_the_mean_corner():
    other = sweep(corner=CORNER | {"nll_oracle": 8.0})
    (plane,) = known_planes({("mle", 1): sweep(), ("mle", 2): other})
    assert plane.corner == (7.5, 5.0)


def test_curves_are_judged_against_the_baseline():
    (plane,) = judged(SWEEPS, ["real", "mle", "gan"], real="real", baseline="mle")
    assert (plane["plane"], plane["quality"], plane["diversity"]) == (
        "likelihood", "nll_oracle", "nll_test",
    )  # fmt: skip
    (found,) = plane["comparisons"]
    assert (found["method"], found["verdict"]) == ("gan", "outside")
    assert found["gaps"][0][0] == pytest.approx(0.401)
    (alone,) = judged(SWEEPS, ["real", "mle", "gan"], real="real", baseline=None)
    assert alone["comparisons"] == []


def test_what_has_no_interval_is_nothing_in_json():
    single = {key: content for key, content in SWEEPS.items() if key[1] == 1}
    (plane,) = judged(single, ["real", "mle", "gan"], real="real", baseline="mle")
    (found,) = plane["comparisons"]
    assert found["verdict"] == "unknown"
    assert found["gaps"][0][1:] == [None, None]
    assert not math.isnan(found["gaps"][0][0])


def test_no_sweeps_have_no_planes():
    assert judged({}, ["real", "mle"], real="real", baseline="mle") == []
    assert curve_scores({}, real="real", baseline="mle") == {}
    assert list(rows({})) == []


def test_a_row_for_every_score():
    found = list(rows({("mle", 1): sweep()}))
    assert len(found) == 6
    assert found[0] == {
        "method": "mle", "seed": 1, "setting": "temperature=0.8", "metric": "nll_oracle",
        "value": 2.0, "standard_error": 0.1, "signature": "samples:9|temperature:0.8",
    }  # fmt: skip
    assert setting({"top_k": 5}) == "top_k=5"


@pytest.mark.parametrize("content", [[], {}, {"points": [{}]}, {"points": [], "corner": 3}, None])
def test_another_file_is_refused_in_one_line(content):
    with pytest.raises(UserError, match=r"a\.json holds no sweep .*run snakemake again"):
        check(Path("a.json"), content)
