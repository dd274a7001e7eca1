import pytest

from seqgan.alarms import RULES, Measured, alarms, measured

REAL = {
    "unique": 0.99, "most_frequent": 0.001, "self_bleu_4": 0.5, "reverse_bleu_4": 0.4,
    "distinct_2": 0.3, "nll_oracle": 2.0, "lm_score": 3.6, "length_distance": 0.02,
    "copy_rate": 0.001, "bleu_4": 0.34,
}  # fmt: skip
WRONG = {
    "unique": 0.85, "most_frequent": 0.02, "self_bleu_4": 0.62, "reverse_bleu_4": 0.29,
    "distinct_2": 0.17, "nll_oracle": 1.9, "lm_score": 3.2, "length_distance": 0.13,
    "copy_rate": 0.02, "bleu_4": 0.35,
}  # fmt: skip


def found(values: dict[str, float], error: float = 0.0, order: int | None = 4) -> list[str]:
    scores = {
        "real": {name: Measured(value) for name, value in REAL.items()},
        "gan": {name: Measured(value, error) for name, value in values.items()},
    }
    return [alarm.metric for alarm in alarms(scores, real="real", order=order)]


def test_real_sentences_alarm_nobody():
    assert found(REAL) == []


def test_every_rule_has_a_case():
    assert set(WRONG) == set(REAL) == {rule.metric.format(n=4) for rule in RULES}


@pytest.mark.parametrize("metric", WRONG)
def test_each_rule_finds_its_fault_and_no_other(metric):
    assert found(REAL | {metric: WRONG[metric]}) == [metric]


@pytest.mark.parametrize("metric", WRONG)
def test_what_sampling_may_have_done_is_no_fault(metric):
    assert found(REAL | {metric: WRONG[metric]}, error=0.3) == []


def test_rules_without_a_score_or_an_order_say_nothing():
    assert found({}) == []
    assert "bleu_4" not in found(WRONG, order=5)


def test_an_alarm_names_method_value_and_bound():
    scores = {"real": {"unique": Measured(0.99)}, "gan": {"unique": Measured(0.5)}}
    (alarm,) = alarms(scores, real="real", order=4)
    assert alarm.text == (
        "unique of gan is 0.500, below 0.9 times that of real sentences (0.990): the same "
        "sentences come again and again."
    )
    assert alarm.method == "gan"


def test_errors_of_seeds_are_those_of_their_mean():
    assert measured([(1.0, 0.3), (2.0, 0.4)]) == Measured(1.5, 0.25)
    assert measured([(1.0, None)]) == Measured(1.0, 0.0)
