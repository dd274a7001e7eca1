"""Checkpoints of networks: what is said of them, and weights that are known to fit."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch

from seqgan.corpus.dataset import read_alphabet, write_alphabet
from seqgan.errors import UserError
from seqgan.records import read_json, readable_json, write_atomically
from seqgan.tokens import Alphabet

Settings = Mapping[str, Any]
Module = TypeVar("Module", bound=torch.nn.Module)


def save_model(folder: Path, settings: Settings, alphabet: Alphabet, length: int) -> None:
    """Write what a network was built from: its section, the alphabet, the length of a row."""
    write_atomically(
        folder / "model.json", readable_json({"settings": dict(settings), "length": length})
    )
    write_alphabet(folder / "alphabet.json", alphabet)


def read_model(folder: Path, table: Mapping[str, Any]) -> tuple[Settings, Alphabet]:
    """Return what a network was built from, and its alphabet.

    Raises :class:`UserError` if its kind is not in ``table``, or if it describes no model.
    """
    model = read_json(folder / "model.json")
    with described(folder):
        settings = model["settings"]
        if settings["kind"] not in table:
            raise UserError(f"{folder} holds {settings['kind']}, not one of {list(table)}")
        for name, value in {"length": model["length"], **settings}.items():
            if name != "kind" and not VALID.get(name, _is_unknown)(value):
                raise ValueError(f"{name} cannot be {value!r}")
    return model, read_alphabet(folder / "alphabet.json")


def _is_size(value: Any) -> bool:
    return type(value) is int and 1 <= value < 2**31


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_size, value))


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 2**31


def _is_unknown(_: Any) -> bool:
    return False


VALID: Mapping[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("length", "embedding_dim", "hidden_dim", "feedforward_dim"), _is_size),
    **dict.fromkeys(("widths", "num_filters"), _are_sizes),
    **dict.fromkeys(("std", "dropout", "l2"), _is_number),
    "tied": lambda value: isinstance(value, bool),
    "num_layers": lambda value: _is_size(value) and value <= 100,
    "num_heads": lambda value: _is_size(value) and value <= 1000,
    "positions": lambda value: value in ("rotary", "learned"),
    "pooling": lambda value: value in ("last", "max", "mean"),
}
"""What ``model.json`` may say. The configuration says it better, but a stage does not know it."""


@contextmanager
def described(folder: Path) -> Iterator[None]:
    """Turn what goes wrong with the content of ``model.json`` into a line for the user."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}/model.json does not describe a model: {reason}") from None


@contextmanager
def fitting(folder: Path) -> Iterator[None]:
    """Turn what does not fit to ``model.json`` into a line for the user."""
    try:
        yield
    except (RuntimeError, TypeError, KeyError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{folder}: weights and model.json do not fit together: {reason}") from None


def filled(build: Callable[[], Module], weights: Any, folder: Path) -> Module:
    """Return a network with its weights, after their names and shapes were found to be its own.

    First it is built without memory: a few digits in ``model.json`` can ask for any amount, the
    weights never for more than their file holds.
    """
    with described(folder), torch.device("meta"):
        shapes = dict(build().named_parameters())
    with fitting(folder):
        _check_alike(weights, shapes)
        module = build()
        module.load_state_dict(weights)
        return module


def part(tree: Any, *names: str) -> dict[Any, Any]:
    """Return the dict below some names; raise ``ValueError`` if there is none."""
    for name in names:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if not isinstance(tree, dict):
        raise ValueError(f"there is no {names[-1]}")
    return tree


def check_moments(learned: dict[Any, Any], optimizer: torch.optim.Optimizer) -> None:
    """Raise ``ValueError`` unless each weight has what Adam remembers of it, or none has."""
    parameters = [weight for group in optimizer.param_groups for weight in group["params"]]
    if learned == {}:
        return
    if learned.keys() != set(range(len(parameters))):
        raise ValueError("the optimizer remembers other weights")
    for i, weight in enumerate(parameters):
        _check_alike(
            learned[i], {"step": torch.tensor(0.0), "exp_avg": weight, "exp_avg_sq": weight}
        )


def _check_alike(found: Any, expected: Mapping[str, torch.Tensor]) -> None:
    """Raise ``ValueError`` unless two mappings hold tensors of the same shapes, found finite."""
    if not isinstance(found, dict) or found.keys() != expected.keys():
        names = sorted(map(str, found)) if isinstance(found, dict) else type(found).__name__
        raise ValueError(f"expected {sorted(expected)}, but found {names}")
    for name, tensor in found.items():
        if not isinstance(tensor, torch.Tensor) or tensor.shape != expected[name].shape:
            shape = tuple(getattr(tensor, "shape", ()))
            raise ValueError(f"{name} must be {tuple(expected[name].shape)}, but is {shape}")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise ValueError(f"{name} must hold finite numbers")
