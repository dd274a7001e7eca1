"""Signs in the learning curves that training went wrong, whatever the final scores say."""

from collections.abc import Iterator

from seqgan.report.curves import Curve
from seqgan.report.evidence import ADVERSARIAL, Evidence
from seqgan.report.verdicts import Finding
from seqgan.report.wording import plain, signed
from seqgan.symptoms import shown_by

PINNED_HIGH, PINNED_CHANCE, BY_HEART = 0.99, 0.01, 0.2


def training_alarms(evidence: Evidence) -> Iterator[Finding]:
    """Yield what the adversarial phase of each method did that no score may excuse.

    The first and the last tenth of its rounds are compared, means over seeds.
    """
    for method in evidence.methods:
        held_out = evidence.curve(ADVERSARIAL, "accuracy_heldout", method)
        fitted = evidence.curve(ADVERSARIAL, "discriminator_accuracy", method)
        if held_out is not None:
            accuracy = _last(held_out)
            if accuracy > PINNED_HIGH:
                yield Finding(
                    f"The discriminator of {method} tells {plain(accuracy)} of held-out and fresh "
                    "sentences apart: it is so sure that its rewards teach little.",
                    "alarm",
                    method,
                )
            elif abs(accuracy - 0.5) < PINNED_CHANCE:
                yield Finding(
                    f"The discriminator of {method} tells {plain(accuracy)} of held-out and fresh "
                    "sentences apart, as by chance: its rewards are noise.",
                    "alarm",
                    method,
                )
            if fitted is not None and _last(fitted) - accuracy > BY_HEART:
                yield Finding(
                    f"The discriminator of {method} is right on {plain(_last(fitted))} of the "
                    f"sentences it is fitted to and on {plain(accuracy)} of others: it learns real "
                    "sentences by heart.",
                    "alarm",
                    method,
                )
        yield from _symptoms(evidence, method)
        entropy = evidence.curve(ADVERSARIAL, "entropy", method)
        validation = evidence.curve(ADVERSARIAL, "nll_validation", method)
        if entropy is None or validation is None:
            continue
        less, worse = _trend(entropy), _trend(validation)
        if less[1] < 0 < worse[0]:
            yield Finding(
                f"{method} says less as it trains: its entropy changed by {signed(sum(less) / 2)} "
                f"while nll_validation changed by {signed(sum(worse) / 2)} nats per token.",
                "alarm",
                method,
            )


def _symptoms(evidence: Evidence, method: str) -> Iterator[Finding]:
    """Yield what rounds showed while they ran, with the round at which it began."""
    histories = evidence.histories.get((ADVERSARIAL, method), {})
    begun: dict[str, list[tuple[int, str]]] = {}
    for rows in histories.values():
        seen = set()
        for place in range(1, len(rows)):
            for name, text in shown_by(rows[place], rows[:place]).items():
                # Of the discriminator's accuracy the end counts, which is judged above.
                if name not in seen and name != "accuracy_heldout":
                    begun.setdefault(name, []).append((rows[place]["step"], text))
                    seen.add(name)
    for found in begun.values():
        step, text = min(found)
        seeds = f"{len(found)} of {len(histories)} seeds"
        yield Finding(
            f"While {method} trained, from round {step} on in {seeds}: {text}.", "alarm", method
        )


def _last(curve: Curve) -> float:
    return float(curve.mean[-_tenth(curve) :].mean())


def _tenth(curve: Curve) -> int:
    return max(1, len(curve.steps) // 10)


def _trend(curve: Curve) -> tuple[float, float]:
    """Return the least and the largest change from the first to the last tenth, over seeds."""
    width = _tenth(curve)
    changes = [each[-width:].mean() - each[:width].mean() for each in curve.runs]
    return float(min(changes)), float(max(changes))
