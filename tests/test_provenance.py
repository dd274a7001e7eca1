import ast
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqgan import provenance
from seqgan.codebase import SOURCE, code_digests, statements
from seqgan.errors import UserError
from seqgan.layout import Job
from seqgan.provenance import (
    check_inputs,
    describe,
    differences,
    environment,
    read_receipt,
    receipt,
    sha256,
    spec,
    verify,
    write_if_changed,
)
from seqgan.records import canonical_json, readable_json, write_atomically

SRC = Path(__file__).parents[1] / "src"

# --- code -----------------------------------------------------------------------------------------

PACKAGE = {
    "train.py": '"""A stage."""\nfrom toy.models import build\n\nbuild(1)\n',
    "evaluate.py": "import toy.scores\n",
    "relative.py": "from toy.inner.leaf import value\n",
    "toy/__init__.py": '"""A package."""\n',
    "toy/models.py": "from toy import layers\n\n\ndef build(size):\n    return layers.make(size)\n",
    "toy/layers.py": "import math\n\n\ndef make(size):\n    return math.sqrt(size)\n",
    "toy/scores.py": "def score():\n    return 1\n",
    "toy/inner/__init__.py": "",
    "toy/inner/leaf.py": "from . import sibling\nfrom ..scores import score\n\nvalue = 1\n",
    "toy/inner/sibling.py": "x = 1\n",
}


@pytest.fixture
def source(tmp_path):
    for name, text in PACKAGE.items():
        write_atomically(tmp_path / name, text.encode())
    return tmp_path


def digests(stage: str, source: Path) -> dict[str, str]:
    code_digests.cache_clear()
    return code_digests(stage, source)


def test_the_closure_follows_indirect_imports_and_stops_there(source):
    assert list(digests("train", source)) == [
        "toy/__init__.py",
        "toy/layers.py",
        "toy/models.py",
        "train.py",
    ]
    assert set(digests("evaluate", source)) == {"evaluate.py", "toy/__init__.py", "toy/scores.py"}


def test_the_closure_follows_relative_imports(source):
    assert set(digests("relative", source)) == {
        "relative.py",
        "toy/__init__.py",
        "toy/scores.py",
        "toy/inner/__init__.py",
        "toy/inner/leaf.py",
        "toy/inner/sibling.py",
    }


@pytest.mark.parametrize(
    "importing",
    [
        "def later():\n    from toy import scores\n",
        "import toy.scores as s\n",
        "from toy.scores import score as s\n",
        "if True:\n    import toy.scores\n",
        "try:\n    import toy.scores\nexcept ImportError:\n    pass\n",
        "try:\n    pass\nexcept ImportError:\n    import toy.scores\n",
        "try:\n    pass\nfinally:\n    import toy.scores\n",
        "for x in 'ab':\n    pass\nelse:\n    import toy.scores\n",
        "match 1:\n    case _:\n        with x:\n            import toy.scores\n",
        "class A:\n    async def b():\n        while 1:\n            import toy.scores as s\n",
    ],
)
def test_the_closure_sees_every_form_of_import(source, importing):
    (source / "train.py").write_text(importing)
    assert "toy/scores.py" in digests("train", source)


def test_statements_are_all_that_a_walk_over_the_whole_tree_would_find():
    """Nothing else can import, and nothing else has a text that decides nothing."""
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        whole = {id(node) for node in ast.walk(tree) if isinstance(node, ast.stmt)}
        found = {id(node) for node in statements(tree)}
        assert whole <= found, path
        blocks = {id(node) for node in ast.walk(tree) if isinstance(getattr(node, "body", 0), list)}
        assert blocks <= found, path


@pytest.mark.parametrize(
    "text",
    [
        "# A comment.\nimport math\n\n\ndef make(size):\n    return math.sqrt(size)  # another\n",
        '"""Text."""\nimport math\ndef make(size):\n    """Make."""\n    return math.sqrt(size)\n',
        "import math\ndef make(  size  ) :\n        return (math.sqrt(\n            size))\n",
    ],
)
def test_comments_docstrings_and_layout_change_no_digest(source, text):
    old = digests("train", source)
    (source / "toy/layers.py").write_text(text)
    assert digests("train", source) == old


@pytest.mark.parametrize(
    "text",
    [
        "import math\n\n\ndef make(size):\n    return math.sqrt(size + 1)\n",
        "import math\n\n\ndef make(size=1):\n    return math.sqrt(size)\n",
        "import math\n\n\ndef make(size: int):\n    return math.sqrt(size)\n",
        "import math\n\n\n@print\ndef make(size):\n    return math.sqrt(size)\n",
        "import math\n\n\ndef make(size):\n    return math.sqrt(size)\n\n\nmake.name = 'x'\n",
        "import math\n\n\ndef make(size):\n    'used'.strip()\n    return math.sqrt(size)\n",
        "import math\n\n\ndef make(size):\n    return math.sqrt(size), 'text'\n",
    ],
)
def test_code_changes_the_digest_of_its_file_alone(source, text):
    old = digests("train", source)
    (source / "toy/layers.py").write_text(text)
    new = digests("train", source)
    assert list(differences(old, new)) == [
        f"toy/layers.py: {old['toy/layers.py'][:24]} → {new['toy/layers.py'][:24]}"
    ]


def test_the_stages_of_this_project_depend_on_what_they_should():
    code_digests.cache_clear()
    prepare, train = code_digests("prepare_corpus"), code_digests("train_adversarially")
    assert {"prepare_corpus.py", "seqgan/corpus/text.py", "seqgan/stage.py"} <= prepare.keys()
    assert not {"seqgan/rewards.py", "seqgan/generators.py", "seqgan/layout.py"} & prepare.keys()
    assert {"seqgan/rewards.py", "seqgan/generators.py", "seqgan/resuming.py"} <= train.keys()
    for digests in (prepare, train):
        # A stage is given plain settings: editing the models of the configuration reruns nothing.
        assert not [name for name in digests if name.startswith("seqgan/config/")]
        assert "seqgan/__init__.py" in digests


def test_digests_do_not_depend_on_the_hash_seed(source):
    script = (
        "import sys; from pathlib import Path; from seqgan.codebase import code_digests; "
        "print(code_digests('train', Path(sys.argv[1])))"
    )
    seen = set()
    for seed in ("0", "1"):
        environment = os.environ | {"PYTHONPATH": str(SRC), "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", script, str(source)]
        seen.add(subprocess.check_output(command, env=environment))
    assert len(seen) == 1


# --- spec -----------------------------------------------------------------------------------------


def test_a_spec_does_not_depend_on_the_order_of_keys(source):
    one = spec("train", {"a": 1, "b": {"x": 1, "y": [1, 2]}}, source)
    other = spec("train", {"b": {"y": [1, 2], "x": 1}, "a": 1}, source)
    assert readable_json(one) == readable_json(other)
    assert readable_json(spec("train", {"a": 1, "b": {"x": 1, "y": [2, 1]}}, source)) != (
        readable_json(one)
    )
    assert one["stage"] == "train"


def test_equal_values_that_swap_places_are_seen(source):
    assert spec("train", {"embedding": 32, "hidden": 64}, source) != (
        spec("train", {"embedding": 64, "hidden": 32}, source)
    )


def test_an_unchanged_spec_keeps_its_time(tmp_path):
    path = tmp_path / "a/spec.json"
    write_if_changed(path, {"a": 1, "b": 2})
    os.utime(path, ns=(1, 1))
    write_if_changed(path, {"b": 2, "a": 1})
    assert path.stat().st_mtime_ns == 1
    write_if_changed(path, {"b": 3, "a": 1})
    assert path.stat().st_mtime_ns > 1
    assert json.loads(path.read_text()) == {"a": 1, "b": 3}


# --- descriptions ---------------------------------------------------------------------------------


def test_a_folder_is_described_file_by_file(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_bytes(b"x")
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / ".snakemake_timestamp").write_text("now")
    assert describe(tmp_path) == {
        "files": {
            "a": {"sha256": hashlib.sha256(b"").hexdigest(), "bytes": 0},
            "b/x": {"sha256": hashlib.sha256(b"x").hexdigest(), "bytes": 1},
        }
    }
    with pytest.raises(UserError, match=r"^no such file: .*/nothing$"):
        describe(tmp_path / "nothing")


def test_the_environment_names_libraries_device_and_threads(monkeypatch):
    monkeypatch.setattr(provenance, "LIBRARIES", ("numpy", "no-such-library"))
    found = environment("cpu", 2)
    assert (found["device"], found["threads"]) == ("cpu", 2)
    assert list(found["libraries"]) == ["numpy"]
    assert found["python"].count(".") == 2


# --- receipts -------------------------------------------------------------------------------------


def make_receipt(folder: Path, name: str, stage: str, outputs: list[str], inputs=None, seed=None):
    """Write a receipt of outputs that exist, with paths relative to ``folder``."""
    old = Path.cwd()
    os.chdir(folder)
    try:
        record = receipt(
            {"stage": stage, "settings": {}},
            seed=seed,
            inputs=inputs or {},
            outputs=map(Path, outputs),
            environment={},
        )
        write_atomically(Path(name), readable_json(record))
    finally:
        os.chdir(old)
    return record


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data/train").write_bytes(b"train")
    (tmp_path / "data/test").write_bytes(b"test")
    make_receipt(tmp_path, "receipt.json", "make", ["data"])
    return tmp_path


def test_equal_runs_give_equal_receipts(folder):
    first = (folder / "receipt.json").read_bytes()
    os.utime(folder / "data/train", ns=(1, 1))
    make_receipt(folder, "receipt.json", "make", ["data"])
    assert (folder / "receipt.json").read_bytes() == first


def test_a_receipt_comes_back(folder):
    found = read_receipt(Path("receipt.json"))
    assert set(found["outputs"]["data"]["files"]) == {"train", "test"}


@pytest.mark.parametrize("key", ["seed", "outputs", "inputs", "spec", "environment"])
def test_an_altered_receipt_is_refused(folder, key):
    found = json.loads((folder / "receipt.json").read_text())
    found[key] = {"other": 1}
    (folder / "receipt.json").write_bytes(readable_json(found))
    with pytest.raises(UserError, match=r"^receipt\.json was altered .*; delete it and run"):
        read_receipt(Path("receipt.json"))


STRANGE = (
    [1],
    "x",
    None,
    {"a": 1},
    {"a": {}},
    {"a": {"files": [1]}},
    {"a": {"files": {"b": 1}}},
    {"a": {"sha256": "0", "bytes": 1, "c": 2}},
)


def test_receipts_of_another_schema_or_none(folder):
    found = json.loads((folder / "receipt.json").read_text())
    for content in (found | {"schema": 2}, {}, [], 3, None):
        (folder / "receipt.json").write_bytes(canonical_json(content))
        with pytest.raises(UserError, match="is not a receipt that this version can read"):
            read_receipt(Path("receipt.json"))
    for outputs in STRANGE:
        body = {**found, "outputs": outputs}
        del body["schema"], body["sha256"]
        body = {"schema": found["schema"], "sha256": sha256(canonical_json(body)), **body}
        (folder / "receipt.json").write_bytes(canonical_json(body))
        with pytest.raises(UserError, match="is not a receipt that this version can read"):
            read_receipt(Path("receipt.json"))
    (folder / "receipt.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        read_receipt(Path("receipt.json"))
    with pytest.raises(UserError, match="no such file"):
        read_receipt(Path("nothing.json"))


def test_a_reformatted_receipt_is_still_the_same(folder):
    found = json.loads((folder / "receipt.json").read_text())
    (folder / "receipt.json").write_text(json.dumps(dict(reversed(found.items())), indent=7))
    assert read_receipt(Path("receipt.json")) == found


def flip(path: Path) -> None:
    content, times = path.read_bytes(), path.stat()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


DAMAGE = {
    "a flipped byte, size and time kept": (
        lambda data: flip(data / "train"), r"\(files\.train\.sha256: \w{12}… → \w{12}…\)",
    ),
    "an extra file": (
        lambda data: (data / "more").write_bytes(b""), r"\(files\.more: absent → .*\)",
    ),
    "a missing file": (lambda data: (data / "test").unlink(), r"\(files\.test: .* → absent\)"),
    "a longer file": (lambda data: (data / "test").write_bytes(b"test!"), "bytes: 4 → 5"),
}  # fmt: skip


@pytest.mark.parametrize(("damage", "reason"), DAMAGE.values(), ids=DAMAGE.keys())
def test_inputs_are_compared_with_the_receipts_of_their_makers(folder, damage, reason):
    assert check_inputs([Path("data")], [Path("receipt.json")]) == {"data": describe(Path("data"))}
    damage(folder / "data")
    with pytest.raises(UserError, match=reason) as caught:
        check_inputs([Path("data")], [Path("receipt.json")])
    assert str(caught.value).startswith("data has not the bytes that receipt.json records (")
    assert str(caught.value).endswith("; delete that receipt and start snakemake again")
    assert "\n" not in str(caught.value)


def test_inputs_without_a_receipt_are_only_described(folder):
    assert check_inputs([Path("data/train")], []) == {"data/train": describe(Path("data/train"))}
    with pytest.raises(UserError, match="no such file: nothing"):
        check_inputs([Path("nothing")], [])


def test_differences_name_every_leaf():
    old = {"a": {"b": 1, "c": [1, 2]}, "d": "same"}
    new = {"a": {"b": 2, "c": [1, 3]}, "d": "same", "e": None, "f": "x" * 30}
    assert list(differences(old, new)) == [
        "a.b: 1 → 2",
        "a.c: [1, 2] → [1, 3]",
        f"f: absent → {'x' * 12}…",
    ]


# --- verify ---------------------------------------------------------------------------------------


@pytest.fixture
def chain(tmp_path, monkeypatch):
    """A corpus that one job makes from a file of the user, and a training on it."""
    monkeypatch.setattr(
        provenance, "spec", lambda stage, settings: {"stage": stage, "settings": settings}
    )
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("text")
    data = Job(
        "x", "make", {"size": 1}, outputs={"data": "results/x/data"}, external={"text": "text.txt"}
    )
    outputs = {"checkpoint": "results/x/checkpoint", "metrics": "results/x/metrics.jsonl"}
    training = Job("x", "train", {"rate": 0.1}, 1, outputs=outputs, upstream=(data,))
    for path in ("results/x/data/a", "results/x/checkpoint/w", "results/x/metrics.jsonl"):
        write_atomically(Path(path), path.encode())
    for job, inputs in ((data, ["text.txt"]), (training, ["results/x/data"])):
        record = receipt(
            {"stage": job.stage, "settings": job.settings},
            seed=job.seed,
            inputs={path: describe(Path(path)) for path in inputs},
            outputs=map(Path, job.outputs.values()),
            environment={},
        )
        write_atomically(Path(job.receipt), readable_json(record))
    return [data, training]


def verdicts(chain, root: Path = Path()) -> list[tuple[str, str]]:
    return [(state.verdict, "; ".join(state.reasons)) for state in verify(chain, root)]


OK = ("ok", "")


def test_what_corresponds_is_ok(chain, tmp_path, monkeypatch):
    assert verdicts(chain) == [OK, OK]
    assert [state.name for state in verify(chain, Path())] == ["make", "seed-1/train"]
    monkeypatch.chdir("/")
    assert verdicts(chain, tmp_path) == [OK, OK]


def test_times_do_not_matter(chain):
    for path in Path().rglob("*"):
        os.utime(path, ns=(1, 1))
    assert verdicts(chain) == [OK, OK]


def test_outputs_that_are_not_here_are_absent(chain):
    Path("results/x/data/a").unlink()
    Path("results/x/data").rmdir()
    assert verdicts(chain) == [("absent", "results/x/data is not here"), OK]


def test_a_part_of_the_outputs_may_be_absent(chain):
    Path("results/x/metrics.jsonl").unlink()
    assert verdicts(chain) == [OK, ("absent", "results/x/metrics.jsonl is not here")]


def test_receipts_alone_decide_whether_outputs_are_not_looked_at(chain):
    flip(Path("results/x/data/a"))
    Path("results/x/metrics.jsonl").unlink()
    assert [state.verdict for state in verify(chain, Path(), None)] == ["ok", "ok"]
    chain[0].settings["size"] = 2
    assert [state.verdict for state in verify(chain, Path(), None)] == ["stale", "stale"]


def test_another_setting_is_stale_and_so_is_what_follows(chain):
    data, training = chain
    data.settings["size"] = 2
    assert verdicts(chain) == [("stale", "settings.size: 1 → 2"), ("stale", "make is stale")]
    data.settings["size"] = 1
    training.settings["rate"] = 0.2
    assert verdicts(chain) == [OK, ("stale", "settings.rate: 0.1 → 0.2")]


def test_another_seed_is_stale(chain):
    data, training = chain
    Path("results/x/receipts/seed-2").mkdir()
    Path(training.receipt).rename("results/x/receipts/seed-2/train.json")
    other = Job("x", "train", training.settings, 2, outputs=training.outputs, upstream=(data,))
    assert verdicts([data, other]) == [OK, ("stale", "seed: 1 → 2")]


def test_another_file_of_the_user_is_stale(chain):
    Path("text.txt").write_text("other")
    expected = [("stale", "text.txt has changed"), ("stale", "make is stale")]
    assert verdicts(chain) == expected
    Path("text.txt").unlink()
    assert verdicts(chain)[0] == ("stale", "text.txt is gone")


def test_a_receipt_made_from_another_input_is_stale(chain):
    data, _ = chain
    Path("results/x/data/a").write_bytes(b"made again")
    record = receipt(
        {"stage": "make", "settings": {"size": 1}},
        seed=None,
        inputs={"text.txt": describe(Path("text.txt"))},
        outputs=[Path("results/x/data")],
        environment={},
    )
    write_atomically(Path(data.receipt), readable_json(record))
    assert verdicts(chain) == [OK, ("stale", "was made from another results/x/data")]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda: flip(Path("results/x/data/a")), "results/x/data: files.a.sha256: "),
        (lambda: Path("results/x/data/b").touch(), "results/x/data: files.b: absent → "),
        (lambda: Path("results/x/data/a").unlink(), "results/x/data: files.a: "),
    ],
)
def test_other_bytes_are_damaged_and_what_follows_is_stale(chain, damage, reason):
    damage()
    (verdict, found), follows = verdicts(chain)
    assert verdict == "damaged"
    assert found.startswith(reason)
    assert follows == ("stale", "make is damaged")


def test_an_altered_receipt_is_damaged(chain):
    path = Path(chain[0].receipt)
    path.write_text(path.read_text().replace('"size": 1', '"size": 2'))
    (verdict, reason), follows = verdicts(chain)
    assert verdict == "damaged"
    assert "was altered after it was written" in reason
    assert follows == ("stale", "make is damaged")


def test_a_receipt_of_other_outputs_is_damaged(chain):
    data, _training = chain
    other = Job("x", "make", data.settings, outputs={"data": "results/x/d"}, external=data.external)
    assert verdicts([other])[0] == ("damaged", "the receipt names other outputs")


def test_no_receipt_is_missing(chain):
    Path(chain[0].receipt).unlink()
    assert verdicts(chain) == [
        ("missing", "no receipt: not run yet"),
        ("stale", "make is missing"),
    ]


def test_a_spec_of_the_code_names_the_module_that_changed(tmp_path, monkeypatch):
    """With the digests of the real scan: an edit shows as the path of its file."""
    monkeypatch.chdir(tmp_path)
    for name, text in PACKAGE.items():
        write_atomically(tmp_path / "src" / name, text.encode())
    real = provenance.spec
    monkeypatch.setattr(
        provenance, "spec", lambda stage, settings: real(stage, settings, tmp_path / "src")
    )
    job = Job("x", "train", {}, outputs={"data": "results/x/data"})
    write_atomically(Path("results/x/data"), b"")
    code_digests.cache_clear()
    record = receipt(
        provenance.spec("train", {}), seed=None, inputs={}, outputs=[Path("results/x/data")],
        environment={},
    )  # fmt: skip
    write_atomically(Path(job.receipt), readable_json(record))
    assert verdicts([job]) == [OK]
    (tmp_path / "src/toy/layers.py").write_text("import math\n\n\ndef make(size):\n    return 0\n")
    code_digests.cache_clear()
    ((verdict, reason),) = verdicts([job])
    assert verdict == "stale"
    assert reason.startswith("code.toy/layers.py: ")
