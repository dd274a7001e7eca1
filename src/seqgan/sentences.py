"""The scores of single sentences, kept in full precision for tests and plots of one's own."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Int

from seqgan.errors import UserError
from seqgan.metrics.score import Parts, Score
from seqgan.records import write_atomically

OF: tuple[Literal["samples", "test"], ...] = ("samples", "test")
TOKENS = "tokens"
"""Column of the weights of scores per token."""


def write_sentences(folder: Path, scores: Sequence[Score]) -> None:
    """Write ``samples.parquet`` and ``test.parquet``: a row a sentence, a column a score.

    A score is the mean of its column, or, where it is per token, the sum of its column divided by
    that of the column ``tokens``, or of one of its own where it counts others. Sentences that a
    score leaves out are the last, and have no value.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for of in OF:
        columns: dict[str, Float[np.ndarray, " some"] | Int[np.ndarray, " some"]] = {}
        for score in scores:
            if score.parts is not None and score.parts.of == of:
                columns[score.name] = score.parts.values
                if (weights := score.parts.weights) is not None:
                    usual = columns.setdefault(TOKENS, weights)
                    if not np.array_equal(usual[: len(weights)], weights):
                        columns[f"{TOKENS}_{score.name}"] = weights
        rows = max((len(values) for values in columns.values()), default=0)
        table = pa.table(
            {
                name: pa.array(np.pad(values.astype(float), (0, rows - len(values))), mask=missing)
                for name, values in columns.items()
                for missing in [np.arange(rows) >= len(values)]
            }
        )
        file = pa.BufferOutputStream()
        pq.write_table(table, file, compression="zstd")
        write_atomically(folder / f"{of}.parquet", file.getvalue().to_pybytes())


def read_parts(folder: Path, per: Mapping[str, tuple[str, str]]) -> dict[str, Parts]:
    """Return the parts of scores.

    Args:
        folder: What :func:`write_sentences` wrote.
        per: For every score ``of`` and ``per`` of its JSON.

    Raises :class:`UserError` if a file is missing or damaged.
    """
    found = {}
    for of in OF:
        path = folder / f"{of}.parquet"
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"{path} cannot be read ({reason}); run snakemake again") from None
        try:
            columns = {
                name: table[name].drop_null().to_numpy().astype(float)
                for name in table.column_names
            }
            wanted = [name for name, (source, _) in per.items() if source == of]
            if missing := [name for name in wanted if not len(columns.get(name, ()))]:
                raise ValueError(f"it has no {missing[0]}")
            if TOKENS not in columns and any(per[name][1] == "token" for name in wanted):
                raise ValueError(f"it has no {TOKENS}")
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} cannot be read ({error}); run snakemake again") from None
        for name, (source, unit) in per.items():
            if source == of and name in columns:
                values, weights = columns[name], None
                if unit == "token":
                    counted = columns.get(f"{TOKENS}_{name}", columns[TOKENS])
                    weights = counted[: len(values)].astype(np.int64)
                found[name] = Parts(of, values, weights)
    return found
