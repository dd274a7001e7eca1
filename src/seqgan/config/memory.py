"""What training holds at its peak, estimated before it begins."""

from math import ceil

from seqgan.config.corpus import CorpusConfig, TextCorpus
from seqgan.config.generators import GeneratorConfig
from seqgan.config.rewards import RolloutConfig
from seqgan.config.training import PolicyGradientMethod

HELD_TOKENS = 2**25
"""Tokens of completions that rollouts hold at once, unless one sentence has more."""
HELD_STATES = 2**28
"""Numbers of the states of completions that rollouts hold at once, unless one sentence has more."""
HELD_LOGITS = 2**19
"""Logits that are held at once, unless a vocabulary is larger."""


def rollout_bytes(
    method: PolicyGradientMethod, num_rollouts: int, generator: GeneratorConfig, time: int
) -> int:
    """Estimate what the rollouts of one generator update hold at their peak, in bytes.

    The uniforms (4 bytes) of all completions, and of those that are held at once the tokens
    (8 bytes) and uniforms, twice because of the copies that indexing makes, the block of 64 weights
    that a token is drawn from, and what a step of the generator holds.
    """
    every = method.action_value.every if isinstance(method.action_value, RolloutConfig) else 1
    of_sentence = ceil((time - 1) / every) * num_rollouts
    all_of_them = method.batch_size * of_sentence
    at_once = min(HELD_TOKENS // time, HELD_STATES // generator.state_numbers(time))
    held = min(all_of_them, max(of_sentence, at_once))
    step = generator.step_numbers(time)
    return all_of_them * 4 * time + held * (2 * 12 * time + 4 * (64 + step))


def update_bytes(
    batch_size: int, generator: GeneratorConfig, corpus: CorpusConfig, *, relaxed: bool = False
) -> int:
    """Estimate what one generator update holds at its peak, in bytes.

    The output layer, its gradient, what Adam remembers of it and four copies on the way, some rows
    of logits, and what every token of the batch leaves for the gradient; of relaxed samples also
    ten numbers for every token that could be at each place.
    """
    special = 4  # of a text: start, end, unknown, separator
    vocab = corpus.max_vocabulary + special if isinstance(corpus, TextCorpus) else corpus.vocab_size
    layers = 8 * vocab * (generator.hidden_dim + generator.embedding_dim)
    tokens = batch_size * corpus.row_length * generator.training_numbers(corpus.row_length)
    tokens += 10 * batch_size * corpus.row_length * vocab if relaxed else 0
    return 4 * (layers + 2 * max(vocab, HELD_LOGITS) + tokens)
