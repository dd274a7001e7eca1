"""Scoring with, sampling from and completing with any generator, written once for all of them."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.generators import Generator
from seqgan.tokens import PAD, Alphabet

# Elements of the buffers that hold a few rows of logits while sampling: 4 MB of float32 stay in
# a core's share of the cache, and memory does not grow with the number of rows.
CHUNK_ELEMENTS = 2**20
# Tokens in a block of the two-level search through the cumulative distribution.
BLOCK = 64


def log_prob(
    generator: Generator, tokens: Int[Tensor, "batch time"], temperature: float = 1.0
) -> Float[Tensor, "batch time"]:
    """Return ``log p(tokens[:, t] | tokens[:, :t])`` in nats, and zero at padding."""
    logits = generator(tokens).flatten(0, 1)
    if temperature != 1.0:
        logits = logits / temperature
    targets = tokens.flatten().long()
    losses = F.cross_entropy(logits, targets, ignore_index=PAD, reduction="none")
    return -losses.view(tokens.shape)


@torch.no_grad()
def score(
    generator: Generator, tokens: Int[Tensor, "batch time"], temperature: float = 1.0
) -> Float[Tensor, "batch time"]:
    """Return :func:`log_prob` of any number of sentences, in bounded memory and no gradient."""
    rows = max(1, 16 * CHUNK_ELEMENTS // (tokens.shape[1] * generator.alphabet.vocab_size))
    return torch.cat([log_prob(generator, chunk, temperature) for chunk in tokens.split(rows)])


def invert_cdf(
    weights: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return, per row, the category whose share of the cumulative weight holds the uniform.

    ``min {k : w[0] + … + w[k] > u · sum(w)}``, found in two levels: first the block of tokens,
    then the token inside it. Summing blocks of blocks also keeps float32 accurate far into the
    tail. A category of weight zero is never returned.
    """
    batch, vocab = weights.shape
    blocks = -(-vocab // BLOCK)
    padded = F.pad(weights, (0, blocks * BLOCK - vocab)).view(batch, blocks, BLOCK)
    reached = padded.sum(dim=2).cumsum(dim=1)
    target = uniforms.to(weights.dtype) * reached[:, -1]
    block = _first_above(reached, target)
    rows = torch.arange(batch, device=weights.device)
    before = torch.where(block > 0, reached[rows, (block - 1).clamp(min=0)], 0.0)
    within = padded[rows, block].cumsum(dim=1)
    # Weights that are NaN have no such category: any id will do, the loss will tell of them.
    return (block * BLOCK + _first_above(within, target - before)).clamp(max=vocab - 1)


def _first_above(
    cumulative: Float[Tensor, "batch categories"], target: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return the first category above the target; the last one with any weight if none is."""
    found = torch.searchsorted(cumulative, target[:, None], right=True)
    last = torch.searchsorted(cumulative, cumulative[:, -1:].contiguous())
    return torch.minimum(found, last)[:, 0].clamp(max=cumulative.shape[1] - 1)


@torch.no_grad()
def draw(
    generator: Generator,
    features: Float[Tensor, "batch hidden"],
    uniforms: Float[Tensor, " batch"],
    temperature: float = 1.0,
) -> Int[Tensor, " batch"]:
    """Sample the next token of every row: ``softmax(logits / temperature)`` by inverse CDF."""
    rows = max(1, CHUNK_ELEMENTS // generator.alphabet.vocab_size)
    drawn = []
    for some, their_uniforms in zip(features.split(rows), uniforms.split(rows), strict=True):
        logits = generator.project(some)
        logits.sub_(logits.amax(dim=1, keepdim=True))
        if temperature != 1.0:
            logits.div_(temperature)  # after the maximum is zero, so that none overflows
        weights = logits.exp_()
        drawn.append(invert_cdf(weights, their_uniforms))
    return torch.cat(drawn)


def end_of_sentence(
    tokens: Int[Tensor, " batch"], previous: Int[Tensor, " batch"], alphabet: Alphabet
) -> Int[Tensor, " batch"]:
    """Replace every token that follows the end of its sentence by padding."""
    if alphabet.end is None:
        return tokens
    return torch.where((previous == alphabet.end) | (previous == PAD), PAD, tokens)


@torch.no_grad()
def sample(
    generator: Generator,
    uniforms: Float[Tensor, "batch time"],
    *,
    temperature: float = 1.0,
) -> Int[Tensor, "batch time"]:
    """Sample one sentence per row of uniforms, at most ``time`` tokens long.

    Token ``(i, t)`` depends on ``uniforms[i, :t + 1]`` alone, so splitting a batch into chunks
    does not change what is sampled.
    """
    batch, time = uniforms.shape
    tokens = torch.full((batch, time), PAD, device=uniforms.device)
    previous = torch.full((batch,), generator.alphabet.start, device=uniforms.device)
    state = generator.init_state(batch)
    for t in range(time):
        features, state = generator.step(previous.clamp(min=0), state)
        drawn = draw(generator, features, uniforms[:, t], temperature)
        # The start token may be the end token of nothing: only stored tokens end a sentence.
        tokens[:, t] = drawn if t == 0 else end_of_sentence(drawn, previous, generator.alphabet)
        previous = tokens[:, t]
    return tokens


def sample_sentences(
    generator: Generator,
    num_sentences: int,
    length: int,
    rng: torch.Generator,
    *,
    temperature: float = 1.0,
) -> Int[Tensor, "sentences time"]:
    """Sample whole sentences with fresh uniforms from ``rng``, on its device."""
    uniforms = torch.rand(num_sentences, length, generator=rng, device=rng.device)
    return sample(generator, uniforms, temperature=temperature)


@torch.no_grad()
def roll_out(
    generator: Generator,
    tokens: Int[Tensor, "batch time"],
    uniforms: Float[Tensor, "prefixes batch rollouts time"],
) -> Int[Tensor, "prefixes batch rollouts time"]:
    """Complete every proper prefix of every sentence, ``rollouts`` times each.

    ``result[l, i, k]`` keeps ``tokens[i, : l + 1]`` and samples what follows with
    ``uniforms[l, i, k]``; there are ``time - 1`` prefixes. Each prefix is read once, its state
    branched ``rollouts`` times, and all prefixes advance together: position ``t`` costs one
    batched step over the ``t`` prefixes that are already sampling, in place of a separate pass
    for each prefix and rollout.

    The Monte Carlo search of Yu et al. (2017), equation 3.
    """
    batch, time = tokens.shape
    prefixes, _, rollouts, _ = uniforms.shape
    alphabet = generator.alphabet
    completed = tokens[None, :, None].expand(prefixes, batch, rollouts, time).clone()
    copies = torch.arange(batch, device=tokens.device).repeat_interleave(rollouts)
    start = torch.full((batch,), alphabet.start, device=tokens.device)
    _, reading = generator.step(start, generator.init_state(batch))
    sampling = generator.init_state(0)
    features = tokens.new_zeros(0)
    for t in range(1, time):
        newest, reading = generator.step(tokens[:, t - 1].clamp(min=0), reading)
        newest = newest[copies]
        if t == 1:
            features, sampling = newest, reading.select(copies)
        else:
            older, sampling = generator.step(
                completed[: t - 1, ..., t - 1].flatten().clamp(min=0), sampling
            )
            features = torch.cat([older, newest])
            sampling = sampling.append(reading.select(copies))
        drawn = draw(generator, features, uniforms[:t, ..., t].flatten())
        before = completed[:t, ..., t - 1].flatten()
        completed[:t, ..., t] = end_of_sentence(drawn, before, alphabet).view(t, batch, rollouts)
    return completed
