"""The metrics of validity of each domain, by name."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from seqgan.corpus.grammars import GRAMMARS
from seqgan.errors import UserError
from seqgan.metrics.score import Score
from seqgan.metrics.validity.abc_music import abc_validity
from seqgan.metrics.validity.languages import membership
from seqgan.metrics.validity.python_code import python_validity
from seqgan.metrics.validity.quatrains import quatrain_rhyme, quatrain_validity

Judge = Callable[..., list[Score]]
"""Takes sentences as text and settings that its signatures name.

Raises ``ValueError``, with the reason, where it has no score.
"""

VALIDITY: Mapping[str, tuple[Judge, ...]] = MappingProxyType(
    {
        "python": (python_validity,),
        **{name: (partial(membership, language=name),) for name in GRAMMARS},
        "abc": (abc_validity,),
        "quatrain": (quatrain_validity, quatrain_rhyme),
    }
)
"""What sentences of each domain are judged by."""


class Validity:
    """Whether sentences belong to a domain.

    Args:
        domain: A name of :data:`VALIDITY`.
        settings: What every signature names besides, such as the tokenizer.

    Attributes:
        left_out: Why scores are missing, each reason once; known after the first call.

    Raises:
        UserError: For an unknown domain.
    """

    def __init__(self, domain: str, **settings: object) -> None:
        if domain not in VALIDITY:
            raise UserError(
                f"no validity is known of {domain!r}; there is that of {', '.join(VALIDITY)}"
            )
        self._judges, self._settings = VALIDITY[domain], settings
        self.left_out: list[str] = []

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        """Return every score that there is of sentences; ``left_out`` says which are missing."""
        scores: list[Score] = []
        for judge in self._judges:
            try:
                scores += judge(texts, **self._settings)
            except ValueError as error:
                if str(error) not in self.left_out:
                    self.left_out.append(str(error))
        return scores
