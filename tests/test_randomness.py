import pytest
import torch

from seqgan.randomness import RandomStreams, derive_seed, make_deterministic

NAMES = ("batches", "sampling")


def draws(streams: RandomStreams, name: str, count: int = 4) -> list[float]:
    return torch.rand(count, generator=streams[name]).tolist()


@pytest.mark.parametrize(
    ("seed", "path", "value"),
    [
        (0, (), 300471914551172981),
        (0, ("oracle",), 412718692449275082),
        (7, ("train_adversarially", "sampling"), 4364150060704964561),
        (-1, ("é",), 3453181029479011484),
    ],
)
def test_seeds_never_shift(seed, path, value):
    assert derive_seed(seed, *path) == value


def test_seeds_fit_every_generator_and_differ():
    seeds = {derive_seed(seed, name) for seed in range(300) for name in NAMES}
    assert len(seeds) == 600
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_first_numbers_of_a_stream_never_shift():
    streams = RandomStreams(3, "train", names=["sampling"])
    assert torch.randint(10**6, (3,), generator=streams["sampling"]).tolist() == [
        429744,
        41482,
        491970,
    ]


def test_another_name_leaves_a_stream_unchanged():
    few, many = RandomStreams(3, names=NAMES), RandomStreams(3, names=("first", *NAMES[::-1]))
    assert draws(few, "sampling") == draws(many, "sampling")


def test_consuming_one_stream_leaves_another_unchanged():
    quiet, busy = RandomStreams(3, names=NAMES), RandomStreams(3, names=NAMES)
    draws(busy, "batches", 1000)
    torch.rand(5)  # the global generator is no stream
    assert draws(quiet, "sampling") == draws(busy, "sampling")


def test_streams_differ_by_name_scope_and_seed():
    seen = [
        draws(RandomStreams(seed, *scope, names=NAMES), name)
        for seed in (0, 1)
        for scope in ((), ("stage",))
        for name in NAMES
    ]
    assert len({tuple(each) for each in seen}) == 8


def test_a_restored_stream_goes_on_where_it_was():
    streams = RandomStreams(3, names=NAMES)
    draws(streams, "batches", 7)
    state = streams.state_dict()
    expected = draws(streams, "batches"), draws(streams, "sampling")
    other = RandomStreams(99, names=NAMES)
    other.load_state_dict(state)
    assert (draws(other, "batches"), draws(other, "sampling")) == expected


def test_a_state_with_other_names_is_refused():
    state = RandomStreams(3, names=["sampling", "old"]).state_dict()
    with pytest.raises(
        ValueError, match=r"differ between run and checkpoint: \['batches', 'old'\]"
    ):
        RandomStreams(3, names=NAMES).load_state_dict(state)


def test_the_deterministic_switch_sets_threads_and_algorithms(monkeypatch: pytest.MonkeyPatch):
    threads: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    before = torch.are_deterministic_algorithms_enabled()
    try:
        make_deterministic(3)
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(before)
    assert threads == [3]
    assert not torch.backends.cudnn.benchmark


@pytest.mark.parametrize(
    ("precision", "expected", "tf32"),
    [("float32", "highest", False), ("tf32", "high", True), ("bfloat16", "medium", True)],
)
def test_a_precision_holds_for_products_and_for_what_cudnn_does(precision, expected, tf32):
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    try:
        make_deterministic(threads, precision)
        assert torch.get_float32_matmul_precision() == expected
        assert torch.backends.cudnn.allow_tf32 is tf32
    finally:
        make_deterministic(threads)
        torch.use_deterministic_algorithms(deterministic)
    assert torch.get_float32_matmul_precision() == "highest"
