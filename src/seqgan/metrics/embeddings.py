"""What every metric on sentence embeddings asks of its two sets."""

import numpy as np
from jaxtyping import Float, Int

from seqgan.metrics.score import sign

Embeddings = Float[np.ndarray, "sentences dim"]
References = Float[np.ndarray, "references dim"]


def check_sizes(metric: str, samples: Embeddings, references: References, *, at_least: int) -> None:
    """Raise ``ValueError`` if a set has too few sentences for a metric, or is not finite."""
    for side, rows in (("samples", samples), ("references", references)):
        if len(rows) < at_least:
            raise ValueError(
                f"{metric} needs at least {at_least} sentences on each side, but the {side} "
                f"are {len(rows)}"
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"{metric}: an embedding of the {side} is not finite")


def sign_sets(samples: Embeddings, references: References, **settings: object) -> str:
    """Return a signature that begins with the size of both sets; settings follow."""
    return sign(samples=len(samples), references=len(references), **settings)


def canonical_order(rows: Embeddings) -> Int[np.ndarray, " sentences"]:
    """Return the order that sorts rows by their first entry, ties by the next, and so on.

    A metric that draws rows at random sorts them first, so that its value depends on the set and
    not on the order in which the set was written.
    """
    return np.lexsort(rows.T[::-1])
