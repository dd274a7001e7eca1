"""The oracle: a fixed LSTM that makes real sentences and knows the likelihood of any sentence."""

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.numpy import load_file

from seqgan.arrays import read_body, read_header
from seqgan.errors import UserError
from seqgan.randomness import derive_seed
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import Alphabet

ARRAYS = (
    "emb", "Wi", "Ui", "bi", "Wf", "Uf", "bf", "Wog", "Uog", "bog", "Wc", "Uc", "bc", "Wo", "bo",
)  # fmt: skip
"""The parameters of the paper's oracle in the order of its released file: embeddings; input weights
W, recurrent weights U and bias b of the gates input, forget, output and of the candidate; output
layer. Each acts from the right: ``x @ W + h @ U + b``."""
GATES = ("i", "f", "c", "og")
"""The released names of the gates, in the order in which a generator holds them."""
ROOM = 2**20
"""Bytes that a file of parameters may have for headers."""


def random_oracle(
    *, vocab_size: int, embedding_dim: int, hidden_dim: int, std: float, seed: int
) -> LSTMGenerator:
    """Return the oracle of a seed: every parameter from N(0, std²).

    Tokens are the ids below ``vocab_size``; a sentence starts after id 0 and has no end token.
    """
    return LSTMGenerator(
        alphabet=Alphabet(vocab_size),
        embedding_dim=embedding_dim,
        hidden_dim=hidden_dim,
        std=std,
        rng=torch.Generator().manual_seed(derive_seed(seed, "oracle")),
    )


def load_oracle(
    path: Path, *, vocab_size: int, embedding_dim: int, hidden_dim: int
) -> LSTMGenerator:
    """Return the oracle whose parameters are in an ``.npz`` or ``.safetensors`` file.

    The file holds the arrays of :data:`ARRAYS` by name, or in that order as ``arr_0`` to
    ``arr_14``; or it is the ``weights.safetensors`` of an oracle that this program made.

    Raises :class:`UserError` for a missing or damaged file, an array too few, too many or of
    another shape. Pickled arrays are refused.
    """
    oracle = random_oracle(
        vocab_size=vocab_size, embedding_dim=embedding_dim, hidden_dim=hidden_dim, std=1.0, seed=0
    )
    found = _read(path, ROOM + 16 * sum(each.numel() for each in oracle.parameters()))
    own = {name.removeprefix("/"): array for name, array in found.items()}
    if own.keys() != oracle.state_dict().keys():
        own = _from_released(path, found, vocab_size, embedding_dim, hidden_dim)
    for name, parameter in oracle.state_dict().items():
        own[name] = _checked(path, name, own[name], tuple(parameter.shape))
    oracle.load_state_dict({name: torch.from_numpy(array) for name, array in own.items()})
    return oracle


def released_arrays(oracle: LSTMGenerator) -> dict[str, Float[np.ndarray, "*shape"]]:
    """Return the parameters of a one-layer oracle in the layout of :data:`ARRAYS`."""
    arrays = {"emb": oracle.embedding}
    parts = zip(
        oracle.input_weights[0].chunk(4),
        oracle.recurrent_weights[0].chunk(4),
        oracle.biases[0].chunk(4),
        strict=True,
    )
    for gate, (inward, recurrent, bias) in zip(GATES, parts, strict=True):
        arrays |= {f"W{gate}": inward.T, f"U{gate}": recurrent.T, f"b{gate}": bias}
    arrays |= {"Wo": oracle.output_layer()[0].T, "bo": oracle.output_bias}
    return {name: arrays[name].detach().contiguous().numpy() for name in ARRAYS}


def _read(path: Path, most: int) -> Mapping[str, np.ndarray]:
    """Return all arrays of a file, which may have ``most`` bytes, packed and unpacked."""
    try:
        if path.suffix in (".safetensors", ".npz") and (size := path.stat().st_size) > most:
            raise ValueError(f"it has {size:,} bytes, and an oracle of this size less")
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with zipfile.ZipFile(path) as archive:
                return dict(_unpacked(archive, most))
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except Exception as error:  # parsers of damaged files fail in ways that no list exhausts
        reason = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as an oracle: {reason}") from None
    raise UserError(f"{path}: an oracle is an .npz or .safetensors file; convert it to one of them")


def _unpacked(archive: zipfile.ZipFile, most: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays of an .npz archive by name, none larger than it may be.

    Nothing is extracted, and a member is unpacked only as far as its header says: a small archive
    can hold gigabytes.
    """
    names: set[str] = set()
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in names:
            raise ValueError(f"it holds {name} twice")
        names.add(name)
        with archive.open(info) as member:
            header = read_header(member)
            most -= header.num_bytes
            if most < 0:
                raise ValueError(f"{name} of shape {header.shape} is too large for this oracle")
            yield name, read_body(member, header)


def _from_released(
    path: Path, found: Mapping[str, np.ndarray], vocab: int, embedding: int, hidden: int
) -> dict[str, np.ndarray]:
    numbered = {f"arr_{i}" for i in range(len(ARRAYS))}
    if found.keys() == numbered:
        found = {name: found[f"arr_{i}"] for i, name in enumerate(ARRAYS)}
    if differing := set(ARRAYS) ^ found.keys():
        raise UserError(
            f"{path} must hold the {len(ARRAYS)} arrays {', '.join(ARRAYS)}; missing or unknown: "
            f"{', '.join(sorted(differing))}"
        )
    parts = {}
    for name in ARRAYS:
        shape = {"e": (vocab, embedding), "W": (embedding, hidden), "U": (hidden, hidden)}
        expected = shape.get(name[0], (hidden,))
        expected = {"Wo": (hidden, vocab), "bo": (vocab,)}.get(name, expected)
        parts[name] = _checked(path, name, found[name], expected)

    def stacked(kind: str) -> np.ndarray:
        return np.ascontiguousarray(np.concatenate([parts[f"{kind}{gate}"].T for gate in GATES]))

    return {
        "embedding": parts["emb"],
        "input_weights.0": stacked("W"),
        "recurrent_weights.0": stacked("U"),
        "biases.0": stacked("b"),
        "output_weights": np.ascontiguousarray(parts["Wo"].T),
        "output_bias": parts["bo"],
    }


def _checked(path: Path, name: str, array: np.ndarray, expected: tuple[int, ...]) -> np.ndarray:
    """Return an array in single precision, in which all its numbers must be finite."""
    if array.shape != expected:
        raise UserError(
            f"{path}: {name} must have the shape {expected} for these `vocab_size`, "
            f"`embedding_dim` and `hidden_dim`, but has {array.shape}"
        )
    if np.issubdtype(array.dtype, np.floating):
        with np.errstate(over="ignore"):
            single = np.ascontiguousarray(array, dtype=np.float32)
        if np.isfinite(single).all():
            return single.copy()  # apart from the file, and writable
    raise UserError(f"{path}: {name} must hold finite numbers")
