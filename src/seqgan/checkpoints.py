"""Trees of tensors and plain values in safetensors files, and the folder that a run resumes from.

No pickle is written or read: tensors are safetensors, everything else is JSON in its header.
"""

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save as serialise

from seqgan.errors import UserError
from seqgan.records import canonical_json, write_atomically

STRUCTURE = "structure"


def save_tree(path: Path, tree: Any) -> bytes:
    """Write nested dicts and lists of tensors and plain values, atomically; return the bytes.

    Equal trees give equal bytes. Keys may be strings or integers.
    """
    tensors: dict[str, torch.Tensor] = {}
    structure = _take_apart(tree, "", tensors)
    header = {STRUCTURE: canonical_json(structure).decode()}
    content = serialise(tensors, metadata=header)
    write_atomically(path, content)
    return content


def load_tree(path: Path) -> Any:
    """Return what :func:`save_tree` wrote; raise :class:`UserError` if the file is damaged."""
    try:
        with safe_open(path, framework="pt") as file:
            structure = json.loads((file.metadata() or {})[STRUCTURE])
            unread = set(file.keys())

            def tensor(name: str) -> torch.Tensor:
                unread.remove(name)  # once each: a short text could else ask for gigabytes
                return file.get_tensor(name)

            tree = _put_together(structure, tensor)
            if unread:
                raise ValueError(f"nothing refers to its tensor {min(unread)}")
            return tree
    except FileNotFoundError:
        raise UserError(f"no such checkpoint: {path}") from None
    except Exception as error:  # parsers of damaged files fail in ways that no list exhausts
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(
            f"{path} is not a checkpoint of this program, or damaged: {reason}"
        ) from None


def _take_apart(node: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(node, torch.Tensor):
        while name in tensors:  # the keys "a/b" and "a", "b" spell the same name
            name += "'"
        tensors[name] = node.detach().contiguous()
        return {"tensor": name}
    if isinstance(node, dict):
        pairs = [[key, _take_apart(value, f"{name}/{key}", tensors)] for key, value in node.items()]
        return {"dict": pairs}
    if isinstance(node, (list, tuple)):
        return {"list": [_take_apart(each, f"{name}/{i}", tensors) for i, each in enumerate(node)]}
    if isinstance(node, float):
        return {"float": node.hex()}  # exact, and able to say infinity
    return {"value": node}


def _put_together(node: Any, tensor: Callable[[str], torch.Tensor]) -> Any:
    ((kind, content),) = node.items()
    if kind == "tensor":
        return tensor(content)
    if kind == "dict":
        return {key: _put_together(value, tensor) for key, value in content}
    if kind == "list":
        return [_put_together(each, tensor) for each in content]
    if kind == "float":
        return float.fromhex(content)
    if kind == "value":
        return content
    raise ValueError(f"it holds a {kind!r}")


class ResumeFolder:
    """Where a stage keeps its state while it runs: the two newest states, with their checksums.

    The folder is keyed by everything that decides the result, so a state can only ever be
    continued by the run that it belongs to. It is no output of the workflow, which deletes those
    before each attempt. One process at a time may use the folder of a job: see ``locks``.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, state: Any) -> Path:
        """Keep a state beside the one before it, and return its place; older ones go."""
        states = self._states()
        number = 1 + int(states[-1].stem.removeprefix("state-")) if states else 1
        path = self.folder / f"state-{number:09d}.safetensors"
        checksum = hashlib.sha256(save_tree(path, state)).hexdigest()
        write_atomically(path.with_suffix(".sha256"), checksum.encode())
        for old in states[:-1]:
            old.unlink(missing_ok=True)
            old.with_suffix(".sha256").unlink(missing_ok=True)
        return path

    def others(self) -> list[Path]:
        """Return the folders that the same job left under other keys."""
        return [
            each for each in self.folder.parent.iterdir() if each.is_dir() and each != self.folder
        ]

    def sweep(self) -> None:
        """Remove what processes that were killed while they saved a state left half-written."""
        for partial in self.folder.glob(".state-*"):
            partial.unlink(missing_ok=True)

    def latest(self, say: Callable[[str], None]) -> Any | None:
        """Return the newest undamaged state, or ``None``; of a damaged one it is said."""
        for path in reversed(self._states()):
            checksum = path.with_suffix(".sha256")
            content = path.read_bytes()
            found = hashlib.sha256(content).hexdigest()
            if checksum.is_file() and checksum.read_bytes() == found.encode():
                with contextlib.suppress(UserError):
                    return load_tree(path)
            say(f"passes over {path}, which is damaged or was not finished")
        return None

    def discard(self) -> None:
        """Remove the folder, and those under other keys: the result is in place."""
        for folder in (self.folder, *self.others()):
            shutil.rmtree(folder, ignore_errors=True)

    def _states(self) -> list[Path]:
        return sorted(self.folder.glob("state-*.safetensors"))


def resume_key(*parts: Any) -> str:
    """Return the name of the folder for a run decided by ``parts``."""
    return hashlib.sha256(canonical_json(parts)).hexdigest()[:20]
