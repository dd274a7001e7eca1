"""The oracle: a fixed LSTM that makes real sentences and knows the likelihood of any sentence."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.numpy import load_file

from seqgan.errors import UserError
from seqgan.generators import LSTMGenerator
from seqgan.randomness import derive_seed
from seqgan.tokens import Alphabet

ARRAYS = (
    "emb", "Wi", "Ui", "bi", "Wf", "Uf", "bf", "Wog", "Uog", "bog", "Wc", "Uc", "bc", "Wo", "bo",
)  # fmt: skip
"""The parameters of the paper's oracle in the order of its released file: embeddings; input weights
W, recurrent weights U and bias b of the gates input, forget, output and of the candidate; output
layer. Each acts from the right: ``x @ W + h @ U + b``."""


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
    found = _read(path)
    oracle = random_oracle(
        vocab_size=vocab_size, embedding_dim=embedding_dim, hidden_dim=hidden_dim, std=1.0, seed=0
    )
    own = {name.removeprefix("/"): array for name, array in found.items()}
    if own.keys() != oracle.state_dict().keys():
        own = _from_released(path, found, vocab_size, embedding_dim, hidden_dim)
    for name, parameter in oracle.state_dict().items():
        _check_shape(path, name, own[name], tuple(parameter.shape))
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
    for gate, (inward, recurrent, bias) in zip(("i", "f", "og", "c"), parts, strict=True):
        arrays |= {f"W{gate}": inward.T, f"U{gate}": recurrent.T, f"b{gate}": bias}
    arrays |= {"Wo": oracle.output_weights.T, "bo": oracle.output_bias}
    return {name: arrays[name].detach().contiguous().numpy() for name in ARRAYS}


def _read(path: Path) -> Mapping[str, np.ndarray]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if path.suffix == ".npz":
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise UserError(f"no such file: {path}") from None
    except (SafetensorError, ValueError, OSError, EOFError, KeyError) as error:
        raise UserError(f"{path} cannot be read as an oracle: {error}") from None
    except Exception as error:  # zipfile has errors of its own
        raise UserError(f"{path} is not an .npz archive: {error}") from None
    raise UserError(f"{path}: an oracle is an .npz or .safetensors file; convert it to one of them")


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
    for name in ARRAYS:
        shape = {"e": (vocab, embedding), "W": (embedding, hidden), "U": (hidden, hidden)}
        expected = shape.get(name[0], (hidden,))
        expected = {"Wo": (hidden, vocab), "bo": (vocab,)}.get(name, expected)
        _check_shape(path, name, found[name], expected)
    gates = ("i", "f", "og", "c")

    def stacked(kind: str) -> np.ndarray:
        return np.ascontiguousarray(
            np.concatenate([found[f"{kind}{gate}"].T for gate in gates]), dtype=np.float32
        )

    return {
        "embedding": np.asarray(found["emb"], dtype=np.float32),
        "input_weights.0": stacked("W"),
        "recurrent_weights.0": stacked("U"),
        "biases.0": stacked("b"),
        "output_weights": np.ascontiguousarray(found["Wo"].T, dtype=np.float32),
        "output_bias": np.asarray(found["bo"], dtype=np.float32),
    }


def _check_shape(path: Path, name: str, array: np.ndarray, expected: tuple[int, ...]) -> None:
    if array.shape != expected:
        raise UserError(
            f"{path}: {name} must have the shape {expected} for these `vocab_size`, "
            f"`embedding_dim` and `hidden_dim`, but has {array.shape}"
        )
    if not np.issubdtype(array.dtype, np.floating) or not np.isfinite(array).all():
        raise UserError(f"{path}: {name} must hold finite numbers")
