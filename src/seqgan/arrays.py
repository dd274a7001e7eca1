"""Arrays in NumPy's file format, of which nothing is believed before it is checked."""

import math
import warnings
from dataclasses import dataclass
from typing import IO
from zipfile import ZipExtFile

import numpy as np
from jaxtyping import Shaped

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
