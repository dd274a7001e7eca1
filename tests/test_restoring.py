"""Files of the user that an experiment is made from: brought, or nothing happens."""

from pathlib import Path

import pytest

from seqgan import provenance
from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import describe_file, receipt
from seqgan.records import expand, readable_json, write_atomically
from seqgan.versioning import restoring
from seqgan.versioning.cache import Cache
from seqgan.versioning.intake import intake
from seqgan.versioning.pointers import spell_pointer
from seqgan.versioning.restoring import Restored, restore

CORPUS, DATA = Path("data/corpus"), Path("results/x/data")
TEXTS = {"a.txt": b"first", "b.txt": b"second", "deep/c.txt": b"third"}


@pytest.fixture
def root(tmp_path, monkeypatch) -> Path:
    """A saved experiment of one job, made from a folder of texts."""
    for module in (provenance, restoring):
        monkeypatch.setattr(
            module, "spec", lambda stage, settings: {"stage": stage, "settings": settings}
        )
    monkeypatch.chdir(tmp_path)
    write_atomically(Path(".dvc/config"), b"")
    for name, content in TEXTS.items():
        write_atomically(CORPUS / name, content)
    write_atomically(DATA / "tokens", b"tokens")
    inputs = {path.as_posix(): describe_file(path) for path in expand(CORPUS)}
    made = receipt(
        {"stage": "make", "settings": {}}, seed=None, inputs=inputs, outputs=[DATA], environment={}
    )
    write_atomically(Path(job().receipt), readable_json(made))
    with intake(Path(), Cache(Path(".dvc/cache")), [CORPUS, DATA]) as taking:
        taking(CORPUS)
        taking(DATA)
        for pointer in taking.keep():
            write_atomically(pointer.path, spell_pointer(pointer, None).encode())
    return tmp_path


def job(text: str = str(CORPUS)) -> Job:
    return Job("x", "make", {}, outputs={"data": str(DATA)}, external={"text": text})


def bring(text: str = str(CORPUS)) -> Restored:
    return restore([job(text)], Path(), offline=True, say=print)


def test_what_is_missing_of_a_folder_is_brought_and_the_rest_left_alone(root):
    (CORPUS / "b.txt").unlink()
    (CORPUS / "deep/c.txt").unlink()
    (CORPUS / "deep").rmdir()
    before = (CORPUS / "a.txt").stat().st_ino
    assert [state.verdict for state in bring().states] == ["ok"]
    assert {name: (CORPUS / name).read_bytes() for name in TEXTS} == TEXTS
    assert (CORPUS / "a.txt").stat().st_ino == before


def test_a_file_of_the_user_is_never_written_over(root):
    (CORPUS / "a.txt").write_bytes(b"mine")
    (CORPUS / "b.txt").unlink()
    (state,) = bring().states
    assert (state.verdict, state.reasons) == ("stale", [f"{CORPUS}/a.txt has changed"])
    assert (CORPUS / "a.txt").read_bytes() == b"mine"
    assert (CORPUS / "b.txt").read_bytes() == b"second"


@pytest.mark.parametrize("outside", [True, False])
def test_what_cannot_be_brought_costs_no_receipt(root, outside):
    gone = str(root.parent / "elsewhere.txt") if outside else "data/none.txt"
    with pytest.raises(UserError, match="from which this experiment is made, is not here") as told:
        bring(gone)
    assert gone in str(told.value)
    assert Path(job().receipt).is_file()


def test_a_file_that_is_damaged_in_the_cache_is_not_brought(root):
    (CORPUS / "b.txt").unlink()
    for place in Path(".dvc/cache/files").rglob("*"):
        if place.is_file() and place.read_bytes() == b"second":
            place.chmod(0o644)
            place.write_bytes(b"SECOND")
    with pytest.raises(UserError, match=r"data/corpus, from which .* is not here as a whole"):
        bring()
    assert not (CORPUS / "b.txt").exists()
    assert Path(job().receipt).is_file()


def test_what_is_brought_leaves_nothing_beside_it(root):
    (DATA / "tokens").unlink()
    DATA.rmdir()
    (CORPUS / "b.txt").unlink()
    assert bring().placed == ["make"]
    names = {path.name for folder in ("data", "results") for path in Path(folder).rglob("*")}
    assert {name for name in names if name.startswith(".")} == {".spec"}
