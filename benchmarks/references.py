"""SeqGAN as public PyTorch ports write it: what the package's fast paths are measured against.

Correct and plain: `nn.LSTM` a token at a time, `softmax` and `torch.multinomial`, every prefix
read anew for every rollout, a discriminator of `nn.Conv1d`, batches of 64, Adam as it comes. Each
takes the package's own weights, so that the tests can hold the two against each other. They speak
the language of the paper's synthetic task alone: no sentence ends early, nothing is padding.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqgan.discriminators import CNNDiscriminator
from seqgan.recurrent import LSTMGenerator

SCORING_BATCH = 64
"""Sentences that a discriminator scores at once: the training batch, as ports have it."""

Memory = tuple[
    Float[Tensor, "layers batch hidden"],
    Float[Tensor, "layers batch hidden"],
]
"""Hidden state and cell of `nn.LSTM`."""

Pick = Callable[[Float[Tensor, "batch vocab"]], Int[Tensor, " batch"]]
"""How a token is drawn from probabilities."""


def multinomial(probabilities: Float[Tensor, "batch vocab"]) -> Int[Tensor, " batch"]:
    """Draw a token for every row, from the global random numbers."""
    return torch.multinomial(probabilities, 1)[:, 0]


# --- networks -------------------------------------------------------------------------------------


class PlainGenerator(nn.Module):
    """Embedding, `nn.LSTM`, linear layer."""

    def __init__(self, vocab: int, embedding_dim: int, hidden_dim: int, layers: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocab, embedding_dim)
        self.lstm = nn.LSTM(embedding_dim, hidden_dim, layers, batch_first=True)
        self.output = nn.Linear(hidden_dim, vocab)

    def forward(
        self, tokens: Int[Tensor, "batch time"], memory: Memory | None = None
    ) -> tuple[Float[Tensor, "batch time vocab"], Memory]:
        """Return the logits of what follows each token, and the memory after the last."""
        features, after = self.lstm(self.embedding(tokens), memory)
        return self.output(features), after


class PlainDiscriminator(nn.Module):
    """Convolutions, maximum over time, highway, dropout, two classes: fake and real."""

    def __init__(
        self,
        vocab: int,
        embedding_dim: int,
        widths: list[int],
        num_filters: list[int],
        dropout: float,
        l2: float,
    ) -> None:
        super().__init__()
        features = sum(num_filters)
        self.l2 = l2
        self.embedding = nn.Embedding(vocab, embedding_dim)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_dim, count, width)
            for width, count in zip(widths, num_filters, strict=True)
        )
        self.highway = nn.Linear(features, features)
        self.gate = nn.Linear(features, features)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(features, 2)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch classes"]:
        """Return the logits of fake and real."""
        channels = self.embedding(tokens).transpose(1, 2)
        maps = [F.relu(convolution(channels)) for convolution in self.convolutions]
        pooled = torch.cat([F.max_pool1d(each, each.shape[2]).squeeze(2) for each in maps], dim=1)
        gate = torch.sigmoid(self.gate(pooled))
        features = gate * F.relu(self.highway(pooled)) + (1 - gate) * pooled
        return self.output(self.dropout(features))

    def penalty(self) -> Float[Tensor, ""]:
        """Return the squares of the classifier's weights."""
        return self.l2 * (self.output.weight.square().sum() + self.output.bias.square().sum()) / 2


@torch.no_grad()
def plain_generator(ours: LSTMGenerator) -> PlainGenerator:
    """Return a plain generator with a copy of our weights."""
    (vocab, embedding_dim), layers = ours.embedding.shape, ours.num_layers
    plain = PlainGenerator(vocab, embedding_dim, ours.hidden_dim, layers).to(ours.embedding.dtype)
    plain.embedding.weight.copy_(ours.embedding)
    plain.output.weight.copy_(ours.output_layer()[0])
    plain.output.bias.copy_(ours.output_bias)
    for layer in range(layers):
        copied = {
            "weight_ih": ours.input_weights[layer],
            "weight_hh": ours.recurrent_weights[layer],
            "bias_ih": ours.biases[layer],
        }
        for name, weights in copied.items():
            getattr(plain.lstm, f"{name}_l{layer}").copy_(weights)
        # Torch has two biases where we have one; if both learned, theirs would go twice as far.
        getattr(plain.lstm, f"bias_hh_l{layer}").zero_().requires_grad_(False)
    return plain


@torch.no_grad()
def plain_discriminator(ours: CNNDiscriminator) -> PlainDiscriminator:
    """Return a plain discriminator with a copy of our weights."""
    filters = list(ours.filters)
    plain = PlainDiscriminator(
        *ours.embedding.shape,
        widths=[each.shape[1] for each in filters],
        num_filters=[each.shape[0] for each in filters],
        dropout=ours.dropout,
        l2=ours.l2,
    ).to(ours.embedding.dtype)
    weights = [ours.embedding]
    for each, bias in zip(filters, ours.filter_biases, strict=True):
        weights += [each.transpose(1, 2), bias]
    weights += [ours.highway_weights, ours.highway_bias, ours.gate_weights, ours.gate_bias]
    weights += [ours.output_weights, ours.output_bias]
    for theirs, each in zip(plain.parameters(), weights, strict=True):
        theirs.copy_(each)
    return plain


# --- sampling and rollouts ------------------------------------------------------------------------


@dataclass(frozen=True)
class PlainSampler:
    """Draws tokens one after the other; ``start`` is what the generator reads first."""

    generator: PlainGenerator
    start: int = 0
    pick: Pick = multinomial

    @torch.no_grad()
    def sample(self, batch: int, length: int) -> Int[Tensor, "batch time"]:
        """Return fresh sentences."""
        return self.complete(torch.empty(batch, 0, dtype=torch.int64), length)

    @torch.no_grad()
    def complete(self, prefix: Int[Tensor, "batch kept"], length: int) -> Int[Tensor, "batch time"]:
        """Read a prefix token by token, then sample up to the length."""
        tokens = [torch.full((len(prefix), 1), self.start)]
        memory = None
        for t in range(length):
            logits, memory = self.generator(tokens[-1], memory)
            if t < prefix.shape[1]:
                tokens.append(prefix[:, t : t + 1])
            else:
                tokens.append(self.pick(logits[:, 0].softmax(dim=1))[:, None])
        return torch.cat(tokens[1:], dim=1)

    def roll_out(
        self, tokens: Int[Tensor, "batch time"], rollouts: int
    ) -> Iterator[Int[Tensor, "batch time"]]:
        """Yield the completions of every proper prefix, rollout after rollout."""
        for _ in range(rollouts):
            for kept in range(1, tokens.shape[1]):
                yield self.complete(tokens[:, :kept], tokens.shape[1])


@torch.no_grad()
def score(
    discriminator: PlainDiscriminator, tokens: Int[Tensor, "batch time"]
) -> Float[Tensor, " batch"]:
    """Return the probability that each sentence is real."""
    discriminator.eval()
    batches = tokens.split(SCORING_BATCH)
    return torch.cat([discriminator(batch).softmax(dim=1)[:, 1] for batch in batches])


def action_values(
    sampler: PlainSampler,
    discriminator: PlainDiscriminator,
    tokens: Int[Tensor, "batch time"],
    rollouts: int,
) -> Float[Tensor, "batch time"]:
    """Return the mean score of each prefix's completions, and that of the sentence at its end."""
    last = score(discriminator, tokens)
    values = last.new_zeros(tokens.shape[1] - 1, len(tokens))
    for number, completed in enumerate(sampler.roll_out(tokens, rollouts)):
        values[number % len(values)] += score(discriminator, completed)
    return torch.cat([values / max(rollouts, 1), last[None]]).T


# --- updates --------------------------------------------------------------------------------------


def log_prob(
    generator: PlainGenerator, tokens: Int[Tensor, "batch time"], start: int = 0
) -> Float[Tensor, "batch time"]:
    """Return the log-probability of every token given those before it."""
    before = torch.cat([torch.full((len(tokens), 1), start), tokens[:, :-1]], dim=1)
    logits, _ = generator(before)
    return logits.log_softmax(dim=2).gather(2, tokens[..., None])[..., 0]


def discriminator_update(
    discriminator: PlainDiscriminator,
    optimizer: torch.optim.Optimizer,
    tokens: Int[Tensor, "batch time"],
    labels: Bool[Tensor, " batch"],
) -> Float[Tensor, ""]:
    """Step once towards telling real from fake; return the loss without its penalty."""
    discriminator.train()
    loss = F.cross_entropy(discriminator(tokens), labels.long())
    optimizer.zero_grad()
    (loss + discriminator.penalty()).backward()
    optimizer.step()
    return loss.detach()


def likelihood_update(
    generator: PlainGenerator,
    optimizer: torch.optim.Optimizer,
    tokens: Int[Tensor, "batch time"],
    max_grad_norm: float,
) -> Float[Tensor, ""]:
    """Step once towards real sentences; return their negative log-likelihood per token."""
    return _descend(generator, optimizer, -log_prob(generator, tokens).mean(), max_grad_norm)


def generator_update(
    sampler: PlainSampler,
    discriminator: PlainDiscriminator,
    optimizer: torch.optim.Optimizer,
    shape: tuple[int, int],
    rollouts: int,
    max_grad_norm: float,
) -> Float[Tensor, ""]:
    """Sample, value by rollouts, and step once along the policy gradient; return its loss."""
    tokens = sampler.sample(*shape)
    values = action_values(sampler, discriminator, tokens, rollouts)
    loss = -(log_prob(sampler.generator, tokens, sampler.start) * values).sum()
    return _descend(sampler.generator, optimizer, loss, max_grad_norm)


def _descend(
    generator: PlainGenerator,
    optimizer: torch.optim.Optimizer,
    loss: Float[Tensor, ""],
    max_grad_norm: float,
) -> Float[Tensor, ""]:
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(generator.parameters(), max_grad_norm)
    optimizer.step()
    return loss.detach()
