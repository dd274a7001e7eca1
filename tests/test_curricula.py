import pytest

from seqgan.curricula import ByAccuracy, Scheduled


def test_a_length_that_grows_to_its_goal():
    grows = Scheduled(start=3, goal=8, step=2, every=2)
    assert [grows.tokens(step) for step in range(8)] == [3, 3, 5, 5, 7, 7, 8, 8]


def test_a_prefix_that_shrinks_to_nothing():
    shrinks = Scheduled(start=5, goal=0, step=2, every=1)
    assert [shrinks.tokens(step) for step in range(5)] == [5, 3, 1, 0, 0]


def test_a_schedule_has_no_state():
    schedule = Scheduled(start=1, goal=2, step=1, every=1)
    assert schedule.state_dict() == {}
    with pytest.raises(ValueError, match="a schedule has no state"):
        schedule.load_state_dict({"tokens": 2})


def test_a_length_that_grows_when_the_discriminator_is_deceived():
    length = ByAccuracy(start=3, goal=6, step=2, threshold=0.6)
    seen = []
    for accuracy in (0.9, 0.6, 0.61, 0.1, 0.1):
        length.learn({"discriminator_accuracy": accuracy})
        seen.append(length.tokens(0))
    assert seen == [3, 5, 5, 6, 6]
    other = ByAccuracy(start=3, goal=6, step=2, threshold=0.6)
    other.load_state_dict(length.state_dict())
    assert other.tokens(99) == 6


def test_a_start_beyond_the_goal_is_the_goal():
    assert ByAccuracy(start=9, goal=6, step=1, threshold=0.5).tokens(0) == 6
