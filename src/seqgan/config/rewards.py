"""Who judges sentences, how it learns, and what that makes a token worth."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.discriminators import DiscriminatorConfig
from seqgan.config.section import Count, Positive, PositiveCount, Probability, Section, Several

Discount = Annotated[float, Field(gt=0, le=1)]


class Fit(Section):
    """How an adversary learns from one set of fresh negatives."""

    epochs: PositiveCount = Field(
        default=3, description="k: passes over each set of fresh negatives. Paper: 3."
    )
    num_sentences: PositiveCount | None = Field(
        default=None,
        description="Fresh negatives, and as many real sentences chosen at random; without a "
        "number as many as the training set has. Paper: the training set.",
    )
    batch_size: PositiveCount = Field(
        default=64, description="Sentences per update, real and generated together. Paper: 64."
    )
    learning_rate: Positive = Field(default=0.0001, description="Step size of Adam. Paper: 1e-4.")


class DiscriminatorFit(Fit):
    """How a discriminator learns from one set of fresh negatives."""

    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        default=0.0,
        description="By how much the probability that real sentences are to have is less than 1. "
        "Paper: 0.",
    )
    gradient_penalty: Annotated[float, Field(ge=0)] = Field(
        default=0.0,
        description="Weight of half the squared gradient of the log-odds by the embedded tokens of "
        "real sentences (R1: Mescheder et al., 2018). Paper: 0.",
    )


DISCOUNT = "Factor for each token that follows until the end of the sentence. Paper: 1."


class RolloutConfig(Section):
    """Value of a token: mean reward of sampled completions."""

    kind: Literal["rollout"]
    num_rollouts: PositiveCount = Field(
        default=16, description="N: completions of every prefix. Paper: 16."
    )
    tracking_rate: Probability = Field(
        default=0.0,
        description="Share of the rollout policy that stays at each round. 0 follows the "
        "generator, which is what the released code of the paper does; its text says 0.8.",
    )
    every: PositiveCount = Field(
        default=1,
        description="Complete the prefixes that end at every so many tokens alone; the values "
        "between lie on straight lines. For long sentences. LeakGAN (Guo et al., 2018): 4.",
    )
    discount: Discount = Field(default=1.0, description=DISCOUNT)


class TerminalConfig(Section):
    """Value of a token: reward of its finished sentence."""

    kind: Literal["terminal"]
    discount: Discount = Field(default=1.0, description=DISCOUNT)


class DenseConfig(Section):
    """Value of a token: what a discriminator says of each prefix from it on, with no completion.

    For `discriminator: {kind: prefix}`.
    """

    kind: Literal["dense"]
    discount: Probability = Field(
        default=0.0,
        description="Factor for each token between a choice and what is said later; with 0 a "
        "choice is worth what is said right after it. ScratchGAN (2019): 0.23.",
    )


ActionValueConfig = Annotated[
    RolloutConfig | TerminalConfig | DenseConfig, Field(discriminator="kind")
]


class Adversary(Fit):
    """A judge that goes on learning beside the generator."""

    steps: Count = Field(
        default=5,
        description="d: sets of fresh negatives that D is fitted to in each round. Paper: 5.",
    )
    discriminator: DiscriminatorConfig | None = Field(
        default=None,
        description="A network of the method's own, untrained; without it the experiment's, "
        "pretrained.",
    )
    warm_up: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0,
        description="Sets of fresh negatives that it is fitted to before the first round: the "
        "pretraining of a network of the method's own.",
    )


class Classifier(Adversary, DiscriminatorFit):
    """An adversary that says how probable it is that a sentence is real."""

    shape: Literal["probability", "centred", "log_probability", "logit", "odds"] = Field(
        default="probability",
        description="The reward, of the probability D: D (paper), 2D − 1, log D, log D/(1 − D), or "
        "D/(1 − D).",
    )


class DiscriminatorRewardConfig(Classifier):
    """The reward is the discriminator's probability that a sentence is real."""

    kind: Literal["discriminator"]


class ShuffledRewardConfig(Classifier):
    """The discriminator's reward of another sentence of the batch: a control.

    Whatever a method gains with rewards that fit to no sentence, its judge did not teach it.
    """

    kind: Literal["shuffled"]


class RankingRewardConfig(Adversary):
    """The reward is how a sentence ranks among real ones by its likeness to others (RankGAN)."""

    kind: Literal["ranking"]
    num_references: PositiveCount = Field(
        default=16, description="Real sentences that others are likened to."
    )
    num_comparisons: PositiveCount = Field(
        default=16, description="Sentences that one is ranked among."
    )
    sharpness: Positive = Field(
        default=5.0, description="Factor of the likeness, a cosine, before the softmax."
    )


class BleuRewardConfig(Section):
    """The reward is the sentence's smoothed BLEU against some real ones (PG-BLEU)."""

    kind: Literal["bleu"]
    order: Annotated[int, Field(ge=1, le=20)] = Field(
        default=3, description="Longest n-gram that counts."
    )
    num_references: PositiveCount = Field(
        default=500, description="Real sentences, drawn once; all there are if they are fewer."
    )
    smoothing: Positive = Field(
        default=0.1, description="Matches in place of none (method 1 of Chen & Cherry, 2014)."
    )


class RepetitionPenalty(Section):
    """What a reward is lowered by for n-grams that repeat within a sentence."""

    order: Several = Field(default=2, description="Tokens of an n-gram.")
    weight: Positive = Field(
        default=1.0, description="Times the share of n-grams that stood in the sentence before."
    )


class ConstantRewardConfig(Section):
    """The reward is the same for every sentence: a control that knows nothing."""

    kind: Literal["constant"]
    value: float = Field(default=1.0, description="Reward of every sentence.")


class RandomRewardConfig(Section):
    """The reward is drawn from [0, 1) for every sentence: a control that knows nothing."""

    kind: Literal["random"]


RewardConfig = Annotated[
    DiscriminatorRewardConfig
    | ShuffledRewardConfig
    | RankingRewardConfig
    | BleuRewardConfig
    | ConstantRewardConfig
    | RandomRewardConfig,
    Field(discriminator="kind"),
]
