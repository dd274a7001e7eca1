"""What a generator learns from real sentences."""

from typing import Literal

from seqgan.config.section import Section


class MaximumLikelihoodConfig(Section):
    """Cross-entropy of real sentences."""

    kind: Literal["maximum_likelihood"] = "maximum_likelihood"


ObjectiveConfig = MaximumLikelihoodConfig
