import os
import stat
import threading
from pathlib import Path

import pytest

from seqgan import records
from seqgan.errors import UserError
from seqgan.records import (
    canonical_json,
    json_lines,
    put_in_place,
    read_json,
    read_json_lines,
    readable_json,
    write_atomically,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_canonical_json_has_one_spelling():
    one, other = {"b": [1, 2.5], "a": {"y": "é", "x": None}}, {"a": {"x": None, "y": "é"}}
    assert canonical_json(one) == canonical_json(other | {"b": [1, 2.5]})
    assert canonical_json(one) == '{"a":{"x":null,"y":"é"},"b":[1,2.5]}'.encode()


@pytest.mark.parametrize(
    "write", [canonical_json, readable_json, lambda value: json_lines([value])]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_no_json_holds_what_json_cannot_say(write, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write({"x": value})


def test_readable_json_is_indented_sorted_and_ends_its_line():
    assert readable_json({"b": 1, "a": "ü"}) == '{\n  "a": "ü",\n  "b": 1\n}\n'.encode()


def test_json_lines_round_trip(tmp_path):
    # U+2028 and U+0085 end a line for str.splitlines, though not for JSON lines.
    rows = [{"step": 1, "text": "a\nb"}, {}, {"text": "\u2028 \u0085 \x0b", "list": [0.1, None]}]
    content = json_lines(rows)
    assert content.count(b"\n") == 3
    assert content.endswith(b"\n")
    (tmp_path / "x.jsonl").write_bytes(content)
    assert read_json_lines(tmp_path / "x.jsonl") == rows
    (tmp_path / "empty").write_bytes(json_lines([]))
    assert read_json_lines(tmp_path / "empty") == []


def test_the_order_of_keys_in_a_line_is_kept():
    assert json_lines([{"step": 1, "a": 2}]) == b'{"step": 1, "a": 2}\n'


@pytest.mark.parametrize("read", [read_json, read_json_lines])
def test_what_cannot_be_read_is_one_line(tmp_path, read):
    path = tmp_path / "x"
    with pytest.raises(UserError, match=r"^no such file: .*x$"):
        read(path)
    for content in (b'{"a": 1}\n{"a', b"\xff\xff"):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"x is not JSON.*; was it cut short\?$") as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_an_atomic_write_makes_folders_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "a/b/x.json"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["x.json"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(("holder", "call"), [(os, "fsync"), (Path, "replace"), (Path, "chmod")])
@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_in_the_middle_changes_nothing(
    tmp_path, monkeypatch, holder, call, failure
):
    path = tmp_path / "x.json"
    write_atomically(path, b"old")

    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(holder, call, fail)
    with pytest.raises(type(failure)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["x.json"]


def test_the_content_is_on_the_disk_before_the_name_points_to_it(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, Path.replace

    def synced(handle):
        found = os.fstat(handle)
        order.append("fsync folder" if stat.S_ISDIR(found.st_mode) else ("fsync", found.st_size))
        fsync(handle)

    def replaced(self, target):
        order.append("replace")
        return replace(self, target)

    monkeypatch.setattr(records.os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    write_atomically(tmp_path / "x", b"12345")
    assert order == [("fsync", 5), "replace", "fsync folder"]


def test_a_reader_sees_the_old_or_the_new_content(tmp_path):
    path, contents = tmp_path / "x", [b"a" * 100_000, b"b" * 100_000]
    write_atomically(path, contents[0])
    seen, done = set(), threading.Event()

    def read():
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(60):
        write_atomically(path, contents[i % 2])
    done.set()
    reader.join()
    assert seen <= set(contents)


def test_a_finished_folder_takes_the_place_of_an_old_one(tmp_path):
    place, partial = tmp_path / "data", tmp_path / ".data.partial"
    place.mkdir()
    (place / "stale").touch()
    partial.mkdir()
    (partial / "new").touch()
    put_in_place(partial, place)
    assert names(tmp_path) == ["data"]
    assert names(place) == ["new"]
    (tmp_path / "file").write_text("old")
    partial.write_text("new")
    put_in_place(partial, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "new"
