import hashlib
import hmac
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from human_worlds import ODD, SYSTEMS, Command, command, exported, make_experiment, sheet_of
from seqgan.errors import UserError
from seqgan.human.design import Plan, design
from seqgan.human.items import (
    LIKE_A_NUMBER,
    choose,
    distinct,
    item_ids,
    length_edges,
    measure,
    read_pool,
    share_of,
    shares,
    spoil,
)
from seqgan.human.key import Key, read_key
from seqgan.human.sheets import read_sheet

__all__ = ["command", "exported"]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def sentences(rng: np.random.Generator, count: int, low: int = 3, high: int = 12) -> list[str]:
    """Return different sentences of different lengths."""
    return [
        " ".join([f"n{place}", *rng.choice(["a", "b", "c"], int(rng.integers(low, high)))])
        for place in range(count)
    ]


# --- choosing -------------------------------------------------------------------------------------


def test_systems_have_equal_numbers_and_equal_lengths(rng):
    pool = {name: {1: sentences(rng, 80), 2: sentences(rng, 80)} for name in SYSTEMS}
    chosen = choose(pool, 24, rng)
    assert Counter(each.system for each in chosen) == dict.fromkeys(SYSTEMS, 24)
    bins = {name: Counter(e.bin for e in chosen if e.system == name) for name in SYSTEMS}
    assert bins["real"] == bins["zz_mle"] == bins["zz_seqgan"]
    assert len(bins["real"]) == 4
    edges = length_edges(pool)
    for each in chosen:
        assert each.text in pool[each.system][each.seed]
        assert each.bin == sum(measure(each.text) > edge for edge in edges)
    for name in SYSTEMS:
        by_seed = Counter(each.seed for each in chosen if each.system == name)
        assert by_seed == {1: 12, 2: 12}, "seeds have equal shares"


def test_lengths_stay_equal_where_a_system_is_short_of_long_sentences(rng):
    pool = {
        "real": {1: sentences(rng, 100, 3, 12)},
        "short": {1: [*sentences(rng, 100, 3, 6), *sentences(rng, 103, 9, 12)[100:]]},
    }
    chosen = choose(pool, 40, rng)
    bins = {name: Counter(e.bin for e in chosen if e.system == name) for name in pool}
    assert bins["real"] == bins["short"]
    assert sum(bins["real"].values()) == 40


def test_no_sentence_comes_twice_within_a_system(rng):
    lines = sentences(rng, 12)
    pool = {"real": {1: lines, 2: lines}, "mle": {1: lines, 2: lines}}
    chosen = choose(pool, 12, rng)
    for name in pool:
        assert sorted(each.text for each in chosen if each.system == name) == sorted(lines)
    assert distinct(["a  b", "a b", "", "  ", "c"]) == ["a b", "c"]


def test_too_few_sentences_are_refused_with_the_number_that_there_are(rng):
    lines = sentences(rng, 30)
    pool = {"real": {1: lines}, "collapsed": {1: lines[:7]}}
    with pytest.raises(UserError, match=r"--num 20 .* only 7 .*collapsed 7 in all.*give --num 7"):
        choose(pool, 20, rng)
    assert len(choose(pool, 7, rng)) == 14


@pytest.mark.parametrize("systems", [2, 5, 6, 9])
def test_at_least_a_fifth_is_real(rng, systems: int):
    pool = {f"m{i}": {1: sentences(rng, 40)} for i in range(systems - 1)}
    pool["real"] = {1: sentences(rng, 80)}
    chosen = Counter(each.system for each in choose(pool, 10, rng))
    assert chosen["real"] / chosen.total() >= 0.2
    assert {chosen[name] for name in pool if name != "real"} == {10}
    assert chosen["real"] == max(10, -(-10 * (systems - 1) // 4)), "and no more than that"


def test_shares_are_near_proportion_and_within_the_room():
    found = shares(np.array([1, 1, 2]), np.array([10, 10, 10]), 8)
    assert found.tolist() == [2, 2, 4]
    found = shares(np.array([1, 1, 2]), np.array([10, 10, 1]), 8)
    assert found[2] == 1
    assert found.sum() == 8
    assert shares(np.array([0, 0]), np.array([2, 2]), 2).tolist() == [1, 1]


def test_shares_of_a_sheet_round_up():
    assert [share_of(n, 0.05, 2) for n in (10, 40, 41, 100)] == [2, 2, 3, 5]
    assert share_of(100, 0.1, 1) == 10, "and 0.1 times 100 is no more than 10"


def test_a_spoilt_sentence_has_the_same_words_elsewhere(rng):
    text = "the old dog sits under a small table"
    spoilt = spoil(text, rng)
    assert spoilt is not None
    assert sorted(spoilt.split()) == sorted(text.split())
    pairs = {*zip(text.split(), text.split()[1:], strict=False)}
    kept = sum(pair in pairs for pair in zip(spoilt.split(), spoilt.split()[1:], strict=False))
    assert kept <= 1
    for seed in range(20):
        # Of the five other orders of three words, those that keep no neighbours.
        assert spoil("a b c", np.random.default_rng(seed)) in ("c b a", "b a c", "a c b")
    assert spoil("a a a a", rng) is None
    assert spoil("word", rng) not in (None, "word"), "where no spaces part words, signs move"
    assert spoil("x", rng) is None


# --- ids ------------------------------------------------------------------------------------------


def test_ids_are_the_first_digits_of_a_keyed_hash():
    (found,) = item_ids(b"secret", ["item\x1fmle\x1f4"])
    assert found == hmac.new(b"secret", b"item\x1fmle\x1f4", hashlib.sha256).hexdigest()[:10]
    assert item_ids(b"other", ["item\x1fmle\x1f4"]) != [found]


def test_ids_that_collide_or_look_like_numbers_are_drawn_again():
    names = [str(n) for n in range(150)]
    found = item_ids(b"k", names, digits=2)
    assert len(set(found)) == 150
    assert all(len(each) == 2 for each in found)
    assert not [each for each in found if LIKE_A_NUMBER.fullmatch(each)]
    many = item_ids(b"k", [str(n) for n in range(3000)])
    for each in many:
        with pytest.raises(ValueError, match="could not convert"):
            float(each.replace("inf", "x").replace("nan", "x"))
    with pytest.raises(UserError, match="too many"):
        item_ids(b"k", names * 3, digits=2)


# --- the whole design -----------------------------------------------------------------------------


def plan(**changes: object) -> Plan:
    settings = {"experiment": "e", "num": 20, "num_pairs": 10, "raters": 3, "shuffle_seed": 4}
    return Plan(**(settings | {"secret": b"s" * 32} | changes))  # type: ignore[arg-type]


@pytest.fixture
def pool(rng) -> dict[str, dict[int, list[str]]]:
    return {name: {1: sentences(rng, 60), 2: sentences(rng, 60)} for name in SYSTEMS}


def test_every_rater_sees_the_same_items_in_an_order_of_their_own(pool):
    key = design(pool, plan())
    for task, known in (("sentences", key.items), ("pairs", key.pairs)):
        orders = [each.order for each in key.sheets.values() if each.task == task]
        assert len(orders) == 3
        assert all(sorted(order) == sorted(known) for order in orders)
        assert len(set(orders)) == 3
    purposes = Counter(item.purpose for item in key.items.values())
    assert purposes == {"item": 60, "repeat": 6, "check": 3}
    purposes = Counter(pair.purpose for pair in key.pairs.values())
    assert purposes == {"item": 30, "repeat": 3, "check": 2}


def test_repeats_stand_far_from_what_they_repeat(pool):
    key = design(pool, plan())
    for sheet in key.sheets.values():
        known = key.items if sheet.task == "sentences" else key.pairs
        for own, item in known.items():
            if item.purpose == "repeat":
                apart = sheet.order.index(own) - sheet.order.index(item.of)
                assert apart > len(sheet.order) // 4


def test_a_repeat_is_the_same_sentence_and_a_check_nobodys(pool):
    key = design(pool, plan())
    everything = {text for seeds in pool.values() for lines in seeds.values() for text in lines}
    shown = {item.text for item in key.items.values() if item.purpose == "item"}
    for item in key.items.values():
        if item.purpose == "repeat":
            assert key.items[item.of].text == item.text
        if item.purpose == "check":
            assert item.text not in everything
            assert sorted(item.text.split()) not in [sorted(text.split()) for text in shown]
    for pair in key.pairs.values():
        if pair.purpose == "repeat":
            again = key.pairs[pair.of]
            assert (again.first_text, again.second_text) == (pair.first_text, pair.second_text)
        if pair.purpose == "check":
            assert pair.first == "real"
            assert pair.first_text in everything
            assert pair.second_text not in everything


def test_checks_are_made_of_sentences_that_nobody_sees_otherwise(rng):
    lines = sentences(rng, 14)
    pool = {"real": {1: lines}, "mle": {1: sentences(rng, 14)}}
    key = design(pool, plan(num=10, num_pairs=4))
    shown = {item.text for item in key.items.values() if item.purpose == "item"}
    unspoilt = {" ".join(sorted(text.split())) for text in set(lines) - shown}
    checks = [item.text for item in key.items.values() if item.purpose == "check"]
    checks += [pair.second_text for pair in key.pairs.values() if pair.purpose == "check"]
    assert {" ".join(sorted(text.split())) for text in checks} == unspoilt
    # A spoilt sentence that a system does say is no check of attention.
    said = [f"{b} {a} {c} x" for a, b, c in (("p", "q", "r"), ("s", "t", "u"))]
    for seed in range(10):
        pool = {"real": {1: ["a b", "b c", "c d e", "e d c"]}, "mle": {1: [*said, "w x", "x y"]}}
        try:
            key = design(pool, plan(num=2, num_pairs=0, shuffle_seed=seed))
        except UserError:
            continue
        for item in key.items.values():
            assert item.purpose != "check" or item.text not in ("c d e", "e d c")


def test_pairs_are_of_different_systems_and_one_length_bin(pool):
    key = design(pool, plan())
    edges = length_edges(pool)
    pairs = [pair for pair in key.pairs.values() if pair.purpose == "item"]
    counts = Counter((pair.first, pair.second) for pair in pairs)
    assert set(counts.values()) == {10}
    assert len(counts) == 3
    for pair in pairs:
        bins = [sum(measure(t) > e for e in edges) for t in (pair.first_text, pair.second_text)]
        assert bins[0] == bins[1]


def test_sides_balance_within_and_over_raters_and_turn_for_repeats(pool):
    key = design(pool, plan(raters=2))
    sheets = [each for each in key.sheets.values() if each.task == "pairs"]
    for own, pair in key.pairs.items():
        sides = [own in sheet.swapped for sheet in sheets]
        assert sorted(sides) == [False, True], "the second rater sees the other side"
        if pair.purpose == "repeat":
            assert all((own in s.swapped) != (pair.of in s.swapped) for s in sheets)
    for sheet in sheets:
        assert 0.3 < len(sheet.swapped) / len(sheet.order) < 0.7


def test_the_seed_decides_the_selection_and_the_secret_the_ids(pool):
    def texts(key: Key) -> list[list[tuple[str, ...]]]:
        return [[key.shown(s, own) for own in s.order] for s in key.sheets.values()]

    first, again = design(pool, plan()), design(pool, plan(secret=b"t" * 32))
    assert texts(first) == texts(again)
    assert not set(first.items) & set(again.items)
    assert texts(first) != texts(design(pool, plan(shuffle_seed=5)))
    more = texts(design(pool, plan(raters=5)))
    assert more[:6] == texts(first), "another rater changes nobody else's sheet"


def test_short_sentences_that_cannot_be_spoilt_are_refused():
    pool = {"real": {1: ["a", "b"]}, "mle": {1: ["c", "d"]}}
    with pytest.raises(UserError, match="attention"):
        design(pool, plan(num=1))


# --- the command ----------------------------------------------------------------------------------


def test_sheets_and_forms_tell_nothing_of_systems(tmp_path: Path, exported: Key):
    secret = json.loads((tmp_path / "ratings/key/key.json").read_text())["secret"]
    files = [path for path in (tmp_path / "ratings").rglob("rater-*/*") if path.is_file()]
    assert len(files) == 3 * 2 * 3
    for path in files:
        content = path.read_text(encoding="utf-8-sig")
        for word in (*SYSTEMS, "zz", "mle", "seed-", secret):
            # Not within ids or a hash, which may hold a few of these letters by chance.
            assert not re.search(rf"(?<![0-9a-z]){re.escape(word)}", content), f"{path}: {word}"
    for sheet in exported.sheets.values():
        folder = tmp_path / "ratings" / sheet.rater
        _, rows = read_sheet(folder / f"{sheet.task}.csv")
        assert [row["item_id"] for _, row in rows] == list(sheet.order)
        page = (folder / f"{sheet.task}.html").read_text()
        data = json.loads(page.split('id="data">')[1].split("</script>")[0])
        assert [item["id"] for item in data["items"]] == list(sheet.order)
        assert {tuple(item) for item in data["items"]} == {("id", "texts")}
        shown = [tuple(item["texts"]) for item in data["items"]]
        assert shown == [exported.shown(sheet, own) for own in sheet.order]


def test_neither_ids_nor_places_follow_the_system(pool):
    """The rank of a system's items, by id or by place, is that of chance."""
    key = design(pool, plan(num=40))
    items = {own: item for own, item in key.items.items() if item.purpose == "item"}
    _, sheet = sheet_of(key, "rater-2", "sentences")
    for order in (sorted(items), [own for own in sheet.order if own in items]):
        for name in SYSTEMS:
            ranks = [place for place, own in enumerate(order) if items[own].system == name]
            assert abs(np.mean(ranks) - 59.5) < 4 * np.std(np.arange(120)) / np.sqrt(40)


def test_the_key_is_apart_and_its_owners_alone(tmp_path: Path, command: Command):
    make_experiment(tmp_path)
    given = ("export", "--experiment", "zz_words", "--num", 5, "--raters", 1)
    assert command(*given, "--output", "a")[0] == 0
    assert (tmp_path / "a/key/key.json").stat().st_mode & 0o077 == 0
    assert command(*given, "--output", "b", "--key", "safe/b.json")[0] == 0
    assert not (tmp_path / "b/key").exists()
    assert read_key(tmp_path / "safe/b.json").experiment == "zz_words"
    status, _, errors = command(*given, "--output", "c", "--key", "safe/b.json")
    assert status == 1
    assert "safe/b.json is there already" in errors
    assert not (tmp_path / "c").exists()


def test_an_export_is_never_overwritten_nor_left_half_made(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
):
    make_experiment(tmp_path)
    given = ("export", "--experiment", "zz_words", "--num", 5, "--raters", 1, "--output", "a")
    (tmp_path / "a").mkdir()
    assert command(*given)[0] == 0, "an empty folder is no loss"
    before = (tmp_path / "a/key/key.json").read_bytes()
    status, _, errors = command(*given)
    assert status == 1
    assert "--output a is there and not empty" in errors
    assert (tmp_path / "a/key/key.json").read_bytes() == before

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqgan.human.export.write_key", full)
    assert command(*given[:-1], "b")[0] == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "results"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--experiment": "nothing"}, "no such folder: results/nothing/samples"),
        ({"--experiment": "../zz_words"}, "--experiment must be the name of one"),
        ({"--methods": "other"}, "has no sentences of other; it has real, zz_mle, zz_seqgan"),
        ({"--methods": "real"}, "has real alone, and nothing to compare it with"),
        ({"--seed": 9}, "has no seed-9; there are 1, 2"),
        ({"--num": 0}, "--num must be at least 1, but is 0"),
        ({"--raters": 0}, "--raters must be at least 1"),
        ({"--raters": 10**6}, "--raters must be at most"),
        ({"--shuffle-seed": -1}, "--shuffle-seed must be at least 0"),
        ({"--pairs": 11}, "--pairs must be at most --num, but 11 is more than 10"),
        ({"--num": 10**6}, "--num 1000000 is too many"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, command: Command, changed: dict, message: str):
    make_experiment(tmp_path)
    options = {"--experiment": "zz_words", "--output": "a", "--num": 10} | changed
    status, _, errors = command("export", *(word for each in options.items() for word in each))
    assert status == 1
    assert message in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_one_method_one_seed_and_no_pairs(tmp_path: Path, command: Command):
    make_experiment(tmp_path)
    status, output, _ = command(
        "export", "--experiment", "zz_words", "--output", "a", "--methods", "zz_mle", "--seed", 2,
        "--num", 6, "--pairs", 0, "--raters", 2,
    )  # fmt: skip
    assert status == 0
    assert "zz_mle: 6 of 60 different sentences" in output
    key = read_key(tmp_path / "a/key/key.json")
    shown = [item for item in key.items.values() if item.purpose != "check"]
    assert {(item.system, item.seed) for item in shown} == {("real", 2), ("zz_mle", 2)}
    assert {sheet.task for sheet in key.sheets.values()} == {"sentences"}


def test_a_method_that_is_not_finished_is_named(tmp_path: Path, command: Command):
    make_experiment(tmp_path)
    missing = tmp_path / "results/zz_words/samples/seed-2/zz_mle/sentences.txt"
    missing.unlink()
    status, _, errors = command("export", "--experiment", "zz_words", "--output", "a")
    assert status == 1
    assert "seed-2/zz_mle/sentences.txt; wait" in errors
    missing.write_bytes(b"\xff\xfe\xfa")
    assert "is not UTF-8" in command("export", "--experiment", "zz_words", "--output", "a")[2]


def test_ids_of_an_oracle_are_noted(tmp_path: Path, command: Command):
    rng = np.random.default_rng(0)
    for system in ("real", "mle"):
        path = tmp_path / f"results/oracle/samples/seed-1/{system}/sentences.txt"
        path.parent.mkdir(parents=True)
        rows = [" ".join(map(str, rng.integers(0, 50, 8))) for _ in range(30)]
        path.write_text("\n".join(rows))
    status, output, _ = command("export", "--experiment", "oracle", "--output", "a", "--num", 9)
    assert status == 0
    assert "people cannot judge" in output


def test_sentences_are_cut_at_line_feeds_alone(tmp_path: Path):
    make_experiment(tmp_path, odd=True)
    pool = read_pool(tmp_path / "results/zz_words/samples", None, None)
    # The separator of lines within it is white space, and one space in the sheet.
    assert " ".join(f"{ODD[5]} mle".split()) in pool["zz_mle"][1]
    assert len(pool["zz_mle"][1]) == 60
