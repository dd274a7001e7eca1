"""The token contract that every module shares.

A batch of sentences is ``tokens: Int[Tensor, "batch time"]`` with these promises:

* Ids ``0 .. vocab_size - 1`` are tokens; ``PAD`` (-1) fills a row after the end of its sentence
  and appears nowhere else.
* The end token, where the alphabet has one, appears at most once, and only ``PAD`` follows it.
  A sentence without one fills its row.
* The start token is never stored: generators prepend it themselves. It may be an id of its own
  (text) or an ordinary id that sentences may contain too (the oracle world of the paper).
* A sentence may follow a condition, such as a label or a prompt. The separator, where the alphabet
  has one, then stands once in every row and ends the condition, which is given: nobody samples or
  scores it. Ids that are never emitted may appear there.
* ``is_real`` and ``is_chosen`` are the only masks in this project; ``True`` means "counts".
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

PAD = -1
# Tokens that are checked at once: memory does not grow with the corpus.
CHUNK_TOKENS = 2**20


def is_real(tokens: Int[Tensor, "*batch time"]) -> Bool[Tensor, "*batch time"]:
    """Mark every token that belongs to its sentence, the end token and its condition included."""
    return tokens != PAD


def is_chosen(
    tokens: Int[Tensor, "*batch time"], alphabet: "Alphabet"
) -> Bool[Tensor, "*batch time"]:
    """Mark every token that a generator answers for: all real ones after the condition."""
    real = is_real(tokens)
    if alphabet.separator is None:
        return real
    separated = (tokens == alphabet.separator).cumsum(dim=-1) > 0
    return real & F.pad(separated[..., :-1], (1, 0), value=False)


def conditions(
    tokens: Int[Tensor, "batch time"], alphabet: "Alphabet"
) -> Int[Tensor, "batch time"] | None:
    """Return what sentences follow, with padding in place of the sentences, if anything."""
    if alphabet.separator is None:
        return None
    return torch.where(is_chosen(tokens, alphabet), PAD, tokens)


def cycled(tokens: Int[Tensor, "_ time"], count: int) -> Int[Tensor, "count time"]:
    """Return so many sentences, from the first one again where there are fewer."""
    if count <= len(tokens):
        return tokens[:count]
    return tokens[torch.arange(count, device=tokens.device) % len(tokens)]


def without_condition(
    tokens: Int[Tensor, "batch time"], alphabet: "Alphabet"
) -> Int[Tensor, "batch time"]:
    """Return the sentences without their conditions, moved to the beginning of their rows."""
    if alphabet.separator is None:
        return tokens
    chosen = is_chosen(tokens, alphabet)
    first = (~chosen).int().argsort(dim=1, stable=True)
    return torch.where(chosen, tokens, PAD).gather(1, first)


@dataclass(frozen=True)
class Alphabet:
    """Which token ids exist, which one starts, which one ends, which ones are never emitted.

    Attributes:
        vocab_size: Number of ids; they run from 0 to ``vocab_size - 1``.
        start: Id that a generator reads before the first token.
        end: Id that ends a sentence, or ``None`` where every sentence has the full length.
        never_emitted: Ids that no sentence contains; generators give them probability zero.
        separator: Id that ends the condition of every row, one of those that are never emitted,
            or ``None`` where sentences follow no condition.
    """

    vocab_size: int
    start: int = 0
    end: int | None = None
    never_emitted: tuple[int, ...] = ()
    separator: int | None = None

    def __post_init__(self) -> None:
        special = {"start": self.start, "end": self.end}
        for name, token in special.items():
            if token is not None and not 0 <= token < self.vocab_size:
                raise ValueError(
                    f"the {name} token must be an id below {self.vocab_size}, but is {token}"
                )
        if not all(0 <= token < self.vocab_size for token in self.never_emitted):
            raise ValueError(f"ids that are never emitted must be below {self.vocab_size}")
        if self.end in self.never_emitted:
            raise ValueError(f"the end token {self.end} must be one that sentences may contain")
        if self.separator is not None and self.separator not in self.never_emitted:
            raise ValueError(f"the separator {self.separator} must be an id that is never emitted")


def check_tokens(tokens: Int[Tensor, "batch time"], alphabet: Alphabet) -> None:
    """Raise ``ValueError`` with the first row that breaks the token contract."""
    rows = max(1, CHUNK_TOKENS // max(tokens.shape[1], 1))
    found = [
        (order, start + int(where.any(dim=1).nonzero()[0]), what)
        for start in range(0, len(tokens), rows)
        for order, (what, where) in enumerate(
            _broken(tokens[start : start + rows].long(), alphabet).items()
        )
        if where.any()
    ]
    if found:
        _, row, what = min(found)
        raise ValueError(f"sentence {row} contains {what}: {tokens[row].tolist()}")


def _broken(
    tokens: Int[Tensor, "batch time"], alphabet: Alphabet
) -> dict[str, Bool[Tensor, "batch _"]]:
    """Return where tokens break the contract, by what they do; what weighs most comes first."""
    real = is_real(tokens)
    broken = {
        "an id outside the vocabulary": (tokens < PAD) | (tokens >= alphabet.vocab_size),
        "padding before a token": ~real[:, :-1] & real[:, 1:],
    }
    chosen = is_chosen(tokens, alphabet)
    if alphabet.separator is not None:
        separators = (tokens == alphabet.separator).sum(dim=1, keepdim=True)
        broken["no condition, or several"] = separators != 1
        broken["no sentence after its condition"] = ~chosen.any(dim=1, keepdim=True)
    if alphabet.never_emitted:
        never = torch.tensor(alphabet.never_emitted, device=tokens.device)
        broken["an id that no sentence may contain"] = torch.isin(tokens, never) & chosen
    if alphabet.end is None:
        broken["padding, though its alphabet has no end token"] = ~real
    else:
        ended = tokens[:, :-1] == alphabet.end
        broken["a token after the end"] = ended & real[:, 1:]
        broken["no token"] = ~real[:, :1]
        broken["padding, though it has not ended"] = real[:, :-1] & ~ended & ~real[:, 1:]
    return broken
