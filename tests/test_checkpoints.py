import hashlib
import math
from pathlib import Path

import pytest
import torch

from seqgan.checkpoints import ResumeFolder, load_tree, resume_key, save_tree
from seqgan.errors import UserError


def equal(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return (
            isinstance(other, torch.Tensor)
            and one.dtype == other.dtype
            and one.shape == other.shape
            and torch.equal(one, other)
        )
    if isinstance(one, dict):
        return list(one) == list(other) and all(equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return type(one) is type(other) and one == other


TREES = {
    "empty dict": {},
    "empty list": [],
    "empty inside": {"a": {}, "b": [], "c": [[], {}]},
    "nothing": None,
    "infinity": {"best": float("inf"), "worst": -float("inf"), "none": float("nan")},
    "exact floats": [0.1, 1e-320, -0.0, 2.0**-1074, 1.7976931348623157e308],
    "values": [True, False, None, 0, 1, -(2**70), "", "ü\n", 1.0],
    "integer keys": {0: {"a": 1}, 1: torch.zeros(2), "0": "text"},
    "dtypes": {
        name: torch.zeros(3, dtype=getattr(torch, name))
        for name in ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")
    },
    "shapes": [torch.tensor(3.5), torch.zeros(0), torch.zeros(2, 0, 3), torch.ones(1, 1)],
    "a tensor alone": torch.arange(4),
    "key order": {"b": 1, "a": {"d": 1, "c": 2}},
    "awkward keys": {"a/b": torch.tensor(1), "a": {"c": torch.tensor(2)}, "": torch.tensor(3)},
    "a tree that looks like its own description": {"tensor": "x", "value": {"float": "0x1p+0"}},
}


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
def test_a_tree_comes_back_exactly(tmp_path, tree):
    save_tree(tmp_path / "x", tree)
    assert equal(tree, load_tree(tmp_path / "x"))


def test_keys_that_spell_the_same_path_do_not_collide(tmp_path):
    trees = [
        {"a/b": torch.tensor(1), "a": {"b": torch.tensor(2)}},
        {1: torch.tensor(1), "1": torch.tensor(2)},
        {"a": [torch.tensor(1)], "a/0": torch.tensor(2)},
    ]
    for tree in trees:
        save_tree(tmp_path / "x", tree)
        assert equal(tree, load_tree(tmp_path / "x"))


def test_tuples_become_lists_and_views_are_copied(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    tree = {"betas": (0.9, 0.999), "column": base[:, 1], "transposed": base.T, "same": base}
    save_tree(tmp_path / "x", tree)
    found = load_tree(tmp_path / "x")
    assert found["betas"] == [0.9, 0.999]
    assert torch.equal(found["column"], base[:, 1])
    assert torch.equal(found["transposed"], base.T)
    assert torch.equal(found["same"], base)


def test_a_parameter_comes_back_as_a_plain_tensor(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(2))
    save_tree(tmp_path / "x", [parameter])
    (found,) = load_tree(tmp_path / "x")
    assert type(found) is torch.Tensor
    assert not found.requires_grad


def test_equal_trees_give_equal_bytes(tmp_path):
    def tree() -> dict:
        rng = torch.Generator().manual_seed(1)
        return {name: torch.rand(5, generator=rng) for name in "zyxab"} | {"n": {"s": 0.5, 3: [1]}}

    save_tree(tmp_path / "one", tree())
    save_tree(tmp_path / "other", tree())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_the_state_of_adam_survives(tmp_path):
    parameter = torch.nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([parameter], lr=0.1)
    parameter.sum().backward()
    adam.step()
    save_tree(tmp_path / "x", adam.state_dict())
    other = torch.optim.Adam([torch.nn.Parameter(parameter.detach().clone())], lr=0.5)
    other.load_state_dict(load_tree(tmp_path / "x"))
    assert other.param_groups[0]["lr"] == 0.1
    (mine,), (theirs,) = adam.state.values(), other.state.values()
    assert equal(dict(mine), dict(theirs))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("cut at the end", lambda content: content[:-1]),
        ("cut in the header", lambda content: content[:40]),
        ("cut to nothing", lambda content: b""),
        ("length of the header", lambda content: b"\xff" * 8 + content[8:]),
        ("header", lambda content: content[:9] + b"\x00" + content[10:]),
        ("longer", lambda content: content + b"x"),
        ("text", lambda content: b"hello"),
        ("pickle", lambda content: b"\x80\x04K\x01."),
    ],
)
def test_a_damaged_or_foreign_file_is_one_line(tmp_path, name, damage):
    path = tmp_path / "x.safetensors"
    save_tree(path, {"a": torch.ones(3), "b": 1})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"x\.safetensors is not a checkpoint of this") as caught:
        load_tree(path)
    assert "\n" not in str(caught.value)


def test_safetensors_of_another_program_are_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "x"
    for metadata in (None, {"format": "pt"}, {"structure": "no json"}, {"structure": "[]"},
                     {"structure": '{"tensor":"b"}'}, {"structure": '{"what":1}'},
                     {"structure": '{"list":3}'}, {"structure": "3"}):  # fmt: skip
        save_file({"a": torch.ones(1)}, path, metadata)
        with pytest.raises(UserError, match="is not a checkpoint of this program"):
            load_tree(path)


def test_a_missing_file_and_a_folder_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"^no such checkpoint: .*/x$"):
        load_tree(tmp_path / "x")
    with pytest.raises(UserError, match="is not a checkpoint"):
        load_tree(tmp_path)


# --- the folder that a run resumes from -----------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    found = ResumeFolder(tmp_path / "resume")
    yield found
    found.discard()


def quiet(line: str) -> None:
    """Say nothing."""


def states(folder: ResumeFolder) -> list[Path]:
    return sorted(folder.folder.glob("state-*.safetensors"))


def test_the_newest_state_wins_and_two_are_kept(folder):
    assert folder.latest(quiet) is None
    for step in range(1, 12):
        folder.save({"step": step})
    assert folder.latest(quiet) == {"step": 11}
    assert [path.name for path in states(folder)] == [
        "state-000000010.safetensors",
        "state-000000011.safetensors",
    ]
    assert len(list(folder.folder.glob("*.sha256"))) == 2


DAMAGE = {
    "truncated": lambda content: content[: len(content) // 2],
    "emptied": lambda content: b"",
    "flipped": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_state_is_passed_over(folder, damage):
    folder.save({"step": 1, "weights": torch.ones(4)})
    folder.save({"step": 2, "weights": torch.ones(4)})
    old, new = states(folder)
    new.write_bytes(damage(new.read_bytes()))
    said: list[str] = []
    assert folder.latest(said.append)["step"] == 1
    assert said == [f"passes over {new}, which is damaged or was not finished"]
    old.write_bytes(damage(old.read_bytes()))
    assert folder.latest(quiet) is None


def test_a_state_without_its_checksum_is_passed_over(folder):
    """The process may die between the state and its checksum."""
    folder.save({"step": 1})
    folder.save({"step": 2})
    states(folder)[-1].with_suffix(".sha256").unlink()
    assert folder.latest(quiet) == {"step": 1}


def test_a_damaged_checksum_is_passed_over(folder):
    folder.save({"step": 1})
    folder.save({"step": 2})
    states(folder)[-1].with_suffix(".sha256").write_bytes(b"\xff\xff")
    assert folder.latest(quiet) == {"step": 1}


def test_a_finished_run_leaves_no_folder(tmp_path):
    folder = ResumeFolder(tmp_path / "resume")
    folder.save({})
    folder.discard()
    assert not folder.folder.exists()
    again = ResumeFolder(tmp_path / "resume")
    assert again.latest(quiet) is None
    again.discard()


def test_the_key_depends_on_everything_and_on_no_order():
    key = resume_key("stage", {"a": 1, "b": 2}, 3)
    assert key == resume_key("stage", {"b": 2, "a": 1}, 3)
    others = [("stage", {"a": 1, "b": 3}, 3), ("other", {"a": 1, "b": 2}, 3), ("stage", {}, 3)]
    assert key not in [resume_key(*parts) for parts in others]


def test_states_under_other_keys_stay_until_the_result_is_in_place(tmp_path):
    old = ResumeFolder(tmp_path / "job" / "old")
    old.save({"step": 1})
    (tmp_path / "job" / "lock").write_bytes(b"")
    new = ResumeFolder(tmp_path / "job" / "new")
    new.save({"step": 2})
    assert new.others() == [old.folder]
    assert old.latest(quiet) == {"step": 1}
    new.discard()
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["lock"]


def test_half_written_states_are_swept(folder):
    folder.save({"step": 1})
    (folder.folder / ".state-000000002.safetensors.a1b2").write_bytes(b"half")
    folder.sweep()
    assert sorted(path.name for path in folder.folder.iterdir()) == [
        "state-000000001.safetensors",
        "state-000000001.sha256",
    ]


def test_a_whole_file_that_is_no_state_is_passed_over(folder):
    folder.save({"step": 1})
    folder.save({"step": 2})
    newest = states(folder)[-1]
    newest.write_bytes(b"no state")
    newest.with_suffix(".sha256").write_text(hashlib.sha256(b"no state").hexdigest())
    assert folder.latest(quiet) == {"step": 1}
