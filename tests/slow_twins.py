"""The same mathematics as the package, in the plainest form: one sentence, one token at a time."""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from seqgan.discriminators import CNNDiscriminator
from seqgan.generators import Generator
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
    """Complete every prefix by three nested loops."""
    prefixes, batch, rollouts, _ = uniforms.shape
    result = torch.empty(uniforms.shape, dtype=torch.int64)
    for kept in range(prefixes):
        for i in range(batch):
            for k in range(rollouts):
                prefix = tokens[i, : kept + 1].tolist()
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
