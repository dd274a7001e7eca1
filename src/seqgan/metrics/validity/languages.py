"""Whether sentences are those of a formal language."""

from collections.abc import Sequence

import numpy as np

from seqgan.corpus.grammars import is_member
from seqgan.metrics.score import Score, mean_score, sign


def membership(texts: Sequence[str], language: str, **settings: object) -> list[Score]:
    """Return the share of sentences that belong to a formal language; in [0, 1].

    Tokens of these languages are single signs, so spaces between them do not matter.

    Args:
        texts: Sentences as text.
        language: A name of :data:`seqgan.corpus.grammars.GRAMMARS`.
        settings: What else the signature names.

    Raises:
        ValueError: Without a sentence.
        UserError: For an unknown language.
    """
    if not texts:
        raise ValueError("membership needs at least one sentence")
    members = [is_member(language, list("".join(text.split()))) for text in texts]
    values = np.array(members, dtype=np.float64)
    signature = sign(samples=len(texts), language=language, **settings)
    return [mean_score("membership", values, signature, "samples")]
