"""What is measured: the package's hot paths, and the same work as the references do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import yaml
from jaxtyping import Int
from torch import Tensor

import references
from seqgan.assembly import (
    build_discriminator,
    build_fit,
    build_generator,
    build_likelihood_objective,
)
from seqgan.config.training import PolicyGradientMethod
from seqgan.decoding import roll_out, sample_sentences
from seqgan.discriminators import CNNDiscriminator
from seqgan.methods import build_adversarial_objective
from seqgan.objectives import Objective
from seqgan.optimizers import adam
from seqgan.progress import Progress
from seqgan.randomness import RandomStreams
from seqgan.recurrent import LSTMGenerator
from seqgan.tokens import Alphabet
from seqgan.training import GeneratorUpdate, Run

PAPER_FILE = Path(__file__).parents[1] / "config" / "paper.yaml"


@dataclass(frozen=True)
class Size:
    """How large everything is.

    Attributes:
        batch: Sentences in a batch, of generator and discriminator.
        rollouts: Completions of every prefix, N.
        length: Tokens in a sentence, T.
        vocab: Ids of tokens, V.
        sentences: Sentences that are sampled for an evaluation.
        learning_rate: Of the generator.
        max_grad_norm: Of the generator.
        generator: The section ``generator`` of a configuration.
        discriminator: The section ``discriminator``.
        fit: The section ``reward``.
    """

    batch: int
    rollouts: int
    length: int
    vocab: int
    sentences: int
    learning_rate: float
    max_grad_norm: float
    generator: Mapping[str, Any]
    discriminator: Mapping[str, Any]
    fit: Mapping[str, Any]

    @property
    def completions(self) -> int:
        """Return how many sentences the rollouts of a batch make."""
        return (self.length - 1) * self.batch * self.rollouts

    @property
    def rolled_tokens(self) -> int:
        """Return how many tokens those sample: B·N rows for each of t prefixes at position t."""
        return self.batch * self.rollouts * self.length * (self.length - 1) // 2

    @property
    def discriminator_flops(self) -> int:
        """Return the operations of convolutions and highway for one sentence, forward."""
        section = self.discriminator
        groups = zip(section["widths"], section["num_filters"], strict=True)
        taps = sum(count * width * (self.length - width + 1) for width, count in groups)
        features = sum(section["num_filters"])
        return 2 * (taps * section["embedding_dim"] + 2 * features**2)

    def __str__(self) -> str:
        return f"B={self.batch} N={self.rollouts} T={self.length} V={self.vocab}"


def read_size(path: Path) -> Size:
    """Return the size of the experiment `paper` in a configuration."""
    section = yaml.safe_load(path.read_text(encoding="utf-8"))["experiments"]["paper"]
    corpus, method = section["corpus"], section["methods"]["seqgan"]
    return Size(
        batch=method["batch_size"],
        rollouts=method["action_value"]["num_rollouts"],
        length=corpus["length"],
        vocab=corpus["vocab_size"],
        sentences=method["monitoring"]["num_sentences"],
        learning_rate=method["learning_rate"],
        max_grad_norm=method["max_grad_norm"],
        generator=section["generator"],
        discriminator=section["discriminator"],
        fit=method["reward"] | {"epochs": 1, "label_smoothing": 0.0, "gradient_penalty": 0.0},
    )


PAPER = read_size(PAPER_FILE)


class Ours:
    """The package's hot paths, each a method that does the whole work once."""

    def __init__(self, size: Size) -> None:
        self.size = size
        rng = torch.Generator().manual_seed(20170204)
        alphabet = Alphabet(size.vocab)
        generator = build_generator(size.generator, alphabet, size.length, rng)
        discriminator = build_discriminator(size.discriminator, alphabet, size.length, rng)
        assert isinstance(generator, LSTMGenerator)
        assert isinstance(discriminator, CNNDiscriminator)
        self.generator, self.discriminator, self.rng = generator, discriminator, rng
        self.real, self.fake = self._tokens(size.batch), self._tokens(size.batch)
        self.reward = build_fit(size.fit, discriminator)
        rollout = {"kind": "rollout", "num_rollouts": size.rollouts}
        method = {
            "kind": "policy_gradient",
            "action_value": rollout,
            "reward": {"kind": "constant"},
        }
        settings = PolicyGradientMethod.model_validate(method).model_dump(mode="json")
        policy_gradient = build_adversarial_objective(settings, generator, self.reward)
        likelihood = build_likelihood_objective({"kind": "maximum_likelihood"})
        self._run = Run({}, RandomStreams(0, names=("sampling",)))
        self._by_likelihood, self._by_policy_gradient = (
            self._update(objective) for objective in (likelihood, policy_gradient)
        )

    def _tokens(self, count: int) -> Int[Tensor, "count time"]:
        return torch.randint(self.size.vocab, (count, self.size.length), generator=self.rng)

    def _update(self, objective: Objective) -> GeneratorUpdate:
        parameters, rate = self.generator.parameters(), self.size.learning_rate
        optimizer = adam(parameters, rate)
        return GeneratorUpdate(self.generator, objective, optimizer, self.size.max_grad_norm)

    @cached_property
    def completions(self) -> Int[Tensor, "sentences time"]:
        """As many sentences as the rollouts of a batch make."""
        return self._tokens(self.size.completions)

    def sample_batch(self) -> object:
        """Sample the sentences of one update."""
        return sample_sentences(self.generator, self.size.batch, self.size.length, self.rng)

    def sample_many(self) -> object:
        """Sample the sentences of one evaluation."""
        return sample_sentences(self.generator, self.size.sentences, self.size.length, self.rng)

    def roll_out(self) -> object:
        """Complete every prefix of a batch, with fresh uniforms."""
        size = self.size
        shape = (size.length - 1, size.batch, size.rollouts, size.length)
        return roll_out(self.generator, self.real, torch.rand(shape, generator=self.rng))

    def score(self) -> object:
        """Score the completions of a batch."""
        return self.reward.score(self.completions)

    def update_discriminator(self) -> object:
        """Fit the discriminator to one batch, half of it real."""
        half = self.size.batch // 2
        return self.reward.fit(self.real[:half], self.fake[:half], self.rng, Progress())

    def update_by_likelihood(self) -> object:
        """Fit the generator to a batch of real sentences."""
        return self._by_likelihood(self.real, self._run)

    def update_by_policy_gradient(self) -> object:
        """Make the generator's whole adversarial step: sample, roll out, score, descend."""
        return self._by_policy_gradient(self.real, self._run)


PATHS = {
    "sample_batch": Ours.sample_batch,
    "sample_many": Ours.sample_many,
    "roll_out": Ours.roll_out,
    "score": Ours.score,
    "update_discriminator": Ours.update_discriminator,
    "update_by_likelihood": Ours.update_by_likelihood,
    "update_by_policy_gradient": Ours.update_by_policy_gradient,
}


def run_path(size: Size, path: str | None) -> None:
    """Go a path once, from nothing; ``None`` only imports. For a process whose memory is seen."""
    if path is not None:
        PATHS[path](Ours(size))


class Theirs:
    """The same work as the references do it; what would take minutes, a stated share of it."""

    def __init__(self, ours: Ours) -> None:
        self.size, self.real = ours.size, ours.real
        self.generator = references.plain_generator(ours.generator)
        self.discriminator = references.plain_discriminator(ours.discriminator)
        self._completions = ours.completions
        self._sampler = references.PlainSampler(self.generator)
        rate = self.size.learning_rate
        self._generator_optimizer = torch.optim.Adam(self.generator.parameters(), lr=rate)
        self._discriminator_optimizer = torch.optim.Adam(
            self.discriminator.parameters(), lr=self.size.fit["learning_rate"]
        )
        half = self.size.batch // 2
        self._mixed = torch.cat([ours.real[:half], ours.fake[:half]])
        self._labels = torch.arange(2 * half) < half

    def sample_batch(self) -> object:
        """Sample the sentences of one update."""
        return self._sampler.sample(self.size.batch, self.size.length)

    def sample(self, sentences: int) -> object:
        """Sample many sentences, a batch at a time."""
        whole, rest = divmod(sentences, self.size.batch)
        batches = [self.size.batch] * whole + [rest] * (rest > 0)
        return [self._sampler.sample(batch, self.size.length) for batch in batches]

    def roll_out(self) -> object:
        """Complete every prefix of a batch once."""
        return list(self._sampler.roll_out(self.real, 1))

    def score(self, sentences: int) -> object:
        """Score some completions, in batches of 64."""
        return references.score(self.discriminator, self._completions[:sentences])

    def update_discriminator(self) -> object:
        """Fit the discriminator to one batch, half of it real."""
        return references.discriminator_update(
            self.discriminator, self._discriminator_optimizer, self._mixed, self._labels
        )

    def update_by_likelihood(self) -> object:
        """Fit the generator to a batch of real sentences."""
        return references.likelihood_update(
            self.generator, self._generator_optimizer, self.real, self.size.max_grad_norm
        )

    def update_by_policy_gradient(self, rollouts: int) -> object:
        """Make the generator's whole adversarial step with some rollouts."""
        return references.generator_update(
            self._sampler,
            self.discriminator,
            self._generator_optimizer,
            (self.size.batch, self.size.length),
            rollouts,
            self.size.max_grad_norm,
        )
