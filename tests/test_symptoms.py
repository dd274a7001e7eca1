from typing import Any

import pytest

from seqgan.symptoms import SYMPTOMS, new_symptoms, shown_by

FIRST = {
    "step": 0, "unique": 1.0, "distinct_2": 0.5, "entropy": 4.0, "kl_pretrained": 0.0,
    "nll_validation": 5.0, "accuracy_heldout": 0.8,
}  # fmt: skip
HEALTHY = {
    "step": 1, "unique": 0.95, "distinct_2": 0.45, "entropy": 3.5, "kl_pretrained": 0.2,
    "nll_validation": 5.1, "accuracy_heldout": 0.7, "gradient_norm": 2.0, "reward": 0.4,
    "reward_deviation": 0.1, "discriminator_loss": 0.6,
}  # fmt: skip


def test_a_healthy_round_shows_nothing():
    assert shown_by(HEALTHY, [FIRST]) == {}
    assert new_symptoms([FIRST, HEALTHY]) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unique": 0.89}, "mode collapse: only 89% of the sampled sentences differ"),
        ({"distinct_2": 0.29}, "mode collapse: distinct_2 fell to 0.290"),
        ({"entropy": 1.9}, "the entropy fell to 1.90 nats per token"),
        ({"kl_pretrained": 1.1}, "divergence: 1.10 nats per token away"),
        ({"nll_validation": 6.1}, "divergence: nll_validation rose to 6.10"),
        ({"gradient_norm": 201.0}, "divergence: the gradient's norm is 201"),
        ({"accuracy_heldout": 0.995}, "no signal: the discriminator tells 99.5%"),
        ({"reward_deviation": 0.0003}, "no signal: the rewards of a batch differ by 0.07%"),
    ],
)
def test_each_symptom_is_seen_and_said_once(change: dict[str, Any], said: str):
    row = HEALTHY | change | {"step": 2}
    (name,) = shown_by(row, [FIRST, HEALTHY])
    assert name in {symptom.name for symptom in SYMPTOMS}
    (text,) = new_symptoms([FIRST, HEALTHY, row])
    assert said in text
    unmeasured = {"step": 3}
    assert new_symptoms([FIRST, HEALTHY, row, unmeasured]) == []
    assert new_symptoms([FIRST, HEALTHY, row, unmeasured, row | {"step": 4}]) == []
    (again,) = new_symptoms([FIRST, HEALTHY, row, HEALTHY, row])
    assert again == text


def test_a_control_whose_rewards_are_equal_has_no_symptom():
    row = {"step": 1, "reward": 1.0, "reward_deviation": 0.0}
    assert shown_by(row, [FIRST]) == {}


def test_a_metric_that_was_not_measured_at_first_is_compared_with_its_first_value():
    low = {"step": 1, "gradient_norm": 0.01}
    assert shown_by({"step": 2, "gradient_norm": 2.0}, [FIRST, low]).keys() == {"gradient_norm"}
    assert shown_by({"step": 2, "gradient_norm": 2.0}, [FIRST]) == {}
