"""Scoring with, sampling from and completing with any generator, written once for all of them."""

import math
from collections.abc import Sequence
from typing import final

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from seqgan.generators import Generator
from seqgan.products import linear
from seqgan.tokens import PAD, Alphabet, conditions, is_chosen

# Logits that are held at once. Two megabytes of float32 stay in a core's cache; a GPU wants many.
CHUNK_ELEMENTS = {"cpu": 2**19, "cuda": 2**28}
# Sentences that are scored at once.
SENTENCES_AT_ONCE = 1024
# Sentences that are sampled at once.
SAMPLED_AT_ONCE = 4096
# Tokens in a block of the two-level search through the cumulative distribution.
BLOCK = 64
# Powers of two whose sum over any vocabulary float32 can hold, as it can their inverses.
SAFE_EXPONENT = 90


def rows_at_once(vocab_size: int, device: torch.device) -> int:
    """Return how many rows of logits are held at once, so that memory does not grow with all."""
    return max(1, CHUNK_ELEMENTS.get(device.type, 2**24) // vocab_size)


def log_prob(
    generator: Generator, tokens: Int[Tensor, "batch time"], temperature: float = 1.0
) -> Float[Tensor, "batch time"]:
    """Return ``log p(tokens[:, t] | tokens[:, :t])`` in nats; zero at padding and in conditions."""
    chosen = torch.where(is_chosen(tokens, generator.alphabet), tokens, PAD)
    targets = chosen.flatten().long()
    features, layer = generator.encode(tokens).flatten(0, 1), generator.output_layer()
    rows = rows_at_once(len(layer[1]), tokens.device)
    losses = []
    for some, ids in zip(features.split(rows), targets.split(rows), strict=True):
        logits = linear(some, *layer)
        if temperature != 1.0:
            logits = logits / temperature
        losses.append(F.cross_entropy(logits, ids, ignore_index=PAD, reduction="none"))
    return -torch.cat(losses).view(tokens.shape)


@torch.no_grad()
def score(
    generator: Generator, tokens: Int[Tensor, "batch time"], temperature: float = 1.0
) -> Float[Tensor, "batch time"]:
    """Return :func:`log_prob` of any number of sentences, in bounded memory and no gradient."""
    chunks = tokens.split(SENTENCES_AT_ONCE)
    return torch.cat([log_prob(generator, some.long(), temperature) for some in chunks])


def invert_cdf(
    weights: Float[Tensor, "batch vocab"], uniforms: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return, per row, the category whose share of the cumulative weight holds the uniform.

    ``min {k : w[0] + … + w[k] > u · sum(w)}``, found in two levels: first the block of tokens,
    then the token inside it. Summing blocks of blocks also keeps float32 accurate far into the
    tail. A category of weight zero is never returned.
    """
    found = _choose_block(F.pad(weights, (0, -weights.shape[1] % BLOCK)), uniforms)
    return _choose_token(*found, weights.shape[1])


def _choose_block(
    weights: Float[Tensor, "batch padded_vocab"], uniforms: Float[Tensor, " batch"]
) -> tuple[Int[Tensor, " batch"], Float[Tensor, "batch block"], Float[Tensor, " batch"]]:
    """Return each row's block, the weights in it, and what is left of the target there."""
    blocks = weights.unflatten(1, (-1, BLOCK))
    reached = blocks.sum(dim=2).cumsum(dim=1)
    target = uniforms.to(weights.dtype) * reached[:, -1]
    block = _first_above(reached, target)
    rows = torch.arange(len(weights), device=weights.device)
    before = torch.where(block > 0, reached[rows, (block - 1).clamp(min=0)], 0.0)
    return block, blocks[rows, block], target - before


def _choose_token(
    block: Int[Tensor, " batch"],
    weights: Float[Tensor, "batch block"],
    target: Float[Tensor, " batch"],
    vocab_size: int,
) -> Int[Tensor, " batch"]:
    # Weights that are NaN have no such category: any id will do, the loss will tell of them.
    token = block * BLOCK + _first_above(weights.cumsum(dim=1), target)
    return token.clamp(max=vocab_size - 1)


def _first_above(
    cumulative: Float[Tensor, "batch categories"], target: Float[Tensor, " batch"]
) -> Int[Tensor, " batch"]:
    """Return the first category above the target; the last one with any weight if none is."""
    found = torch.searchsorted(cumulative, target[:, None], right=True)
    last = torch.searchsorted(cumulative, cumulative[:, -1:].contiguous())
    return torch.minimum(found, last)[:, 0].clamp(max=cumulative.shape[1] - 1)


@final
class Projection:
    """The output layer of a generator, made ready once for drawing many tokens.

    Its logits are exponents of two, which take a quarter of the time of exponents of e, and the
    vocabulary is filled up to whole blocks with tokens of weight zero.

    Args:
        generator: Whose output layer it is.
        temperature: Divides the logits.
        top_k: Draw from so many of the likeliest tokens alone, if given.
        top_p: Draw from the fewest tokens whose probability reaches this alone, if given.
    """

    def __init__(
        self,
        generator: Generator,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
    ) -> None:
        weights, bias = (each.detach() for each in generator.output_layer())
        self.vocab_size, self.temperature = len(bias), temperature
        self.top_k, self.top_p = top_k, top_p
        missing = -len(bias) % BLOCK
        weights, bias = to_base_two(weights, bias)
        self.weights = F.pad(weights, (0, 0, 0, missing))
        self.bias = F.pad(bias, (0, missing), value=-torch.inf)
        self._largest_weight = weights.norm(dim=1).amax()
        self._largest_bias = torch.where(bias.isfinite(), bias.abs(), 0.0).amax()

    def may_overflow(self, features: Float[Tensor, "batch hidden"]) -> bool:
        """Tell whether ``2 ** logit`` could leave the range of float32, by the norms of factors."""
        if features.device.type != "cpu" or not len(features):
            return True  # to ask a GPU would make the host wait
        largest = features.norm(dim=1).amax() * self._largest_weight + self._largest_bias
        return not largest < SAFE_EXPONENT  # true for NaN


@torch.no_grad()
def draw(
    projection: Projection,
    features: Float[Tensor, "batch hidden"],
    uniforms: Float[Tensor, " batch"],
) -> Int[Tensor, " batch"]:
    """Sample the next token of every row: ``softmax(logits / temperature)`` by inverse CDF.

    Where the projection truncates, from the tokens that are left.
    """
    temperature, found = projection.temperature, []
    shift = temperature != 1.0 or projection.may_overflow(features)
    rows = rows_at_once(len(projection.bias), features.device)
    for some, their_uniforms in zip(features.split(rows), uniforms.split(rows), strict=True):
        logits = linear(some, projection.weights, projection.bias)
        if shift:
            logits.sub_(logits.amax(dim=1, keepdim=True))
        if temperature != 1.0:
            logits.div_(temperature)  # after the maximum is zero, so that none overflows
        shares = truncate(logits.exp2_(), projection.top_k, projection.top_p)
        found.append(_choose_block(shares, their_uniforms))
    block, inside, target = (torch.cat(parts) for parts in zip(*found, strict=True))
    return _choose_token(block, inside, target, projection.vocab_size)


def truncate(
    weights: Float[Tensor, "batch vocab"], top_k: int | None, top_p: float | None
) -> Float[Tensor, "batch vocab"]:
    """Return the weights with zero in place of those that are not sampled.

    First all but the ``top_k`` largest go (Fan et al., 2018), then all but the fewest that reach
    the share ``top_p`` of what is left (Holtzman et al., 2020). What is equal to the smallest that
    stays, stays too.
    """
    if top_k is not None and top_k < weights.shape[1]:
        smallest = weights.topk(top_k, dim=1).values[:, -1:]
        weights = torch.where(weights >= smallest, weights, 0.0)
    if top_p is not None:
        falling = weights.sort(dim=1, descending=True).values
        reached = falling.cumsum(dim=1)
        enough = torch.searchsorted(reached, top_p * reached[:, -1:])
        smallest = falling.gather(1, enough.clamp(max=weights.shape[1] - 1))
        weights = torch.where(weights >= smallest, weights, 0.0)
    return weights


def to_base_two(
    weights: Float[Tensor, "vocab hidden"], bias: Float[Tensor, " vocab"]
) -> tuple[Float[Tensor, "vocab hidden"], Float[Tensor, " vocab"]]:
    """Return an output layer whose logits are powers of two: ``e ** x = 2 ** (x / ln 2)``."""
    return weights / math.log(2), bias / math.log(2)


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
    top_k: int | None = None,
    top_p: float | None = None,
    given: Int[Tensor, "batch time"] | None = None,
) -> Int[Tensor, "batch time"]:
    """Sample one sentence per row of uniforms, at most ``time`` tokens long.

    Token ``(i, t)`` depends on ``uniforms[i, :t + 1]`` and ``given[i]`` alone, so splitting a
    batch into chunks does not change what is sampled, but for rounding.

    Args:
        generator: What is sampled from.
        uniforms: In [0, 1), one a token.
        temperature: Divides the logits.
        top_k: See :func:`truncate`.
        top_p: See :func:`truncate`.
        given: How rows begin, padded: their conditions, or the first tokens of a sentence.

    Raises ``ValueError`` without the conditions that the alphabet asks for.
    """
    if generator.alphabet.separator is not None and given is None:
        raise ValueError("sentences of this alphabet follow conditions, but none were given")
    batch, time = uniforms.shape
    tokens = torch.full((batch, time), PAD, device=uniforms.device)
    previous = torch.full((batch,), generator.alphabet.start, device=uniforms.device)
    state = generator.init_state(batch)
    projection = Projection(generator, temperature, top_k, top_p)
    whole = 0 if given is None else int((given != PAD).all(dim=0).int().cumprod(dim=0).sum())
    for t in range(time):
        features, state = generator.step(previous.clamp(min=0), state)
        if given is None:
            drawn = draw(projection, features, uniforms[:, t])
        elif t < whole:
            drawn = given[:, t].long()
        else:
            drawn = draw(projection, features, uniforms[:, t])
            drawn = torch.where(given[:, t] == PAD, drawn, given[:, t])
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
    top_k: int | None = None,
    top_p: float | None = None,
    given: Int[Tensor, "sentences time"] | None = None,
) -> Int[Tensor, "sentences time"]:
    """Sample whole sentences with fresh uniforms from ``rng``, on its device, in bounded memory.

    What may be given, see :func:`sample`.
    """
    drawn = []
    for start in range(0, max(1, num_sentences), SAMPLED_AT_ONCE):
        size = min(SAMPLED_AT_ONCE, num_sentences - start)
        uniforms = torch.rand(size, length, generator=rng, device=rng.device)
        some = None if given is None else given[start : start + size]
        drawn.append(
            sample(
                generator,
                uniforms,
                temperature=temperature,
                top_k=top_k,
                top_p=top_p,
                given=some,
            )
        )
    return torch.cat(drawn)


@torch.no_grad()
def roll_out(
    generator: Generator,
    tokens: Int[Tensor, "batch time"],
    uniforms: Float[Tensor, "prefixes batch rollouts time"],
    lengths: Sequence[int] | None = None,
) -> Int[Tensor, "prefixes batch rollouts time"]:
    """Complete proper prefixes of every sentence, ``rollouts`` times each.

    ``result[l, i, k]`` keeps the first ``lengths[l]`` tokens of sentence ``i``, and its condition,
    and samples what follows with ``uniforms[l, i, k]``. Each prefix is read once, its state
    branched ``rollouts`` times, and all prefixes advance together: position ``t`` costs one
    batched step over the prefixes that are already sampling, in place of a separate pass
    for each prefix and rollout.

    The Monte Carlo search of Yu et al. (2017), equation 3.

    Args:
        generator: What completes them.
        tokens: The sentences.
        uniforms: In [0, 1), one for each token of each completion.
        lengths: Tokens of each prefix, ascending, fewer than ``time``; the longest if not given.
    """
    batch, time = tokens.shape
    prefixes, _, rollouts, _ = uniforms.shape
    starts = range(time - prefixes, time) if lengths is None else lengths
    alphabet = generator.alphabet
    completed = tokens[None, :, None].expand(prefixes, batch, rollouts, time).clone()
    given = conditions(tokens, alphabet)
    copies = torch.arange(batch, device=tokens.device).repeat_interleave(rollouts)
    start = torch.full((batch,), alphabet.start, device=tokens.device)
    _, reading = generator.step(start, generator.init_state(batch))
    sampling = generator.init_state(0)
    features, projection = tokens.new_zeros(0), Projection(generator)
    now = 0  # prefixes that are sampling
    for t in range(1, time):
        newest, reading = generator.step(tokens[:, t - 1].clamp(min=0), reading)
        begins = now < prefixes and starts[now] == t
        if now:
            features, sampling = generator.step(
                completed[:now, ..., t - 1].flatten().clamp(min=0), sampling
            )
        if begins:
            branched = newest[copies], reading.select(copies)
            features = torch.cat([features, branched[0]]) if now else branched[0]
            sampling = sampling.append(branched[1]) if now else branched[1]
            now += 1
        if not now:
            continue
        drawn = draw(projection, features, uniforms[:now, ..., t].flatten())
        before = completed[:now, ..., t - 1].flatten()
        ended = end_of_sentence(drawn, before, alphabet).view(now, batch, rollouts)
        if given is not None:
            ended = torch.where(given[:, t, None] == PAD, ended, given[:, t, None])
        completed[:now, ..., t] = ended
    return completed
