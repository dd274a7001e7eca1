"""Checkpoints, oracle parameters and resume states of any content."""

import hashlib
import io
import json
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from safetensors.torch import save as serialise

from seqgan.assembly import (
    build_discriminator,
    build_fit,
    load_discriminator,
    load_generator,
    save_discriminator,
    save_generator,
)
from seqgan.checkpoints import STRUCTURE, ResumeFolder, load_tree, save_tree
from seqgan.corpus.dataset import read_words
from seqgan.decoding import sample_sentences
from seqgan.errors import UserError
from seqgan.oracle import ARRAYS, load_oracle, random_oracle, released_arrays
from seqgan.progress import Progress
from seqgan.records import read_json
from stage_worlds import DISCRIMINATOR, GENERATOR, LENGTH, VOCABULARY, network, stream

from .promise import changed, damaged, ends_well, fuzz, json_trees

FIT = {"learning_rate": 0.01, "batch_size": 4, "epochs": 1, "label_smoothing": 0.0,
    "gradient_penalty": 0.0}  # fmt: skip
SIZES = {"vocab_size": 5, "embedding_dim": 2, "hidden_dim": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


def tensors(file: bytes) -> tuple[dict, bytes]:
    """Return the header of a safetensors file, and its body."""
    (size,) = struct.unpack("<Q", file[:8])
    return json.loads(file[8 : 8 + size]), file[8 + size :]


def file_of(header, body: bytes) -> bytes:
    try:
        text = json.dumps(header).encode()
    except RecursionError:
        text = b"[" * 9000
    return struct.pack("<Q", len(text)) + text + body


# --- trees of tensors -----------------------------------------------------------------------------

TREE = {"a": torch.ones(2, 3), "b": [torch.zeros(1), 1, 0.5, "x"], "c": {0: None}}
dtypes = st.sampled_from(
    (
        "F64",
        "F32",
        "F16",
        "BF16",
        "I64",
        "U8",
        "BOOL",
        "F8_E4M3",
        "F8_E8M0",
        "F4",
        "C64",
        "U64",
        "X",
        3,
    )
)
lies = st.fixed_dictionaries(
    {
        "dtype": dtypes,
        "shape": st.lists(st.sampled_from((0, 1, 2, 3, 6, 2**40, 2**63, -1, 1.5)), max_size=3),
        "data_offsets": st.lists(st.sampled_from((0, 4, 24, 28, 2**40, 2**64 - 1, -1)), max_size=3),
    }
)
structures = st.recursive(
    st.builds(lambda name: {"tensor": name}, st.sampled_from(("/a", "/b/0", "none", "", 3)))
    | st.builds(lambda text: {"float": text}, st.sampled_from(("0x1p+0", "0x1p+99999", "nan", 1)))
    | json_trees.map(lambda value: {"value": value}),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda nodes: {"list": nodes})
        | st.lists(
            st.tuples(st.sampled_from(("a", 0, None, 1.5)), inner).map(list), max_size=3
        ).map(lambda pairs: {"dict": pairs})
    ),
    max_leaves=6,
)


def good_tree() -> bytes:
    structure = {"dict": [["a", {"tensor": "/a"}], ["b", {"list": [{"tensor": "/b/0"}]}]]}
    parts = {"/a": torch.ones(2, 3), "/b/0": torch.zeros(1)}
    return serialise(parts, metadata={STRUCTURE: json.dumps(structure)})


GOOD_TREE = good_tree()
HEADER, BODY = tensors(GOOD_TREE)


def with_structure(structure, body: bytes = BODY) -> bytes:
    try:
        text = json.dumps(structure)
    except RecursionError:
        text = "[" * 9000
    return file_of({**HEADER, "__metadata__": {STRUCTURE: text}}, body)


def repeated() -> bytes:
    """Return a megabyte that asks for a hundred gigabytes."""
    structure = json.dumps({"list": [{"tensor": "x"}] * 100_000})
    return serialise({"x": torch.zeros(200_000)}, metadata={STRUCTURE: structure})


def nested(depth: int) -> bytes:
    return serialise({}, metadata={STRUCTURE: '{"list":[' * depth + "]}" * depth})


files = (
    damaged(GOOD_TREE)
    | structures.map(with_structure)
    | changed(HEADER, json_trees | lies).map(lambda header: file_of(header, BODY))
    | lies.map(lambda lie: file_of({**HEADER, "/a": lie}, BODY))
    | st.binary(max_size=20)
)


@fuzz(1200)
@given(files)
@example(struct.pack("<Q", 2**63) + GOOD_TREE[8:])
@example(struct.pack("<Q", 2**30) + GOOD_TREE[8:])
@example(repeated())
@example(nested(300))
@example(nested(90_000))
@example(with_structure({"float": "0x1p+99999"}))
@example(with_structure({"value": 10**4000}))
@example(b"\x80\4cos\nsystem\n(S'touch pwned'\ntR.")
def test_a_checkpoint_of_anything(folder, content):
    path = folder / "tree.safetensors"
    path.write_bytes(content)
    ends_well(lambda: load_tree(path), "tree.safetensors")
    assert not Path("pwned").exists()


def test_a_tensor_is_read_once(folder):
    path = folder / "tree.safetensors"
    for content in (repeated(), with_structure({"tensor": "/a"})):
        path.write_bytes(content)
        assert not ends_well(lambda: load_tree(path), "tree.safetensors")


@fuzz(100)
@given(files, st.booleans())
def test_a_resume_state_of_anything(folder, content, honest):
    states = ResumeFolder(folder / "resume")
    path = states.folder / "state-000000001.safetensors"
    path.write_bytes(content)
    digest = hashlib.sha256(content if honest else b"other").hexdigest()
    path.with_suffix(".sha256").write_text(digest)
    found: list[object] = []
    assert ends_well(lambda: found.append(states.latest(lambda line: None)), path.name)
    assert found == [None] or honest
    states.discard()


# --- checkpoints of networks ----------------------------------------------------------------------

odd_weights = st.sampled_from(
    [
        torch.ones(1), torch.zeros(0), torch.tensor(float("nan")), torch.ones(12, 6) * torch.inf,
        torch.ones(12, 6, dtype=torch.int64), torch.ones(12, 6, dtype=torch.complex64), 3, "x",
        None, [torch.ones(1)], {}, torch.ones(24, 6) * torch.nan,
    ]
)  # fmt: skip
MODEL = {"settings": GENERATOR, "length": LENGTH}
JUDGE = {"settings": DISCRIMINATOR, "length": LENGTH}
LARGE = [
    {"settings": GENERATOR | more, "length": LENGTH}
    for more in (
        {"hidden_dim": 10**12}, {"hidden_dim": 6_000}, {"embedding_dim": 2**31 - 1},
        {"num_layers": 10**9}, {"hidden_dim": -1}, {"hidden_dim": "6"}, {"hidden_dim": True},
        {"std": 1e400}, {"std": float("nan")}, {"kind": "gpt"}, {"kind": []}, {"more": 1},
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def generator(folder) -> dict:
    place = folder / "generator"
    save_generator(place, network(VOCABULARY.alphabet, 1), GENERATOR, LENGTH, VOCABULARY)
    return {
        "model.json": read_json(place / "model.json"),
        "alphabet.json": read_json(place / "alphabet.json"),
        "vocabulary.json": read_json(place / "vocabulary.json"),
        "weights.safetensors": load_tree(place / "weights.safetensors"),
    }


def write(place: Path, name: str, content) -> None:
    try:
        if name.endswith("json"):
            (place / name).write_text(json.dumps(content))
        else:
            save_tree(place / name, content)
    except (ValueError, TypeError, RecursionError, KeyError, RuntimeError):
        (place / name).write_bytes(b"[" * 9000)


def feed_changes(place, name, original, work) -> None:
    """Change one file of a checkpoint in many ways; with the original, all is well again."""
    values = json_trees if name.endswith("json") else json_trees | odd_weights

    @fuzz(150)
    @given(changed(original, values))
    def feed(content) -> None:
        write(place, name, content)
        ends_well(work, str(place))

    feed()
    write(place, name, original)
    assert ends_well(work)


@pytest.mark.parametrize("model", LARGE, ids=lambda model: str(model["settings"])[:40])
def test_a_model_that_asks_for_more_than_its_weights_is_one_line(folder, generator, model):
    place = folder / "generator"
    write(place, "model.json", model)
    assert not ends_well(lambda: load_generator(place, "cpu"), str(place))
    write(place, "model.json", MODEL)


@pytest.mark.parametrize(
    "name", ["model.json", "alphabet.json", "vocabulary.json", "weights.safetensors"]
)
def test_a_generator_of_anything(folder, generator, name):
    place = folder / "generator"

    def work() -> None:
        found, model = load_generator(place, "cpu")
        words = read_words(place, found.alphabet)
        for row in sample_sentences(found, 2, min(model["length"], 4), stream()).tolist():
            assert words is None or isinstance(words.decode(row), str)

    feed_changes(place, name, generator[name], work)


@pytest.fixture(scope="module")
def discriminator(folder) -> dict:
    place, alphabet = folder / "discriminator", VOCABULARY.alphabet
    judge = build_fit(FIT, build_discriminator(DISCRIMINATOR, alphabet, LENGTH, stream()))
    tokens = sample_sentences(network(alphabet, 1), 8, LENGTH, stream())
    judge.fit(tokens, tokens, stream(), Progress())
    save_discriminator(place, judge, DISCRIMINATOR, alphabet, LENGTH)
    return {
        "model.json": read_json(place / "model.json"),
        "alphabet.json": read_json(place / "alphabet.json"),
        "weights.safetensors": load_tree(place / "weights.safetensors"),
    }


@pytest.mark.parametrize("name", ["model.json", "alphabet.json", "weights.safetensors"])
def test_a_discriminator_of_anything(folder, discriminator, name):
    place = folder / "discriminator"
    tokens = sample_sentences(network(VOCABULARY.alphabet, 1), 8, LENGTH, stream())

    def work() -> None:
        judge = load_discriminator(place, FIT, "cpu")
        judge.fit(tokens, tokens, stream(), Progress())

    feed_changes(place, name, discriminator[name], work)


# --- oracles --------------------------------------------------------------------------------------

RELEASED = released_arrays(random_oracle(**SIZES, std=1.0, seed=0))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def archive(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


MEMBERS = {f"{name}.npy": npy(array) for name, array in RELEASED.items()}
ZEROS = npy(np.zeros(1))[:-8].replace(b"(1,), ", b"(500000000,), ".ljust(6))
odd_arrays = st.sampled_from(
    [
        np.ones(3), np.ones((5, 2), dtype=">f4"), np.ones((5, 2), dtype=np.float16),
        np.full((5, 2), 1e300), np.ones((5, 2), dtype="g"), np.ones((5, 2), dtype=complex),
        np.array([None]), np.array(["x"]), np.zeros((0, 2)), np.ones((5, 2), order="F"),
        np.full((5, 2), np.nan), np.ones((3, 3), dtype=bool), np.zeros((), dtype="V8"),
    ]
).map(npy)  # fmt: skip
packed = (
    damaged(archive(MEMBERS))
    | st.dictionaries(
        st.sampled_from([*MEMBERS, "more.npy", "arr_0.npy", "../x", "/x.npy", ""]),
        odd_arrays | st.binary(max_size=20) | damaged(MEMBERS["emb.npy"]),
        max_size=3,
    ).map(lambda odd: archive(MEMBERS | odd))
    | st.binary(max_size=20)
)
BOMB = npy(np.zeros(30_000_000))  # 240 MB, of which 230 KB remain


@fuzz(500)
@given(packed)
@example(archive(MEMBERS | {"emb.npy": npy(np.array([{}]))}))
@example(archive(MEMBERS | {"emb.npy": MEMBERS["emb.npy"] + bytes(9)}))
@example(archive(MEMBERS | {"emb.npy": npy(np.full((5, 2), 1e300))}))
@example(archive({f"arr_{i}.npy": MEMBERS["bo.npy"] for i in range(15)}))
@example(archive({f"x{i}.npy": MEMBERS["bo.npy"] for i in range(3000)}))
def test_an_oracle_of_anything(folder, content):
    path = folder / "oracle.npz"
    path.write_bytes(content)
    ends_well(lambda: load_oracle(path, **SIZES), "oracle.npz")


@pytest.mark.parametrize("name", ["emb", "more"])
def test_a_small_archive_that_unpacks_to_much_is_not_unpacked(folder, name):
    path = folder / "oracle.npz"
    path.write_bytes(archive(MEMBERS | {f"{name}.npy": BOMB}))
    assert path.stat().st_size < 500_000
    assert not ends_well(lambda: load_oracle(path, **SIZES), "oracle.npz")
    with pytest.raises(UserError, match=r"\(30000000,\) is too large for this oracle"):
        load_oracle(path, **SIZES)


def test_a_member_that_claims_more_than_it_has(folder):
    header = BOMB[:128].replace(b"(30000000,)", b"(2,)       ")
    path = folder / "oracle.npz"
    path.write_bytes(archive(MEMBERS | {"emb.npy": header + bytes(4)}))
    with pytest.raises(UserError, match="is not what follows"):
        load_oracle(path, **SIZES)


RELEASED_FILE = serialise({name: torch.from_numpy(RELEASED[name].copy()) for name in ARRAYS})
RELEASED_HEADER, RELEASED_BODY = tensors(RELEASED_FILE)


@fuzz(400)
@given(
    damaged(RELEASED_FILE)
    | changed(RELEASED_HEADER, json_trees | lies).map(lambda header: file_of(header, RELEASED_BODY))
    | lies.map(lambda lie: file_of({"emb": lie}, RELEASED_BODY))
)
def test_an_oracle_in_safetensors_of_anything(folder, content):
    path = folder / "oracle.safetensors"
    path.write_bytes(content)
    ends_well(lambda: load_oracle(path, **SIZES), "oracle.safetensors")


def test_good_oracles_are_read(folder):
    (folder / "oracle.npz").write_bytes(archive(MEMBERS))
    (folder / "oracle.safetensors").write_bytes(RELEASED_FILE)
    assert ends_well(lambda: load_oracle(folder / "oracle.npz", **SIZES))
    assert ends_well(lambda: load_oracle(folder / "oracle.safetensors", **SIZES))
