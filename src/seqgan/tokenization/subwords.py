"""Pieces of words, learned from the training set."""

import functools
import hashlib
import math
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from io import BytesIO
from itertools import pairwise
from typing import Any, ClassVar, Literal, final

from seqgan.tokenization.encoding import BYTES, VALUES, decode_bytes, encode_text
from seqgan.tokenization.scripts import MARKS
from seqgan.tokenization.tokenizer import Tokenizer

SPACE = "▁"
"""How a piece shows a space; the sign itself is spelt in bytes."""
# No piece crosses the bounds of these: letters or other signs with the space before them. Then no
# piece looks like the name of a byte, and however long a line is, each part of it is short.
PART = re.compile(rf" ?[\w{MARKS}]{{1,48}}+| ?[^\s\w{MARKS}{SPACE}]{{1,48}}+|.", re.DOTALL)
# What is not learned: white space but for the one space, signs that no sentence shows.
UNLEARNED = re.compile(rf"[^\S ]|[\x00-\x1f\x7f{SPACE}]")
LONGEST_PIECE = 16
COVERAGE = 0.9995
"""Share of the signs of the training set that have a piece of their own."""
REMEMBERED = 200_000
"""Parts of lines whose pieces are kept at hand."""
Algorithm = Literal["bpe", "unigram"]
Scores = Mapping[str, float]


def _merge(part: str, scores: Scores) -> list[str]:
    """Return the pieces of a part: neighbours of the best score become one, leftmost first.

    Byte-pair encoding: Sennrich et al. (2016), https://aclanthology.org/P16-1162/.
    """
    pieces = list(part)
    while True:
        best, place = -math.inf, -1
        for i, (left, right) in enumerate(pairwise(pieces)):
            if (score := scores.get(left + right, -math.inf)) > best:
                best, place = score, i
        if place < 0:
            return pieces
        pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]


def _most_likely(part: str, scores: Scores) -> list[str]:
    """Return the pieces of a part whose log-probabilities have the largest sum, by Viterbi.

    A sign without a piece counts 10 below the least likely piece.
    Unigram language model: Kudo (2018), https://aclanthology.org/P18-1007/.
    """
    unseen = min(scores.values(), default=0.0) - 10
    sums = [0.0]
    begins = [0]
    for end in range(1, len(part) + 1):
        best, begin = sums[end - 1] + scores.get(part[end - 1], unseen), end - 1
        for start in range(max(0, end - LONGEST_PIECE), end - 1):
            score = scores.get(part[start:end])
            if score is not None and sums[start] + score > best:
                best, begin = sums[start] + score, start
        sums.append(best)
        begins.append(begin)
    pieces: list[str] = []
    end = len(part)
    while end:
        pieces.append(part[begins[end] : end])
        end = begins[end]
    return pieces[::-1]


ALGORITHMS: Mapping[str, Callable[[str, Scores], list[str]]] = {
    "bpe": _merge,
    "unigram": _most_likely,
}


@final
@dataclass(frozen=True)
class SubwordTokenizer(Tokenizer):
    """Pieces of words; what none of them covers is spelt in bytes, so that any text is exact.

    Attributes:
        algorithm: Byte-pair encoding or the unigram language model.
        pieces: The pieces, with the order of merging or the log-probabilities as scores.
    """

    unit: ClassVar[str] = "pieces"
    exact: ClassVar[bool] = True
    algorithm: Algorithm
    pieces: tuple[tuple[str, float], ...]
    _known: dict[str, list[str]] = field(
        default_factory=dict, init=False, compare=False, repr=False, hash=False
    )

    @functools.cached_property
    def _scores(self) -> dict[str, float]:
        return dict(self.pieces)

    @property
    def closed(self) -> tuple[str, ...]:
        return (*BYTES, *self._scores)

    def split(self, line: str) -> list[str]:
        known = self._known
        tokens: list[str] = []
        for part in PART.findall(line):
            pieces = known.get(part)
            if pieces is None:
                if len(known) >= REMEMBERED:
                    known.clear()
                pieces = known[part] = self._pieces_of(part)
            tokens += pieces
        return tokens

    def _pieces_of(self, part: str) -> list[str]:
        if UNLEARNED.search(part):
            return encode_text(part)
        tokens: list[str] = []
        for piece in ALGORITHMS[self.algorithm](part.replace(" ", SPACE), self._scores):
            tokens += [piece] if piece in self._scores else encode_text(piece.replace(SPACE, " "))
        return tokens

    def join(self, words: Sequence[str]) -> str:
        return decode_bytes([word.replace(SPACE, " ") for word in words])

    def settings(self) -> dict[str, Any]:
        return {
            "kind": "subword",
            "algorithm": self.algorithm,
            "pieces": [list(piece) for piece in self.pieces],
        }

    def signature(self) -> str:
        digest = hashlib.blake2b(repr(self.pieces).encode(), digest_size=4).hexdigest()
        size = len(BYTES) + len(self.pieces)
        return f"subword,algorithm={self.algorithm},size={size},model={digest}"


def fit_subwords(
    lines: Iterable[str], *, algorithm: Algorithm, vocab_size: int
) -> SubwordTokenizer:
    """Return a tokenizer whose pieces are learned from lines.

    By sentencepiece on one thread, from parts of lines in the order of their letters: the same
    lines give the same pieces on every machine, in whatever order they come. Fewer pieces come out
    where the lines have no more.

    Args:
        lines: Sentences of the training set.
        algorithm: How pieces are learned and lines parted.
        vocab_size: Number of tokens, the 256 bytes among them.
    """
    counts: Counter[str] = Counter()
    for line in lines:
        counts.update(PART.findall(line))
    signs: Counter[str] = Counter()
    for part, count in counts.items():
        for sign in part.replace(" ", SPACE):
            signs[sign] += 0 if sign != SPACE and UNLEARNED.match(sign) else count
    kept = _most_of(signs, at_most=(vocab_size - len(BYTES)) // 2)
    learned: Counter[str] = Counter()
    for part, count in counts.items():
        if not UNLEARNED.search(part):
            for run in _runs(part.replace(" ", SPACE), kept):
                learned[run] += count
    if not learned:
        return SubwordTokenizer(algorithm, ())
    return SubwordTokenizer(algorithm, _train(learned, algorithm, vocab_size))


def _most_of(signs: Mapping[str, int], *, at_most: int) -> set[str]:
    """Return the signs that together make up the share that is covered."""
    wanted = COVERAGE * sum(signs.values())
    kept: set[str] = set()
    for sign in sorted(signs, key=lambda sign: (-signs[sign], sign))[:at_most]:
        if wanted <= 0 or not signs[sign]:
            break
        kept.add(sign)
        wanted -= signs[sign]
    return kept


def _runs(part: str, kept: set[str]) -> list[str]:
    """Return what is left of a part without the signs that have no piece."""
    if kept.issuperset(part):
        return [part]
    return "".join(sign if sign in kept else "\n" for sign in part).split()


def _train(
    learned: Mapping[str, int], algorithm: Algorithm, vocab_size: int
) -> tuple[tuple[str, float], ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = import_module("sentencepiece")
    model = BytesIO()
    package.SentencePieceTrainer.train(
        sentence_iterator=iter([f"{part}\t{learned[part]}" for part in sorted(learned)]),
        input_format="tsv",
        model_writer=model,
        model_type=algorithm,
        vocab_size=vocab_size + 1,  # one for what is unknown: nothing here
        hard_vocab_limit=False,
        byte_fallback=True,
        character_coverage=1.0,
        max_sentencepiece_length=LONGEST_PIECE,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        num_threads=1,  # sums of floats depend on how many there are
        minloglevel=3,
    )
    trained = package.SentencePieceProcessor(model_proto=model.getvalue())
    found = ((trained.id_to_piece(i), trained.get_score(i)) for i in range(1, len(trained)))
    return tuple((piece, score) for piece, score in found if piece not in VALUES)


def read_pieces(pieces: Any) -> tuple[tuple[str, float], ...]:
    """Return pieces that were kept; raise ``ValueError`` where they are damaged."""
    if not isinstance(pieces, list) or not all(map(_is_piece, pieces)):
        raise ValueError("must be pairs of a piece and a finite number")
    if len({piece for piece, _ in pieces}) < len(pieces):
        raise ValueError("must differ, but a piece appears twice")
    return tuple((piece, float(score)) for piece, score in pieces)


def _is_piece(pair: Any) -> bool:
    if not isinstance(pair, list) or len(pair) != 2:
        return False
    piece, score = pair
    return (
        isinstance(piece, str)
        and 0 < len(piece) <= LONGEST_PIECE
        and piece not in VALUES
        and isinstance(score, int | float)
        and not isinstance(score, bool)
        and abs(score) <= sys.float_info.max  # an integer of JSON may be larger than any float
    )
