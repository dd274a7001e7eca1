import math

import numpy as np
import pytest
from scipy import stats

from seqgan.errors import UserError
from seqgan.statistics import holm, t_interval
from seqgan.summary import as_text, family, summarise
from seqgan.summary import tested as what_was_tested


def score(name: str, value: float, signature: str = "n:10") -> dict:
    return {"name": name, "value": value, "signature": signature, "standard_error": None}


def scores(**methods: dict[int, dict[str, float]]) -> dict:
    return {
        (method, seed): [score(name, value) for name, value in values.items()]
        for method, seeds in methods.items()
        for seed, values in seeds.items()
    }


def row(table, method: str, metric: str) -> dict:
    (found,) = table[(table["method"] == method) & (table["metric"] == metric)].to_dict("records")
    return found


@pytest.mark.parametrize("count", [2, 3, 5, 30])
def test_the_interval_is_that_of_scipy(count):
    values = np.random.default_rng(count).normal(3, 2, count).tolist()
    mean, low, high = t_interval(values)
    expected = stats.t.interval(0.95, count - 1, np.mean(values), stats.sem(values))
    assert mean == pytest.approx(np.mean(values), rel=1e-12)
    assert (low, high) == pytest.approx(expected, rel=1e-12)


def test_an_interval_by_hand():
    # Mean 2, deviation 1, three values: 4.302653 is the 97.5% quantile of t with two degrees.
    assert t_interval([1.0, 2.0, 3.0]) == pytest.approx(
        (2.0, 2 - 4.302652730 / 3**0.5, 2 + 4.302652730 / 3**0.5)
    )


def test_one_value_has_no_interval():
    mean, low, high = t_interval([2.5])
    assert mean == 2.5
    assert math.isnan(low)
    assert math.isnan(high)


def test_values_equal_to_the_last_bit_are_one_measurement_without_an_interval():
    mean, low, high = t_interval([2.0, 2.0, 2.0])
    assert mean == 2.0
    assert np.isnan(low)
    assert np.isnan(high)


def test_no_difference_is_taken_between_other_settings():
    different = {("mle", 1): [score("bleu_4", 0.5, "n:1000")], ("real", 1): []}
    different["real", 1] = [score("bleu_4", 0.6, "n:500")]
    table = summarise(different, methods=["real", "mle"], baseline="mle")
    assert np.isnan(row(table, "real", "bleu_4")["difference"])


MLE = {1: {"nll": 9.0}, 2: {"nll": 7.0}, 3: {"nll": 8.0}}
GAN = {1: {"nll": 8.5}, 2: {"nll": 6.8}, 3: {"nll": 7.5}}


def test_differences_are_paired_by_seed():
    table = summarise(scores(mle=MLE, gan=GAN), methods=["mle", "gan"], baseline="mle")
    found = row(table, "gan", "nll")
    assert found["difference"] == pytest.approx(-0.4)
    # The differences are -0.5, -0.2, -0.5: far less spread than the values themselves.
    half = 4.302652730 * 0.03**0.5 / 3**0.5
    assert found["difference_low"] == pytest.approx(-0.4 - half)
    assert found["difference_high"] == pytest.approx(-0.4 + half)
    assert found["difference_high"] - found["difference_low"] < found["high"] - found["low"]
    assert found["deviation"] == pytest.approx(np.std([8.5, 6.8, 7.5], ddof=1))
    assert found["seeds"] == 3
    assert found["signature"] == "n:10"
    assert math.isnan(row(table, "mle", "nll")["difference"])


def test_the_order_of_the_scores_decides_no_pair():
    given = scores(mle=MLE, gan=GAN)
    table = summarise(given, methods=["mle", "gan"], baseline="mle")
    turned = summarise(dict(reversed(given.items())), methods=["mle", "gan"], baseline="mle")
    for column in ("mean", "low", "difference", "difference_low"):
        assert turned[column].tolist() == pytest.approx(table[column].tolist(), nan_ok=True)
    assert list(table["method"]) == ["mle", "gan"]


def test_only_seeds_of_both_are_paired():
    given = scores(mle={1: {"nll": 1.0}, 2: {"nll": 2.0}}, gan={2: {"nll": 5.0}, 3: {"nll": 6.0}})
    found = row(summarise(given, methods=["mle", "gan"], baseline="mle"), "gan", "nll")
    assert found["difference"] == 3.0
    assert math.isnan(found["difference_low"])


def test_no_seed_in_common_gives_no_difference():
    given = scores(mle={1: {"nll": 1.0}}, gan={2: {"nll": 5.0}})
    found = row(summarise(given, methods=["mle", "gan"], baseline="mle"), "gan", "nll")
    assert math.isnan(found["difference"])


def test_a_metric_that_the_baseline_lacks_has_no_difference():
    given = scores(real={1: {"bleu_2": 0.5}}, mle={1: {"nll": 2.0}}, gan={1: {"nll": 1.0}})
    table = summarise(given, methods=["real", "mle", "gan"], baseline="mle")
    assert math.isnan(row(table, "real", "bleu_2")["difference"])
    assert row(table, "gan", "nll")["difference"] == -1.0
    without = summarise(given, methods=["real", "mle", "gan"], baseline=None)
    assert without["difference"].isna().all()


def test_one_seed_has_neither_interval_nor_deviation():
    given = scores(mle={1: {"nll_test": 2.0}}, gan={1: {"nll_test": 1.5}})
    table = summarise(given, methods=["mle", "gan"], baseline="mle")
    found = row(table, "gan", "nll_test")
    for name in ("low", "high", "deviation", "difference_low", "difference_high"):
        assert math.isnan(found[name])
    assert found["difference"] == -0.5
    text = as_text(table)
    assert "gan     1.500\n" in text
    assert "±" not in text.split("\n\n")[0]
    assert "a single value, from 1 seed;" in text


def test_seeds_of_different_settings_are_refused():
    given = {
        ("mle", 1): [score("nll", 1.0, "n:10|temperature:1.0")],
        ("mle", 2): [score("nll", 1.0, "n:10|temperature:0.5")],
    }
    with pytest.raises(UserError) as caught:
        summarise(given, methods=["mle"], baseline=None)
    assert str(caught.value) == (
        "mle: nll of seed 2 was computed with other settings (n:10|temperature:0.5) than that of "
        "other seeds (n:10|temperature:1.0); run snakemake again"
    )


def test_scores_of_methods_that_are_not_asked_for_are_left_out():
    table = summarise(scores(mle=MLE, old=GAN), methods=["mle"], baseline="mle")
    assert set(table["method"]) == {"mle"}


REAL = {seed: {"nll": value} for seed, value in ((1, 4.0), (2, 4.5), (3, 5.0))}


def test_gaps_are_paired_with_real_sentences():
    given = scores(real=REAL, mle=MLE, gan=GAN)
    table = summarise(given, methods=["real", "mle", "gan"], baseline="mle")
    found = row(table, "mle", "nll")
    mean, low, high = t_interval([9.0 - 4.0, 7.0 - 4.5, 8.0 - 5.0])
    assert (found["gap"], found["gap_low"], found["gap_high"]) == pytest.approx((mean, low, high))
    real = row(table, "real", "nll")
    assert math.isnan(real["gap"])
    assert math.isnan(real["difference"])
    assert math.isnan(real["p_holm"])


def test_p_values_are_adjusted_within_their_family_over_all_methods():
    rng = np.random.default_rng(1)
    names = ["nll_test", "nll_oracle", "bleu_2"]
    given = {
        (method, seed): [score(name, rng.normal(shift)) for name in names]
        for method, shift in (("mle", 0.0), ("gan", 2.0), ("other", 1.0))
        for seed in range(5)
    }
    table = summarise(given, methods=["mle", "gan", "other"], baseline="mle")
    compared = table[table["method"] != "mle"]
    for name, group in compared.groupby("family"):
        assert len(group) == (4 if name == "likelihood" else 2)
        assert list(group["p_holm"]) == pytest.approx(holm(list(group["p_paired"])))
    assert table[table["method"] == "mle"]["p_holm"].isna().all()
    said = what_was_tested(table, "mle")
    clear, sure = ((compared[name] < 0.05).sum() for name in ("p_paired", "p_holm"))
    assert said[0].startswith(
        f"Tested: 6 differences from mle by paired t-tests over 5 seeds; {clear} have p < 0.05, "
        f"{sure} after Holm's adjustment"
    )
    assert "cannot give a p below 0.062" in said[0]
    unsettled = compared[(compared["p_paired"] >= 0.05) & (compared["metric"] != "bleu_2")]
    for each in unsettled.to_dict("records"):
        needed = each["seeds_needed"]
        many = "more than 1,000" if math.isnan(needed) else f"about {needed:.0f}"
        assert f"{each['metric']} of {each['method']} {many}" in said[1]
    assert said[1].count(" of ") == len(unsettled)


def test_nothing_is_said_where_nothing_was_tested():
    given = scores(mle={1: {"nll": 1.0}}, gan={1: {"nll": 2.0}})
    assert what_was_tested(summarise(given, methods=["mle", "gan"], baseline="mle"), "mle") == []
    assert what_was_tested(summarise(scores(gan=GAN), methods=["gan"], baseline=None), None) == []


def test_errors_of_sampling_are_those_of_the_mean_over_seeds():
    def error(**more) -> float:
        given = {
            ("mle", seed): [score("nll", value) | {"standard_error": each} | more]
            for seed, value, each in ((1, 1.0, 0.3), (2, 1.1, 0.4))
        }
        table = summarise(given, methods=["mle"], baseline=None)
        return row(table, "mle", "nll")["sampling_error"]

    assert error(of="samples") == pytest.approx(0.25)
    assert error(of="test") == pytest.approx(0.35)  # all seeds share the test sentences
    assert error(value=2.0) == pytest.approx(0.35)  # one measurement
    assert math.isnan(error(standard_error=None))


def test_gaps_leave_the_temperature_out_and_nothing_else():
    given = {
        ("real", 1): [score("entropy", 2.0, "samples:9|temperature:1.0|unit:nats")],
        ("mle", 1): [score("entropy", 1.5, "samples:9|temperature:0.5|unit:nats")],
        ("gan", 1): [score("entropy", 1.5, "samples:8|temperature:0.5|unit:nats")],
    }
    table = summarise(given, methods=["real", "mle", "gan"], baseline="mle")
    assert row(table, "mle", "entropy")["gap"] == -0.5
    assert math.isnan(row(table, "gan", "entropy")["gap"])


def test_remarks_stand_below_the_table():
    text = as_text(summarise(scores(mle=MLE), methods=["mle"], baseline=None), ["word " * 30])
    assert text.endswith("would reach.\n\n" + "word " * 19 + "word\n" + "word " * 9 + "word\n")


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("nll_test", "likelihood"), ("bits_per_character", "likelihood"), ("bleu_4", "overlap"),
        ("bleu_4_at_500", "overlap"), ("reverse_bleu_2", "overlap"), ("self_bleu_2", "diversity"),
        ("corpus_bleu_3", "overlap"), ("chrf_100", "overlap"), ("length_distance", "overlap"),
        ("copy_rate", "diversity"), ("lm_score", "language model"), ("mauve", "embeddings"),
        ("hypervolume_overlap", "curves"), ("gain_overlap", "curves"),
    ],
)  # fmt: skip
def test_families_of_metrics(metric, expected):
    assert family(metric) == expected


def test_the_table_to_read():
    text = as_text(
        summarise(
            scores(
                real={1: {"bleu_4": 0.5, "other": 1.0}, 2: {"bleu_4": 0.5, "other": 1.0}},
                mle={1: {"nll_test": 1.0, "bleu_4": 0.4}, 2: {"nll_test": 3.0, "bleu_4": 0.4}},
            ),
            methods=["real", "mle"],
            baseline="mle",
        )
    )
    assert text.splitlines()[:4] == [
        "method  nll_test        bleu_4",
        "------  --------------  ------",
        "real    –               0.500",
        "mle     2.000 ± 12.706  0.400",
    ]
    assert "mean ± half of the 95% t-interval over 2 seeds" in text
