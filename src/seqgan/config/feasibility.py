"""What each section of a method allows but their combination, or the corpus, does not."""

from collections.abc import Iterator
from typing import Any

from seqgan.config.corpus import CorpusConfig, OracleCorpus, TextCorpus
from seqgan.config.discriminators import DiscriminatorConfig, PrefixDiscriminatorConfig
from seqgan.config.policies import LengthByAccuracy
from seqgan.config.rewards import (
    Adversary,
    Classifier,
    DenseConfig,
    RandomRewardConfig,
    TerminalConfig,
)
from seqgan.config.training import AdversarialMethod, PolicyGradientMethod


def shares_discriminator(method: Any) -> bool:
    """Return whether a method starts from the experiment's pretrained discriminator."""
    reward = getattr(method, "reward", None)
    return isinstance(reward, Adversary) and reward.discriminator is None


def filters_that_fit(where: str, discriminator: DiscriminatorConfig, row: int) -> Iterator[str]:
    """Yield a line for each filter that is wider than a sentence."""
    for width in discriminator.too_wide(row):
        yield (
            f"{where}.widths: a filter must not be wider than a sentence, but {width} "
            f"is wider than {row} tokens; drop it, with its entry in `num_filters`"
        )


def pointless(
    where: str,
    method: AdversarialMethod,
    corpus: CorpusConfig,
    discriminator: DiscriminatorConfig,
) -> Iterator[str]:
    """Yield what a method asks for that cannot be, or cannot do anything.

    Args:
        where: Path of the method's section.
        method: The method.
        corpus: What it learns from.
        discriminator: The experiment's, which the method has if it has none of its own.
    """
    if isinstance(method, PolicyGradientMethod):
        yield from _pointless_policy(where, method, corpus, discriminator)
    if method.selection.by != "nll_validation" and not isinstance(corpus, OracleCorpus):
        yield (
            f"{where}.selection.by: {method.selection.by} needs an oracle, but the corpus is a "
            "text; use `nll_validation`"
        )


def _pointless_policy(
    where: str,
    method: PolicyGradientMethod,
    corpus: CorpusConfig,
    discriminator: DiscriminatorConfig,
) -> Iterator[str]:
    reward, curriculum = method.reward, method.curriculum
    if isinstance(reward, RandomRewardConfig) and not isinstance(
        method.action_value, TerminalConfig
    ):
        yield (
            f"{where}.action_value: a random reward is drawn for whole sentences, but this kind "
            "judges more; use `kind: terminal`"
        )
    if isinstance(method.action_value, DenseConfig):
        judge = reward.discriminator or discriminator if isinstance(reward, Classifier) else None
        if not isinstance(judge, PrefixDiscriminatorConfig):
            yield (
                f"{where}.action_value: `dense` needs a discriminator that judges prefixes; "
                "give the reward `discriminator: {kind: prefix}`, or use `kind: rollout`"
            )
        if method.repetition_penalty is not None:
            yield (
                f"{where}.repetition_penalty: is of whole sentences, but `dense` judges "
                "prefixes; leave it out"
            )
    conditional = isinstance(corpus, TextCorpus) and corpus.condition != "none"
    for key, wanted in {"length": curriculum.length, "prefix": curriculum.prefix}.items():
        if wanted is None:
            continue
        if conditional:
            yield (
                f"{where}.curriculum.{key}: needs sentences that follow no condition, but the "
                "corpus has conditions; leave the curriculum out"
            )
        if wanted.start > corpus.row_length:
            yield (
                f"{where}.curriculum.{key}.start: must not exceed a sentence, but {wanted.start} "
                f"is more than {corpus.row_length} tokens"
            )
    if isinstance(curriculum.length, LengthByAccuracy) and not (
        isinstance(reward, Adversary) and reward.steps
    ):
        yield (
            f"{where}.curriculum.length: goes by a discriminator's accuracy, but no discriminator "
            "learns; use `kind: schedule`"
        )
