"""What every input is promised, and the values that inputs are made of."""

import contextlib
import copy
import datetime
import io
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from seqgan.config.problems import ConfigError
from seqgan.errors import LONGEST
from seqgan.failures import guarded

SECONDS = 10
MEGABYTES = 200
"""What an input may cost; all of them have less than one megabyte."""


def fuzz(inputs: int) -> settings:
    """Feed so many inputs, always the same ones."""
    return settings(
        max_examples=inputs,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def check_line(line: str, names: tuple[str, ...]) -> None:
    """Assert that a line tells a user what is wrong, and where."""
    assert line.isprintable(), repr(line)
    assert 10 < len(line) < LONGEST + 100, line
    for word in ("Traceback", "mistake in this program", "out of memory", "beartype"):
        assert word not in line, line
    assert not names or any(name in line for name in names), f"{line!r} names none of {names}"


def ends_well(work: Callable[[], Any], *names: str) -> bool:
    """Assert that a work succeeds, or fails with lines that name the file or key.

    One line for a :class:`UserError`, one for each problem of a configuration.
    """
    said = io.StringIO()
    problems: list[str] = []

    def collected() -> None:
        try:
            work()
        except ConfigError as error:
            problems.extend(str(error).split("\n"))

    began = time.process_time()
    with contextlib.redirect_stderr(said), bounded_memory():
        status = guarded(collected, "fuzz")
    assert time.process_time() - began < SECONDS, "an input must not keep a machine busy"
    if status:
        assert said.getvalue().count("\n") == 1, said.getvalue()
        problems.append(said.getvalue().removesuffix("\n").removeprefix("fuzz: error: "))
    else:
        assert said.getvalue() == ""
    for line in problems:
        check_line(line, names)
    return not problems


@contextlib.contextmanager
def bounded_memory():
    """Assert that the process does not grow by much, where the system can tell."""
    reset, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        reset.write_text("5")  # the peak counts from now on
    except OSError:
        yield
        return
    before = _kilobytes(status, "VmRSS")
    yield
    grown = (_kilobytes(status, "VmHWM") - before) / 1024
    assert grown < MEGABYTES, f"an input took {grown:.0f} MB"


def _kilobytes(status: Path, name: str) -> int:
    (line,) = (line for line in status.read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


# --- values ---------------------------------------------------------------------------------------

HOSTILE = (
    "", " ", "-", "--", "-rf", ".", "..", "../../etc/passwd", "/", "~", "a b", "a\nb", "a\r", "\t",
    "\0", "\x1b[2J", "$(touch pwned)", "`id`", "; rm -rf ~", "| cat", "&", ">x", "'", '"', "\\",
    "*", "{}", "{seed}", "{{", "%s", "%n", "é", "\u202egnp", "\u2028", "\ud800", "\U0001f600", "A",
    "nan", "null", "true", "1e-3", "1_000", "0x10", "__class__", "kind", "oracle", "file", "lstm",
    "x" * 61, "x" * 5000, "a\u0301" * 50,
)  # fmt: skip
NUMBERS = (0, -1, 1, 2, 3, 10**6, 10**9, 10**12, 2**31, 2**63, 2**64, -(2**63), 10**400, 10**4000)
REALS = (0.0, -0.0, 0.5, 1.5, 1e-320, 1e308, float("nan"), float("inf"), -float("inf"))

texts = st.sampled_from(HOSTILE) | st.text(max_size=8)
plain = (
    st.none()
    | st.booleans()
    | st.sampled_from(NUMBERS)
    | st.integers()
    | st.sampled_from(REALS)
    | st.floats()
    | texts
)
odd = st.sampled_from((datetime.date(2020, 1, 1), b"\xff\0", {1, 2}, datetime.datetime(2020, 1, 1)))
keys = texts | st.integers() | st.booleans() | st.none() | st.floats() | st.dates()


def trees(leaves: st.SearchStrategy, names: st.SearchStrategy) -> st.SearchStrategy:
    """Return nested lists and dicts."""
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=8,
    )


json_trees = trees(plain, texts)
yaml_trees = trees(plain | odd, keys)


@st.composite
def changed(draw: st.DrawFn, tree: Any, values: st.SearchStrategy, most: int = 3) -> Any:
    """Return a tree in which some parts were dropped, renamed, wrapped, repeated or replaced."""
    tree = copy.deepcopy(tree)
    choose = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(1, most))):
        holder, key = None, None
        node = tree
        while isinstance(node, (dict, list)) and node and (holder is None or choose.random() < 0.8):
            holder = node
            key = choose.choice(list(node) if isinstance(node, dict) else range(len(node)))
            node = node[key]
        if holder is None:
            return draw(values)
        what = choose.choice(("replace", "replace", "drop", "rename", "wrap", "repeat", "deepen"))
        if what == "drop" and holder:
            del holder[key]
        elif what == "rename" and isinstance(holder, dict):
            holder[draw(texts)] = holder.pop(key)
        elif what == "wrap":
            holder[key] = choose.choice(([node], {"x": node}, "x"))
        elif what == "repeat":
            holder[key] = [node] * choose.choice((2, 500))
        elif what == "deepen":
            for _ in range(choose.choice((3, 90, 2000))):
                node = choose.choice(([node], {"a": node}))
            holder[key] = node
        else:
            holder[key] = draw(values)
    return tree


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """Return bytes that were cut, flipped, overwritten, repeated or lengthened."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        what = draw(st.sampled_from(("flip", "cut", "write", "insert", "repeat", "drop")))
        if what == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif what == "cut":
            del data[place:]
        elif what == "write":
            more = draw(st.binary(min_size=1, max_size=8))
            data[place : place + len(more)] = more
        elif what == "insert":
            data[place:place] = draw(st.binary(min_size=1, max_size=8))
        elif what == "repeat":
            data[place:place] = data[place : place + 40]
        else:
            del data[place : place + draw(st.integers(1, 9))]
    return bytes(data)
