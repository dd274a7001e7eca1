"""What a generator learns from real sentences."""

from typing import Annotated, Literal

from pydantic import Field

from seqgan.config.section import Positive, Probability, Section, Share

NonNegative = Annotated[float, Field(ge=0)]


class LinearDecay(Section):
    """Falls by the same amount at each step."""

    kind: Literal["linear"]
    start: Probability = Field(default=1.0, description="Probability at first.")
    end: Probability = Field(default=0.0, description="It never falls below this.")
    decrease: NonNegative = Field(
        default=0.002, description="By how much it falls at each step. Yu et al. (2017): 0.002."
    )


class ExponentialDecay(Section):
    """Falls by the same factor at each step."""

    kind: Literal["exponential"]
    start: Probability = Field(default=1.0, description="Probability at first.")
    end: Probability = Field(default=0.0, description="It never falls below this.")
    base: Share = Field(default=0.99, description="Factor of each step.")


class InverseSigmoidDecay(Section):
    """Falls slowly at first, fast around step k · ln k, and slowly again."""

    kind: Literal["inverse_sigmoid"]
    start: Probability = Field(default=1.0, description="Where it comes from.")
    end: Probability = Field(default=0.0, description="Where it goes to.")
    k: Positive = Field(default=20.0, description="The larger, the later it falls, in steps.")


DecayConfig = Annotated[
    LinearDecay | ExponentialDecay | InverseSigmoidDecay, Field(discriminator="kind")
]


class LinearCooling(Section):
    """Falls by the same amount at each round."""

    kind: Literal["linear"]
    start: Positive = Field(default=1.0, description="Temperature at first.")
    end: Positive = Field(default=0.1, description="It never falls below this.")
    decrease: NonNegative = Field(default=0.01, description="By how much it falls at each round.")


class ExponentialCooling(Section):
    """Falls by the same factor at each round."""

    kind: Literal["exponential"]
    start: Positive = Field(default=1.0, description="Temperature at first.")
    end: Positive = Field(default=0.1, description="It never falls below this.")
    base: Share = Field(default=0.98, description="Factor of each round.")


CoolingConfig = Annotated[LinearCooling | ExponentialCooling, Field(discriminator="kind")]


class MaximumLikelihoodConfig(Section):
    """Cross-entropy of real sentences."""

    kind: Literal["maximum_likelihood"] = "maximum_likelihood"


class ScheduledSamplingConfig(Section):
    """Cross-entropy of real sentences by a generator that reads some of its own samples."""

    kind: Literal["scheduled_sampling"]
    truth: DecayConfig = Field(
        default=LinearDecay(kind="linear"),
        description="Probability that a token which is read is the real one, by epoch.",
    )


ObjectiveConfig = Annotated[
    MaximumLikelihoodConfig | ScheduledSamplingConfig, Field(discriminator="kind")
]
