"""The same mathematics as the package, in the plainest form: one sentence, one token at a time."""

import itertools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqgan.corpus.card import card
from seqgan.corpus.dataset import SPLITS, Dataset
from seqgan.corpus.files import Record, read_lines
from seqgan.corpus.splits import Splitter
from seqgan.corpus.tokenizers import WordTokenizer
from seqgan.corpus.vocabulary import UNKNOWN, Vocabulary, most_frequent
from seqgan.discriminators import CNNDiscriminator
from seqgan.generators import Generator
from seqgan.tokenization.scripts import LONG, MANY_MARKS, MARKS
from seqgan.tokens import PAD, Alphabet


def next_logits(generator: Generator, prefix: Sequence[int]) -> Tensor:
    """Encode a prefix from its start, as one sentence, and return the logits of what follows."""
    return generator(torch.tensor([[*prefix, 0]]))[0, -1]


def inverse_cdf(weights: Tensor, uniform: float) -> int:
    """Walk through the categories in float64 until their weight exceeds the uniform's share."""
    total, target = 0.0, uniform * sum(weights.double().tolist())
    last = -1
    for category, weight in enumerate(weights.double().tolist()):
        if weight > 0:
            last = category
        total += weight
        if total > target:
            return category
    return last


def complete(
    generator: Generator, prefix: Sequence[int], uniforms: Tensor, temperature: float = 1.0
) -> list[int]:
    """Continue a prefix up to the length of ``uniforms``, encoding it anew for every token."""
    tokens = list(prefix)
    for t in range(len(prefix), len(uniforms)):
        if generator.alphabet.end is not None and generator.alphabet.end in tokens:
            tokens.append(PAD)
            continue
        weights = (next_logits(generator, tokens) / temperature).softmax(dim=0)
        tokens.append(inverse_cdf(weights, uniforms[t].item()))
    return tokens


def sample(generator: Generator, uniforms: Tensor, temperature: float = 1.0) -> Tensor:
    """Sample sentence by sentence."""
    return torch.tensor([complete(generator, [], row, temperature) for row in uniforms])


def roll_out(generator: Generator, tokens: Tensor, uniforms: Tensor) -> Tensor:
    """Complete the longest prefixes by three nested loops."""
    prefixes, batch, rollouts, time = uniforms.shape
    result = torch.empty(uniforms.shape, dtype=torch.int64)
    for kept in range(prefixes):
        for i in range(batch):
            for k in range(rollouts):
                row = tokens[i].tolist()
                separator = generator.alphabet.separator
                given = 0 if separator is None else row.index(separator) + 1
                prefix = row[: max(given, time - prefixes + kept)]
                result[kept, i, k] = torch.tensor(complete(generator, prefix, uniforms[kept, i, k]))
    return result


def log_prob(generator: Generator, tokens: Tensor, temperature: float = 1.0) -> Tensor:
    """Look every token up in the softmax over what may follow its prefix."""
    result = torch.zeros(tokens.shape, dtype=torch.float64)
    for i, row in enumerate(tokens.tolist()):
        for t, token in enumerate(row):
            if token == PAD:
                break
            shares = (next_logits(generator, row[:t]) / temperature).softmax(dim=0)
            result[i, t] = shares.gather(0, torch.tensor([token])).log().item()
    return result


def all_sentences(alphabet: Alphabet, length: int) -> Tensor:
    """Return every sentence that the token contract allows, each once."""
    allowed = [i for i in range(alphabet.vocab_size) if i not in alphabet.never_emitted]
    found = set()
    for row in itertools.product(allowed, repeat=length):
        place = row.index(alphabet.end) + 1 if alphabet.end in row else length
        found.add(row[:place] + (PAD,) * (length - place))
    return torch.tensor(sorted(found))


def probabilities(generator: Generator, sentences: Tensor) -> Tensor:
    """Return the probability of whole sentences, with their gradient."""
    result = []
    for row in sentences.tolist():
        total = torch.zeros((), dtype=torch.float64)
        for t, token in enumerate(row):
            if token != PAD:
                total = total + next_logits(generator, row[:t]).log_softmax(dim=0)[token]
        result.append(total.exp())
    return torch.stack(result)


def action_values(generator: Generator, sentences: Tensor, reward: Callable[[list[int]], float]):
    """Return Q of every token of every sentence: the expected reward of all that may follow."""
    shares = dict(
        zip(map(tuple, sentences.tolist()), probabilities(generator, sentences), strict=True)
    )
    values = torch.zeros(sentences.shape, dtype=torch.float64)
    for i, row in enumerate(map(tuple, sentences.tolist())):
        for t, token in enumerate(row):
            if token != PAD:
                prefix = row[: t + 1]
                follow = {y: p.item() for y, p in shares.items() if y[: t + 1] == prefix}
                mean = sum(p * reward(list(y)) for y, p in follow.items()) / sum(follow.values())
                values[i, t] = mean
    return values


def cnn_log_odds(network: CNNDiscriminator, sentence: Sequence[int]) -> float:
    """Slide every filter over the sentence with nested loops, then highway and softmax."""
    weights = {name: value.detach().double().numpy() for name, value in network.named_parameters()}
    embedding = weights["embedding"]
    vectors = [embedding[i] if i != PAD else 0 * embedding[0] for i in sentence]
    pooled = []
    for group in range(len(network.filters)):
        filters, biases = weights[f"filters.{group}"], weights[f"filter_biases.{group}"]
        for kernel, bias in zip(filters, biases, strict=True):
            width = len(kernel)
            windows = []
            for start in range(len(sentence) - width + 1):
                total = sum(vectors[start + k] @ kernel[k] for k in range(width)) + bias
                windows.append(max(0.0, total))
            pooled.append(max(windows))
    features = np.array(pooled)
    gate = 1 / (1 + np.exp(-(weights["gate_weights"] @ features + weights["gate_bias"])))
    proposed = weights["highway_weights"] @ features + weights["highway_bias"]
    features = gate * np.maximum(proposed, 0) + (1 - gate) * features
    logits = weights["output_weights"] @ features + weights["output_bias"]
    fake, real = np.exp(logits) / np.exp(logits).sum()
    return float(np.log(real / (1 - real))) if fake > 0 else np.inf


def released_log_prob(arrays: Mapping[str, np.ndarray], tokens: np.ndarray) -> np.ndarray:
    """Score sentences by the LSTM as its released parameters are written: ``x @ W + h @ U + b``."""
    arrays = {name: array.astype(np.float64) for name, array in arrays.items()}

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x))

    result = np.zeros(tokens.shape)
    for i, row in enumerate(tokens):
        hidden = cell = np.zeros(len(arrays["bi"]))
        previous = 0
        for t, token in enumerate(row):
            x = arrays["emb"][previous]
            drive = {
                gate: x @ arrays[f"W{gate}"] + hidden @ arrays[f"U{gate}"] + arrays[f"b{gate}"]
                for gate in ("i", "f", "og", "c")
            }
            cell = sigmoid(drive["f"]) * cell + sigmoid(drive["i"]) * np.tanh(drive["c"])
            hidden = sigmoid(drive["og"]) * np.tanh(cell)
            logits = hidden @ arrays["Wo"] + arrays["bo"]
            result[i, t] = logits[token] - np.log(np.exp(logits).sum())
            previous = token
    return result


WORD = re.compile(rf"[\w{MARKS}]+(?:['’\-.,][\w{MARKS}]+)*|[^\w\s{MARKS}][{MARKS}]*")


def split_into_words(line: str, *, lowercase: bool) -> list[str]:
    """Split any line by one expression that says what a word is."""
    text = line.lower() if lowercase else line
    if len(text) > LONG:
        text = MANY_MARKS.sub(r"\1", text)
    return WORD.findall(unicodedata.normalize("NFC", text))


def prepare(path: Path, settings: Mapping[str, Any]) -> tuple[Dataset, dict[str, Any]]:
    """Hold a whole text as lists of words, then as lists of ids, then as tensors."""
    lowercase = settings["tokenizer"]["lowercase"]
    left_out: Counter[str] = Counter()
    texts: dict[str, list[list[str]]] = {split: [] for split in SPLITS}
    lines = [line for _, line in read_lines(path)]
    for line in lines:
        words = split_into_words(line, lowercase=lowercase)
        if len(words) < settings["min_length"]:
            left_out["too short"] += 1
        elif len(words) + 1 > settings["max_length"]:
            left_out["too long"] += 1
        else:
            texts[Splitter.of(settings).choose(Record(line))].append(words)
    kept = most_frequent(
        Counter(itertools.chain(*texts["train"])),
        max_vocabulary=settings["max_vocabulary"],
        min_count=settings["min_count"],
    )
    drop = settings["unknown"] == "drop"
    vocabulary = Vocabulary(kept, WordTokenizer(lowercase=lowercase), emit_unknown=not drop)
    arrays, shares = {}, {}
    for split, sentences in texts.items():
        rows = [vocabulary.encode(words) for words in sentences]
        known = [row for row in rows if UNKNOWN not in row]
        shares[split] = (len(rows) - len(known)) / max(len(rows), 1)
        if drop:
            left_out["with an unknown word"] += len(rows) - len(known)
            rows = known
        length = settings["max_length"]
        padded = [row + [PAD] * (length - len(row)) for row in rows]
        arrays[split] = torch.tensor(padded, dtype=torch.int64).view(-1, length)
    facts = {
        "kind": "text",
        "source": {},
        "unit": "words",
        "condition": "none",
        "labels": [],
        "lines": len(lines),
        "left_out": dict(left_out),
        "sentences": {split: len(arrays[split]) for split in SPLITS},
        "vocabulary_size": len(kept),
        "share_with_unknown_word": shares,
    }
    facts["card"] = card(
        {split: rows.numpy().astype(np.int32) for split, rows in arrays.items()},
        words=kept,
        first_word=3,
        end=1,
        unknown=UNKNOWN,
        dropped=shares if drop else {},
        text=vocabulary.decode,
    )
    return Dataset(**arrays, alphabet=vocabulary.alphabet, vocabulary=vocabulary), facts
