"""Formal languages: sentences drawn exactly uniformly, and an independent test of membership.

A language is drawn from by counting: how many sentences of each length there are, and which one
has a given number in a fixed order. Membership is decided by other code, in one pass over the
tokens, so that each can be held against the other.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from seqgan.errors import UserError

Production = tuple[str, ...]
Rules = Mapping[str, tuple[Production, ...]]

DIGITS, VARIABLES, MARK = "0123456789", "xyz", "c"
OPERANDS, OPERATORS, LETTERS = frozenset(DIGITS + VARIABLES), frozenset("+-*/"), frozenset("ab")
PAIRS = {")": "(", "]": "["}


class Counted:
    """A context-free language whose sentences of each length are counted and numbered.

    Args:
        rules: The productions of each symbol; what is no key is a token. The first key is where
            sentences start. Each sentence must have one derivation alone. A production begins with
            a token, or with its own symbol or one further down that is never empty.
        max_length: Number of tokens up to which sentences are counted.
    """

    def __init__(self, rules: Rules, max_length: int) -> None:
        self._rules = rules
        self._start = next(iter(rules))
        tails = {p[i:] for each in rules.values() for p in each for i in range(len(p) + 1)}
        # Ways to derive exactly so many tokens: from a symbol, and from the tail of a production.
        self._of_symbol: dict[str, list[int]] = {symbol: [] for symbol in rules}
        self._of_tail: dict[Production, list[int]] = {t: [] for t in sorted(tails, key=len)}
        for length in range(max_length + 1):
            for symbol in reversed(tuple(rules)):
                ways = sum(self._ways(production, length) for production in rules[symbol])
                self._of_symbol[symbol].append(ways)
            for tail, counts in self._of_tail.items():
                counts.append(self._ways(tail, length))

    def count(self, length: int) -> int:
        """Return how many sentences of so many tokens there are."""
        return self._of_symbol[self._start][length]

    def sentence(self, length: int, number: int) -> list[str]:
        """Return one of them, by its number from 0 on."""
        tokens: list[str] = []
        waiting: list[tuple[str | Production, int, int]] = [(self._start, length, number)]
        while waiting:
            what, size, rank = waiting.pop()
            if isinstance(what, str):
                waiting.append(self._choose(what, size, rank))
            elif what and what[0] not in self._rules:
                tokens.append(what[0])
                waiting.append((what[1:], size - 1, rank))
            elif what:
                first, rest = what[0], what[1:]
                part, rank = self._split(first, rest, size, rank)
                left, right = divmod(rank, self._of_tail[rest][size - part])
                waiting += [(rest, size - part, right), (first, part, left)]
        return tokens

    def _choose(self, symbol: str, size: int, rank: int) -> tuple[Production, int, int]:
        for production in self._rules[symbol]:
            if rank < (here := self._of_tail[production][size]):
                return production, size, rank
            rank -= here
        raise ValueError(f"{symbol} has no sentence of {size} tokens with this number")

    def _split(self, first: str, rest: Production, size: int, rank: int) -> tuple[int, int]:
        """Return how many tokens a symbol takes before others, and the rank among such sentences.

        Raises ``ValueError`` for a number that no sentence has.
        """
        others = self._of_tail[rest]
        for part, alone in enumerate(self._of_symbol[first][: size + 1]):
            if alone and others[size - part]:
                here = alone * others[size - part]
                if rank < here:
                    return part, rank
                rank -= here
        raise ValueError(f"{first} cannot be {size} tokens long with others behind it")

    def _ways(self, tail: Production, length: int) -> int:
        if not tail:
            return int(length == 0)
        first, rest = tail[0], tail[1:]
        if first not in self._rules:
            return self._of_tail[rest][length - 1] if length else 0
        if not rest:
            return self._of_symbol[first][length]
        return sum(
            here * self._of_tail[rest][length - part]
            for part, here in enumerate(self._of_symbol[first])
            if here
        )


class Copies:
    """The language of some letters, a mark and the same letters: not context-free.

    Args:
        max_length: Any; its sentences of every length are known.
    """

    def __init__(self, max_length: int) -> None:
        del max_length

    def count(self, length: int) -> int:
        """Return how many sentences of so many tokens there are."""
        return 2 ** (length // 2) if length % 2 and length > 1 else 0

    def sentence(self, length: int, number: int) -> list[str]:
        """Return one of them, by its number from 0 on."""
        half = ["ab"[number >> place & 1] for place in range(length // 2)]
        return [*half, MARK, *half]


def is_arithmetic(tokens: Sequence[str]) -> bool:
    """Return whether operands and operators alternate and parentheses match."""
    depth, operand = 0, False
    for token in tokens:
        if token in OPERANDS and not operand:
            operand = True
        elif token in OPERATORS and operand:
            operand = False
        elif token == "(" and not operand:
            depth += 1
        elif token == ")" and operand and depth:
            depth -= 1
        else:
            return False
    return operand and not depth


def is_dyck(tokens: Sequence[str], kinds: str) -> bool:
    """Return whether closing brackets, of kinds such as ``([``, match the last open ones."""
    waiting: list[str] = []
    for token in tokens:
        if token in PAIRS and waiting and waiting[-1] == PAIRS[token]:
            waiting.pop()
        elif token in kinds:
            waiting.append(token)
        else:
            return False
    return bool(tokens) and not waiting


def is_palindrome(tokens: Sequence[str]) -> bool:
    """Return whether an even number of letters reads the same backwards."""
    even = bool(tokens) and len(tokens) % 2 == 0
    return even and set(tokens) <= LETTERS and list(tokens) == list(reversed(tokens))


def is_anbn(tokens: Sequence[str]) -> bool:
    """Return whether as many b follow as there are a, and there is one at least."""
    half = len(tokens) // 2
    return half > 0 and list(tokens) == ["a"] * half + ["b"] * half


def is_copy(tokens: Sequence[str]) -> bool:
    """Return whether the letters before the mark in the middle are those behind it."""
    half = len(tokens) // 2
    if not half or tokens[half] != MARK:
        return False
    left, right = tokens[:half], tokens[half + 1 :]
    return set(left) <= LETTERS and list(left) == list(right)


@dataclass(frozen=True)
class Grammar:
    """A formal language.

    Attributes:
        description: One line.
        tokens: Its alphabet; each token is a single sign.
        counted: Returns what counts and numbers its sentences up to a length.
        accepts: Returns whether tokens are a sentence of it, in time linear in their number.
    """

    description: str
    tokens: str
    counted: Callable[[int], Counted | Copies]
    accepts: Callable[[Sequence[str]], bool]


def _context_free(rules: Mapping[str, str]) -> Callable[[int], Counted]:
    """Return a language from rules such as ``{"S": "a S b | a b"}``."""
    parsed = {
        symbol: tuple(tuple(production.split()) for production in right.split(" | "))
        for symbol, right in rules.items()
    }
    return lambda max_length: Counted(parsed, max_length)


GRAMMARS: Mapping[str, Grammar] = MappingProxyType(
    {
        "arithmetic": Grammar(
            "expressions of digits and x, y, z with + - * / and parentheses",
            f"{DIGITS}{VARIABLES}+-*/()",
            _context_free(
                {
                    "SUM": "PRODUCT | SUM + PRODUCT | SUM - PRODUCT",
                    "PRODUCT": "FACTOR | PRODUCT * FACTOR | PRODUCT / FACTOR",
                    "FACTOR": f"{' | '.join(DIGITS + VARIABLES)} | ( SUM )",
                }
            ),
            is_arithmetic,
        ),
        "dyck-1": Grammar(
            "balanced brackets of one kind",
            "()",
            _context_free({"S": "( S ) S | "}),
            lambda tokens: is_dyck(tokens, "("),
        ),
        "dyck-2": Grammar(
            "balanced brackets of two kinds",
            "()[]",
            _context_free({"S": "( S ) S | [ S ] S | "}),
            lambda tokens: is_dyck(tokens, "(["),
        ),
        "palindrome": Grammar(
            "even palindromes of a and b",
            "ab",
            _context_free({"S": "a S a | b S b | "}),
            is_palindrome,
        ),
        "anbn": Grammar("some a and as many b", "ab", _context_free({"S": "a S b | a b"}), is_anbn),
        "copy": Grammar(
            "letters a and b, the mark c, and the same letters again; not context-free",
            "abc",
            Copies,
            is_copy,
        ),
    }
)
"""The languages by name. The empty sentence belongs to none of them."""


def generate(name: str, num_sentences: int, max_length: int, seed: int) -> Iterator[str]:
    """Return sentences of a language, their tokens separated by one space.

    The length of each is drawn uniformly from all that the language has up to ``max_length``, and
    the sentence uniformly from all of this length, so short ones come often more than once.
    Sentence ``i`` depends on the language, the seed, ``max_length`` and ``i`` alone, on every
    platform.

    Raises:
        UserError: For an unknown language, or one that has no sentence so short.
    """
    language = grammar(name).counted(max(max_length, 0))
    lengths = [length for length in range(1, max_length + 1) if language.count(length)]
    if not lengths:
        raise UserError(
            f"`max_length` must leave room for a sentence of {name}, but is {max_length}; "
            "take 3 or more"
        )

    def sentence(i: int) -> str:
        length = lengths[_below(len(lengths), seed, name, i, "length")]
        return " ".join(
            language.sentence(length, _below(language.count(length), seed, name, i, "sentence"))
        )

    return map(sentence, range(num_sentences))


def is_member(name: str, tokens: Sequence[str]) -> bool:
    """Return whether tokens are a sentence of a language; :class:`UserError` for an unknown one."""
    return grammar(name).accepts(tokens)


def grammar(name: str) -> Grammar:
    """Return a language by its name; raise :class:`UserError` if there is none."""
    if name not in GRAMMARS:
        raise UserError(f"no grammar is called {name!r}; there are {', '.join(GRAMMARS)}")
    return GRAMMARS[name]


def _below(bound: int, *path: object) -> int:
    """Return a number below a bound, uniform up to one part in 2^64, that a path alone decides."""
    text = "/".join(map(str, path)).encode()
    digest = hashlib.shake_256(text).digest(bound.bit_length() // 8 + 9)
    return int.from_bytes(digest, "big") % bound
