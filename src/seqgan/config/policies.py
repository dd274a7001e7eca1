"""How a policy gradient weighs tokens: baselines, scales, and curricula."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.section import Positive, PositiveCount, Probability, Section, Share


class NoBaseline(Section):
    """Nothing is subtracted, as in the paper."""

    kind: Literal["none"] = "none"


class MeanOfOthersConfig(Section):
    """The mean value at a token's position in the other sentences of the batch.

    It lowers the variance and keeps the gradient unbiased.
    """

    kind: Literal["mean_of_others"]


class MovingAverageConfig(Section):
    """The mean value at a token's position in earlier batches, old ones fading."""

    kind: Literal["moving_average"]
    decay: Share = Field(
        default=0.9, description="Share of the average that stays when a batch is added."
    )


class CriticConfig(Section):
    """A value learnt for every prefix, linear in the generator's features."""

    kind: Literal["critic"]
    learning_rate: Positive = Field(default=0.01, description="Step size of its Adam.")


BaselineConfig = Annotated[
    NoBaseline | MeanOfOthersConfig | MovingAverageConfig | CriticConfig,
    Field(discriminator="kind"),
]


class Advantage(Section):
    """From values of tokens to what weighs them. The paper does nothing of this."""

    value_scale: Literal["none", "share", "deviation"] = Field(
        default="none",
        description="What values are divided by before the baseline is subtracted: nothing, their "
        "mean at each position of the batch (`share`, the normalised weights of MaliGAN, which "
        "wants `shape: odds`), or their standard deviation in the batch.",
    )
    advantage_scale: Literal["none", "deviation"] = Field(
        default="none",
        description="What values are divided by after the baseline was subtracted: nothing, or "
        "their standard deviation in the batch.",
    )
    clip: Positive | None = Field(
        default=None,
        description="Largest absolute value of what weighs a token; nothing is cut without.",
    )


class TeacherForcing(Section):
    """Likelihood between the steps of the policy gradient, on real sentences."""

    steps: Annotated[int, Field(ge=0, le=1000)] = Field(
        default=0, description="Updates by maximum likelihood in each round. Paper: none."
    )
    learning_rate: Positive = Field(
        default=0.01, description="Step size of their Adam, which is one of their own."
    )


class ScheduledLength(Section):
    """Sentences are cut to a length that grows with the rounds."""

    kind: Literal["schedule"]
    start: PositiveCount = Field(description="Tokens of a sentence in the first rounds.")
    step: PositiveCount = Field(default=1, description="Tokens by which it grows.")
    every: PositiveCount = Field(default=1, description="Rounds until it grows again.")


class LengthByAccuracy(Section):
    """Sentences are cut to a length that grows when the discriminator is deceived.

    That is, after a round in which its accuracy on what it is fitted to is low enough.
    """

    kind: Literal["accuracy"]
    start: PositiveCount = Field(description="Tokens of a sentence in the first round.")
    step: PositiveCount = Field(default=1, description="Tokens by which it grows.")
    threshold: Probability = Field(
        default=0.6, description="Accuracy at which it grows, or below it."
    )


class ScheduledPrefix(Section):
    """Sentences begin as real ones, by fewer tokens as the rounds go on (MaliGAN).

    Likelihood trains the real part, the policy gradient what follows.
    """

    start: PositiveCount = Field(description="Real tokens of a sentence in the first rounds.")
    step: PositiveCount = Field(default=1, description="Tokens by which the real part shrinks.")
    every: PositiveCount = Field(default=1, description="Rounds until it shrinks again.")


class Curriculum(Section):
    """What is easy first: short sentences, or sentences that begin as real ones."""

    length: Annotated[ScheduledLength | LengthByAccuracy, Field(discriminator="kind")] | None = (
        Field(default=None, description="How long sentences are; without it, as in the corpus.")
    )
    prefix: ScheduledPrefix | None = Field(
        default=None, description="How much of a sentence is real; without it, nothing."
    )
