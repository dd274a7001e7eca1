"""What of DVC is read directly, and what of another's data is not believed."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from paths import ROOT
from seqgan.codebase import code_digests
from seqgan.errors import UserError
from seqgan.versioning.cache import Cache, copied
from seqgan.versioning.comparison import curves_at, means_at, table
from seqgan.versioning.places import inside
from seqgan.versioning.pointers import Pointer, parse_pointer, read_pointer
from seqgan.versioning.storage import Store

MD5 = hashlib.md5(b"content").hexdigest()


def pointer(**changes) -> str:
    out = {"md5": MD5, "size": 7, "hash": "md5", "path": "x", **changes}
    return json.dumps({"outs": [out]})


# --- what a node needs ----------------------------------------------------------------------------


def test_no_stage_imports_what_versions():
    stages = sorted(
        path.stem
        for path in (ROOT / "src").glob("*.py")
        if path.stem not in ("results", "config_reference", "human_evaluation")
    )
    assert len(stages) >= 12
    for stage in stages:
        assert not [name for name in code_digests(stage) if "versioning" in name]
    code = (
        f"import sys; sys.path.insert(0, 'src'); import {', '.join(stages)};"
        "print(*{name.split('.')[0] for name in sys.modules} & {'dvc', 'git', 'pygit2', 'scmrepo'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == ""


# --- pointers and caches --------------------------------------------------------------------------


def test_a_pointer_is_read_with_whatever_else_stands_in_it(tmp_path):
    target = tmp_path / "results" / "x"
    target.parent.mkdir()
    assert read_pointer(target.relative_to(tmp_path), tmp_path) is None
    (tmp_path / "results/x.dvc").write_text(
        f"frozen: true\ndeps:\n- path: ../y\nouts:\n- md5: {MD5}.dir\n  size: 9\n  nfiles: 2\n"
        "  hash: md5\n  path: x\n"
    )
    found = read_pointer(target.relative_to(tmp_path), tmp_path)
    assert found == Pointer(target.relative_to(tmp_path), f"{MD5}.dir", 9, 2)
    assert found.path.as_posix() == "results/x.dvc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "outs: []",
        "outs: [{}, {}]",
        "{",
        "a: &a [*a]",
        pointer(md5="../../../../etc/passwd"),
        pointer(md5="0" * 31),
        pointer(md5=None),
        pointer(md5=f"{MD5}.dir.dir"),
        pointer(path="../x"),
        pointer(path="y"),
        pointer(size="many"),
        "outs: " + "[" * 2000,
    ],
)
def test_what_is_no_pointer_is_one_line(tmp_path, text):
    (tmp_path / "x.dvc").write_text(text)
    with pytest.raises(UserError, match="is no pointer of DVC") as caught:
        read_pointer(
            parse_pointer(tmp_path / "x", pointer()).target.relative_to(tmp_path), tmp_path
        )
    assert "\n" not in str(caught.value)


@pytest.fixture
def cache(tmp_path) -> Cache:
    return Cache(tmp_path / "cache")


def put(cache: Cache, name: str, content: bytes) -> None:
    place = cache.place(name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def test_the_files_of_a_folder_are_those_of_its_list(cache, tmp_path):
    listed = json.dumps([{"md5": MD5, "relpath": "a/b"}]).encode()
    folder = Pointer(tmp_path / "x", f"{hashlib.md5(listed).hexdigest()}.dir", 7)
    assert cache.files(folder) is None
    assert cache.misses(folder)
    put(cache, folder.md5, listed.replace(b"a/b", b"a/c"))
    assert cache.files(folder) is None  # other bytes than its name says
    assert cache.drop_damaged(folder)
    assert not cache.place(folder.md5).exists()
    put(cache, folder.md5, listed)
    assert cache.drop_damaged(folder)
    assert cache.files(folder) == {"a/b": MD5}
    assert cache.misses(folder)
    put(cache, MD5, b"content")
    assert not cache.misses(folder)
    assert not cache.drop_damaged(folder)
    put(cache, MD5, b"CONTENT")
    assert not cache.misses(folder)
    assert cache.drop_damaged(folder)
    assert not cache.place(MD5).exists()
    assert cache.files(Pointer(tmp_path / "x", MD5, 7)) == {"": MD5}


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[1]", b'[{"relpath": "a"}]', b"\xff", b"[" * 100_000,
     b'[{"md5": "../../x", "relpath": "a"}]', b'[{"md5": 3, "relpath": "a"}]'],
)  # fmt: skip
def test_a_damaged_list_of_a_folder_is_as_none(cache, tmp_path, content):
    name = f"{hashlib.md5(content).hexdigest()}.dir"
    put(cache, name, content)
    assert not cache.files(Pointer(tmp_path / "x", name, 7))


def test_a_copy_is_hashed_on_its_way_and_shares_nothing(tmp_path):
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(content := os.urandom(3_000_001))
    found = copied(source, target, "sha256", "md5")
    digests = {kind: hashlib.new(kind, content).hexdigest() for kind in ("sha256", "md5")}
    assert found == (digests, len(content))
    assert target.read_bytes() == content
    assert target.stat().st_ino != source.stat().st_ino


def test_which_files_are_the_projects_own(tmp_path):
    (tmp_path / "p/data").mkdir(parents=True)
    within, outside = inside(["data/a", "../b", str(tmp_path / "p/c"), "/d"], tmp_path / "p")
    assert [each.as_posix() for each in within] == ["data/a", "c"]
    assert outside == ["../b", "/d"]


def test_a_folder_without_dvc_is_refused(tmp_path):
    with pytest.raises(UserError, match="is no folder of DVC"):
        Store(tmp_path)


# --- comparing ------------------------------------------------------------------------------------


def test_scores_that_differ_are_listed_and_no_others():
    old = {"mle": {"a": 1.0, "b": 2.0}, "gone": {"a": 1.0}}
    new = {"mle": {"a": 1.0, "b": 2.5}, "come": {"a": 3.0}}
    lines = [line.split() for line in table(old, new).splitlines()]
    assert lines[1:] == [
        ["mle", "b", "2.0000", "2.5000", "+0.5000"],
        ["gone", "a", "1.0000", "–"],
        ["come", "a", "–", "3.0000"],
    ]
    assert table(old, old) == "no score differs"


@pytest.mark.parametrize("text", ["", "[]", '{"mle": 3}', '{"mle": {"a": null}}', "[" * 100_000])
def test_means_that_are_none_are_one_line(tmp_path, text):
    (tmp_path / "results/x").mkdir(parents=True)
    (tmp_path / "results/x/means.json").write_text(text)
    with pytest.raises(UserError, match=r"means\.json of x at working tree is no table of means"):
        means_at(tmp_path, "x", None)


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "step,mle.a\nx,1\n", "step,mle.a\n1,x\n"])
def test_curves_that_are_none_are_one_line(tmp_path, text):
    (tmp_path / "results/x").mkdir(parents=True)
    (tmp_path / "results/x/curves.csv").write_text(text)
    with pytest.raises(UserError, match=r"curves\.csv of x at working tree is no table"):
        curves_at(tmp_path, "x", None)


def test_what_is_not_here_says_how_to_get_it(tmp_path):
    with pytest.raises(
        UserError, match=r"means\.json is not here; run snakemake, or give a commit"
    ):
        means_at(tmp_path, "x", None)
