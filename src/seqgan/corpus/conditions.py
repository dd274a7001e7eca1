"""What sampled sentences are asked to follow, from what a user types to tokens."""

import torch
from jaxtyping import Int
from torch import Tensor

from seqgan.corpus.vocabulary import Vocabulary
from seqgan.errors import UserError
from seqgan.tokens import PAD


def begin_with(
    prompt: str | None, label: str | None, vocabulary: Vocabulary | None, length: int
) -> Int[Tensor, "conditions time"] | None:
    """Return what sentences follow, padded: conditions, or the first words of the sentence itself.

    Args:
        prompt: What sentences answer; where no prompts were seen in training, begin with.
        label: Their class; all labels where none is given and the vocabulary has some.
        vocabulary: That of the generator.
        length: Tokens of a row.

    Raises :class:`UserError` for what the generator does not know.
    """
    if vocabulary is None:
        if prompt is not None or label is not None:
            raise UserError(
                "--prompt and --label need words, but this generator has none: only ids"
            )
        return None
    if label is not None and label not in vocabulary.labels:
        known = ", ".join(vocabulary.labels) or "none: it was trained without"
        raise UserError(f"--label {label!r} is not one of the generator's labels ({known})")
    words = [] if prompt is None else vocabulary.tokenizer.split(prompt)
    rows = _ROWS[vocabulary.condition](words, label, vocabulary)
    if longest := max(map(len, rows), default=0):
        if longest >= length:
            raise UserError(
                f"--prompt has {len(words)} tokens, but rows have {length} with the sentence; "
                "shorten it"
            )
        given = torch.full((len(rows), length), PAD)
        for i, row in enumerate(rows):
            given[i, : len(row)] = torch.tensor(row)
        return given
    return None


def _no_condition(words: list[str], _: str | None, vocabulary: Vocabulary) -> list[list[int]]:
    ids = vocabulary.ids(words)
    unknown = [word for word, i in zip(words, ids, strict=True) if i < vocabulary.first_word]
    if unknown and not vocabulary.emit_unknown:
        raise UserError(f"--prompt has a word that the generator never saw: {unknown[0]}")
    return [ids]


def _label(words: list[str], label: str | None, vocabulary: Vocabulary) -> list[list[int]]:
    first = _no_condition(words, label, vocabulary)[0]
    labels = vocabulary.labels if label is None else (label,)
    return [vocabulary.encode_label(each) + first for each in labels]


def _prompt(words: list[str], _: str | None, vocabulary: Vocabulary) -> list[list[int]]:
    if not words:
        raise UserError('this generator answers prompts; give one: --prompt "…"')
    return [vocabulary.encode_prompt(words)]


_ROWS = {"none": _no_condition, "label": _label, "prompt": _prompt}
