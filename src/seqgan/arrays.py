"""Arrays in NumPy's file format: written row by row, and not believed before they are checked."""

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, final
from zipfile import ZipExtFile

import numpy as np
from jaxtyping import Int, Shaped

NUMBERS = "biufc"
"""Kinds of dtypes whose bytes are their values; an object array would be a pickle."""
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


@dataclass(frozen=True)
class Header:
    """What a file says of the array behind it."""

    shape: tuple[int, ...]
    by_columns: bool
    dtype: np.dtype

    @property
    def num_bytes(self) -> int:
        """Bytes of the array; a file can claim any number of them."""
        return math.prod(self.shape) * self.dtype.itemsize


def read_header(file: IO[bytes] | ZipExtFile) -> Header:
    """Return the header at the start of a file; raise ``ValueError`` if it is none of numbers."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a Python 2 that wrote the file
            header = Header(*HEADERS[np.lib.format.read_magic(file)](file))
    except Exception as error:  # it is read as Python source, and fails in as many ways
        reason = " ".join(str(error).split())
        raise ValueError(f"no header of an array: {type(error).__name__}: {reason}") from None
    if header.dtype.kind not in NUMBERS:
        raise ValueError(f"it holds {header.dtype}, which is no number; no pickle is opened")
    if any(isinstance(size, bool) or size < 0 for size in header.shape):
        raise ValueError(f"there is no shape {header.shape}")
    return header


def read_body(file: IO[bytes] | ZipExtFile, header: Header) -> Shaped[np.ndarray, "*shape"]:
    """Return the array behind a header; raise ``ValueError`` if the file is shorter or longer.

    The caller has seen to it that ``header.num_bytes`` is not more than it wants to hold.
    """
    content = file.read(header.num_bytes)
    if len(content) != header.num_bytes or file.read(1):
        raise ValueError(f"{header.dtype} of shape {header.shape} is not what follows")
    flat = np.frombuffer(content, header.dtype)
    try:
        return flat.reshape(header.shape, order="F" if header.by_columns else "C")
    except (ValueError, OverflowError) as error:  # an empty array of astronomic width
        raise ValueError(f"there is no shape {header.shape}: {error}") from None


@final
class RowWriter:
    """A table of 32-bit integers that grows by rows, with the bytes that ``np.save`` would write.

    The header has room for any number of rows; it tells the true one once the file is closed.
    """

    def __init__(self, path: Path, width: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # whoever has mapped what was there keeps it
        self.rows, self._width = 0, width
        self._file = open(path, "wb")  # noqa: SIM115
        self._write_header()

    def append(self, rows: Int[np.ndarray, "rows width"]) -> None:
        """Write more rows."""
        self._file.write(np.ascontiguousarray(rows, np.int32).data)
        self.rows += len(rows)

    def _write_header(self) -> None:
        header = np.lib.format.header_data_from_array_1_0(np.empty((0, 0), np.int32))
        np.lib.format.write_array_header_1_0(
            self._file, header | {"shape": (self.rows, self._width)}
        )

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: Any) -> None:
        with self._file:
            self._file.seek(0)
            self._write_header()
