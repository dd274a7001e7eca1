"""Named, seeded streams of randomness, and the switch to deterministic arithmetic."""

import hashlib
from collections.abc import Iterable

import torch
from jaxtyping import UInt8
from torch import Tensor


def derive_seed(seed: int, *path: str) -> int:
    """Return a seed that depends on ``seed`` and ``path`` alone.

    A stream keeps its values when another stream, method or seed is added or consumed in another
    order, which one global seed cannot promise.
    """
    digest = hashlib.blake2b("/".join([str(seed), *path]).encode(), digest_size=8)
    return int.from_bytes(digest.digest(), "big") % 2**63


class RandomStreams:
    """Independent random number generators, one per purpose, on one device.

    Attributes:
        device: The device, on which the numbers appear.
    """

    def __init__(
        self,
        seed: int,
        *scope: str,
        names: Iterable[str],
        device: torch.device | str = "cpu",
    ) -> None:
        self.device = torch.device(device)
        self._streams = {
            name: torch.Generator(device).manual_seed(derive_seed(seed, *scope, name))
            for name in names
        }

    def __getitem__(self, name: str) -> torch.Generator:
        return self._streams[name]

    def state_dict(self) -> dict[str, UInt8[Tensor, " state"]]:
        """Return the state of every stream."""
        return {name: rng.get_state() for name, rng in self._streams.items()}

    def load_state_dict(self, state: dict[str, UInt8[Tensor, " state"]]) -> None:
        """Restore what :meth:`state_dict` returned; raise ``ValueError`` if the names differ."""
        if differing := self._streams.keys() ^ state.keys():
            raise ValueError(
                f"random streams differ between run and checkpoint: {sorted(differing)}"
            )
        for name, rng in self._streams.items():
            rng.set_state(state[name].cpu())


PRECISIONS = {"float32": "highest", "tf32": "high", "bfloat16": "medium"}
"""What PyTorch calls the precision of matrix products of float32."""


def make_deterministic(num_threads: int, precision: str = "float32") -> None:
    """Fix what could make two runs of one seed differ on one machine, as far as PyTorch can.

    Sums depend on how they are split, so the number of threads is part of a result's signature.

    Args:
        num_threads: Threads that PyTorch may use.
        precision: One of :data:`PRECISIONS`.
    """
    torch.set_num_threads(num_threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.set_float32_matmul_precision(PRECISIONS[precision])
    # Convolutions and the LSTM of a GPU have a switch of their own, which is on by default.
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    torch.backends.cudnn.benchmark = False
