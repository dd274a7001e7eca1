"""What we put into DVC's cache ourselves: the same as DVC would, and nothing before it is right."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seqgan.errors import UserError
from seqgan.provenance import describe
from seqgan.versioning.cache import Cache
from seqgan.versioning.intake import intake
from seqgan.versioning.pointers import Pointer, parse_pointer, read_pointer, spell_pointer

TREE = {
    "x/a/b.bin": b"one",
    "x/a-b": b"two",
    "x/a b/ünïcode 字.txt": b"",
    "x/Z": b"three" * 1_000_000,
    "x/again": b"one",
    "y.html": b"<p>",
}
"""Names whose order depends on what one sorts, an empty file, one of several chunks, a twin."""
TOPS = [Path("x"), Path("y.html")]


def dvc(folder: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    for name, content in TREE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def cache(root: Path) -> Cache:
    return Cache(root / ".dvc" / "cache")


def objects(cache: Cache) -> dict[str, bytes]:
    places = (path for path in cache.folder.rglob("*") if path.is_file())
    return {path.relative_to(cache.folder).as_posix(): path.read_bytes() for path in places}


def save(root: Path, cache: Cache) -> list[Pointer]:
    """Take everything in, keep it and write the pointers."""
    before = modes(cache)
    with intake(root, cache, TOPS) as taking:
        for top in TOPS:
            assert taking(root / top) == describe(root / top)
        assert modes(cache) == before
        pointers = taking.keep()
    for pointer in pointers:
        (root / pointer.path).write_text(spell_pointer(pointer, None), encoding="utf-8")
    return pointers


def test_it_is_what_dvc_would_have_done(root, cache, tmp_path):
    twin = tmp_path / "twin"
    shutil.copytree(root, twin)
    for folder in (root, twin):
        dvc(folder, "init", "--no-scm", "-q")
    save(root, cache)
    dvc(twin, "add", "-q", "x", "y.html")
    theirs = Cache(twin / ".dvc" / "cache")
    assert objects(cache) == objects(theirs)
    for name, mode in modes(theirs).items():
        assert modes(cache)[name] == mode, name
    for top in TOPS:
        pointers = [yaml.safe_load((folder / f"{top}.dvc").read_text()) for folder in (root, twin)]
        assert pointers[0] == pointers[1]
        assert (root / f"{top}.dvc").read_text() == (twin / f"{top}.dvc").read_text()
    assert "up to date" in dvc(root, "status")
    shutil.rmtree(root / "x")
    dvc(root, "checkout", "-q")
    assert describe(root / "x") == describe(twin / "x")


def modes(cache: Cache) -> dict[str, int]:
    places = [path for path in (cache.folder / "files").rglob("*") if path.is_file()]
    return {path.name: path.stat().st_mode for path in places}


def test_nothing_is_kept_of_what_is_refused(root, cache):
    def refuse() -> None:
        with intake(root, cache, TOPS) as taking:
            taking(root / "x")
            raise UserError("refused")

    with pytest.raises(UserError, match="refused"):
        refuse()
    assert objects(cache) == {}
    assert list(cache.folder.iterdir()) == []


def test_what_the_cache_has_is_compared_and_not_copied(root, cache):
    save(root, cache)
    before = {path: path.stat().st_ino for path in cache.folder.rglob("*") if path.is_file()}
    (root / "x/again").write_bytes(b"new")
    save(root, cache)
    after = {path: path.stat().st_ino for path in cache.folder.rglob("*") if path.is_file()}
    new = {path.parent.name + path.name for path in after if before.get(path) != after[path]}
    lists = {pointer.md5 for top in TOPS if (pointer := read_pointer(top, root)) is not None}
    assert new == {hashlib.md5(b"new").hexdigest()} | {each for each in lists if ".dir" in each}


@pytest.mark.parametrize("content", [b"ONE", b"on", b"one more"])
@pytest.mark.parametrize("known", [True, False])
def test_what_is_damaged_in_the_cache_is_replaced(root, cache, content, known):
    """DVC would believe it, because it is read-only, and send it to everybody."""
    save(root, cache)
    whole = objects(cache)
    place = cache.place(hashlib.md5(b"one").hexdigest())
    place.chmod(0o644)
    place.write_bytes(content)
    place.chmod(0o444)
    if not known:
        (root / "x.dvc").unlink()
    save(root, cache)
    assert objects(cache) == whole


def test_a_file_that_changes_after_it_was_read_is_kept_as_it_was_read(root, cache):
    with intake(root, cache, TOPS) as taking:
        before = taking(root / "x"), taking(root / "y.html")
        (root / "x/a-b").write_bytes(b"late")
        pointer = taking.keep()[0]
    files = cache.files(pointer)
    assert files is not None
    for name, md5 in files.items():
        content = cache.place(md5).read_bytes()
        assert hashlib.sha256(content).hexdigest() == before[0]["files"][name]["sha256"]


def test_a_shared_cache_can_be_written_by_the_group(root, tmp_path):
    cache = Cache(tmp_path / "shared", shared=True)
    save(root, cache)
    folders = [path for path in (cache.folder / "files").rglob("*") if path.is_dir()]
    assert len(folders) > 3
    assert all(path.stat().st_mode & 0o7777 == 0o2775 for path in folders)


# --- pointers -------------------------------------------------------------------------------------


POINTER = Pointer(Path("results/x"), f"{hashlib.md5(b'').hexdigest()}.dir", 9, 2)


def test_a_pointer_that_says_it_already_stays_as_it_is():
    text = spell_pointer(POINTER, None)
    assert parse_pointer(POINTER.target, text) == POINTER
    longer = f"# mine\ndesc: what it is\n{text}"
    assert spell_pointer(POINTER, longer) == longer


def test_what_else_a_pointer_says_is_kept():
    old = spell_pointer(POINTER, None).replace("  path: x", "  path: x\n  remote: cold")
    new = Pointer(POINTER.target, hashlib.md5(b"").hexdigest(), 3)
    tree = yaml.safe_load(spell_pointer(new, f"desc: what it is\n{old}"))
    assert tree["desc"] == "what it is"
    assert tree["outs"] == [
        {"md5": new.md5, "size": 3, "hash": "md5", "path": "x", "remote": "cold"}
    ]


def test_other_bytes_than_were_imported_are_refused():
    text = f"deps:\n- path: elsewhere\n{spell_pointer(POINTER, None)}"
    assert spell_pointer(POINTER, text) == text
    with pytest.raises(UserError, match=r"has not the bytes that were imported; .* dvc update"):
        spell_pointer(Pointer(POINTER.target, hashlib.md5(b"").hexdigest(), 3), text)


def test_odd_names_survive_in_pointers():
    for name in ("a: b", "ü", "#x", "-", "'", "1"):
        pointer = Pointer(Path("data", name), hashlib.md5(b"").hexdigest(), 0)
        assert parse_pointer(pointer.target, spell_pointer(pointer, None)) == pointer
    assert (
        os.fsencode("ü")
        in spell_pointer(Pointer(Path("ü"), hashlib.md5(b"").hexdigest(), 0), None).encode()
    )
