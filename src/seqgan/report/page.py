"""The report as one HTML page that opens offline; every text of a user is escaped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from seqgan.report.colophon import as_yaml, command, job_row, origin, reproduction, stages
from seqgan.report.corpus import section
from seqgan.report.drawing import Drawing, method_styles
from seqgan.report.evidence import Cell, Evidence
from seqgan.report.findings import findings
from seqgan.report.frequencies import OF_CORPUS
from seqgan.report.glossary import entry, headline, one_of_each, second_line
from seqgan.report.ledger import Entry, configuration, kind_first
from seqgan.report.template import PAGE, STYLE
from seqgan.report.verdicts import Verdict, tone, verdict
from seqgan.report.wording import half_width, plain, probability, signed

MARKS = {"good": "✓", "bad": "✗", "mixed": "⇄", "open": "○", "alarm": "!"}
NONE = "–"


@dataclass(frozen=True)
class Section:
    """A part of the page that the table of contents names."""

    id: str
    title: str


def render(evidence: Evidence, drawings: Sequence[Drawing], jobs: Sequence[Entry]) -> str:
    """Return the page."""
    settings, table = evidence.settings, evidence.table
    shown = headline(table.metrics)
    of_corpus = [each for each in drawings if each.name in OF_CORPUS]
    of_training = [each for each in drawings if each.name not in OF_CORPUS]
    corpus = section(evidence)
    titles = {
        "findings": "Findings",
        "scores": "Scores",
        "figures": "Figures" if of_training else None,
        "samples": "Samples" if evidence.samples else None,
        "corpus": "Corpus" if corpus else None,
        "provenance": "Provenance",
        "reproduction": "Reproduce",
    }
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    whole = configuration(settings, jobs, evidence.methods)
    return environment.from_string(PAGE).render(
        # Marked as markup: ours alone. Everything else is escaped.
        style=Markup(STYLE),
        sections={key: Section(key, title) for key, title in titles.items() if title},
        colours={name: look.colour for name, look in method_styles(evidence.methods).items()},
        marks=MARKS,
        experiment=settings["experiment"],
        description=settings["description"],
        facts=list(facts(evidence)),
        findings=findings(evidence),
        baseline=evidence.baseline,
        columns=[entry(metric) for metric in shown],
        glossary=[entry(metric) for metric in shown],
        more=[entry(metric) for metric in one_of_each(table.metrics) if metric not in shown],
        tables=[
            {
                "columns": [entry(metric) for metric in metrics],
                "rows": [
                    {
                        "method": method,
                        "cells": [score(table.get(method, metric)) for metric in metrics],
                    }
                    for method in table.methods
                ],
            }
            for metrics in (shown, second_line(table.metrics))
            if metrics
        ],
        paired=[
            {"method": method, "cells": [difference(table.get(method, metric)) for metric in shown]}
            for method in table.methods
            if any(_has_difference(table.get(method, metric)) for metric in shown)
        ],
        table_note=table_note(evidence),
        paired_note="✓ better and ✗ worse: the 95% interval excludes 0; ○: it does not. Without a "
        "mark there is no interval, or no direction is better by itself. Differences are paired "
        "by seed: methods of one seed share their pretraining.",
        everything=[full(cell) for cell in table.cells.values()],
        drawings=list(map(shown_figure, of_training)),
        corpus=corpus,
        corpus_drawings=list(map(shown_figure, of_corpus)),
        samples=[
            (name, evidence.samples[name]) for name in table.methods if name in evidence.samples
        ],
        samples_note=samples_note(evidence),
        origin=list(origin(jobs)),
        stages=stages(jobs),
        jobs=[job_row(job) for job in jobs],
        reproduction=reproduction(settings["experiment"], jobs),
        command=command(settings["experiment"], jobs),
        configuration=as_yaml(whole),
        methods=[
            (method, as_yaml(kind_first(settings["methods"][method])))
            for method in evidence.methods
        ],
    )


def shown_figure(drawing: Drawing) -> dict[str, str]:
    """Return what the page shows of a figure."""
    return {
        "name": drawing.name,
        "title": drawing.title,
        "caption": drawing.caption,
        "alt": drawing.alt,
        "svg": Markup(drawing.svg),
    }


# --- what was run ---------------------------------------------------------------------------------


def facts(evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield what was run, as labels and texts."""
    corpus, known = evidence.settings["corpus"], evidence.facts
    seeds = evidence.settings["seeds"]
    yield "Seeds", f"{', '.join(map(str, seeds))}" if len(seeds) > 1 else f"{seeds[0]} (only one)"
    yield "Methods", ", ".join(evidence.methods)
    if evidence.has_oracle:
        origin = corpus.get("parameters")
        what = f"the oracle in {origin}" if origin else "a random LSTM oracle"
        yield (
            "Corpus",
            (
                f"{what}: {corpus['vocab_size']:,} tokens, sentences of {corpus['length']}, seed "
                f"{corpus['seed']}"
            ),
        )
    else:
        unit, source = known.get("unit", "words"), corpus["source"]
        words = f", {known['vocabulary_size']:,} {unit}" if "vocabulary_size" in known else ""
        origin = source.get("path") or source.get("url") or source["kind"]
        yield "Corpus", f"{origin}{words}, at most {corpus['max_length']} tokens a sentence"
    if sizes := known.get("sentences"):
        order = [split for split in ("train", "validation", "test") if split in sizes]
        yield "Sentences", ", ".join(f"{sizes[split]:,} {split}" for split in order)
    if left := {why: count for why, count in known.get("left_out", {}).items() if count}:
        yield "Left out", ", ".join(f"{count:,} {why}" for why, count in left.items())
    if evidence.encoder:
        yield "Sentence encoder", evidence.encoder
    if "oracle_entropy" in known:
        yield (
            "Oracle's entropy",
            f"{plain(known['oracle_entropy'])} nats per token, on test sentences",
        )
    epochs = evidence.settings["generator_pretraining"]["epochs"]
    given = evidence.settings["methods"]
    rounds = sorted({given[name]["rounds"] for name in evidence.methods if "rounds" in given[name]})
    then = f", then {' or '.join(f'{n:,}' for n in rounds)} adversarial rounds" if rounds else ""
    yield "Training", f"{epochs:,} epochs of likelihood{then}"


def table_note(evidence: Evidence) -> str:
    """Say what the table of scores holds."""
    seeds = max((cell.seeds for cell in evidence.table.cells.values()), default=0)
    if seeds > 1:
        what = f"Mean over {seeds} seeds ± half of its 95% t-interval."
    else:
        what = "Values of a single seed."
    if evidence.has_oracle:
        real = "fresh sentences of the oracle, scored as if generated: the floor or ceiling"
    else:
        real = "held-out sentences, scored as if generated: the floor or ceiling"
    return (
        f"{what} Row real: {real} that a perfect generator would reach; ≈ marks scores that are "
        "best where they are closest to it. Hover over a number for its signature: only numbers "
        "with equal signatures compare."
    )


def samples_note(evidence: Evidence) -> str:
    """Say which sentences are shown."""
    ids = " Numbers are the ids of tokens that stand for no words." if evidence.has_oracle else ""
    return (
        f"The first sentences of those that were scored, of seed {evidence.settings['seeds'][0]}; "
        "not chosen by hand. All generators are given the same random numbers, so sentences in "
        f"the same place may begin alike.{ids}"
    )


# --- cells ----------------------------------------------------------------------------------------


def score(cell: Cell | None) -> dict[str, str | None]:
    """Return what a cell of the table of scores shows."""
    if cell is None:
        return {"mean": NONE, "half": None, "signature": None}
    half = half_width(cell.low, cell.high)
    return {"mean": plain(cell.mean), "half": half, "signature": _signature(cell)}


def difference(cell: Cell | None) -> dict[str, str | None]:
    """Return what a cell of the table of differences shows."""
    if cell is None or cell.difference is None:
        return {"mean": NONE, "range": None, "mark": None, "tone": None, "signature": None}
    judged = verdict(cell.difference_low, cell.difference_high)
    mark = None
    if judged is not Verdict.UNKNOWN and entry(cell.metric).direction != "real":
        mark = MARKS[tone(cell.metric, judged)]
    return {
        "mean": signed(cell.difference),
        "range": _interval(cell.difference_low, cell.difference_high, signed),
        "mark": mark,
        "tone": tone(cell.metric, judged),
        "signature": _signature(cell),
    }


def full(cell: Cell) -> dict[str, Any]:
    """Return everything about a cell."""
    return {
        "method": cell.method,
        "metric": cell.metric,
        "mean": plain(cell.mean),
        "interval": _interval(cell.low, cell.high, plain) or NONE,
        "deviation": NONE if cell.deviation is None else plain(cell.deviation),
        "seeds": cell.seeds,
        "difference": NONE if cell.difference is None else signed(cell.difference),
        "difference_interval": _interval(cell.difference_low, cell.difference_high, signed) or NONE,
        "gap": NONE if cell.gap is None else signed(cell.gap),
        "effect": NONE if cell.hedges_g is None else signed(cell.hedges_g),
        "holm": NONE if cell.p_holm is None else probability(cell.p_holm),
        "permutation": NONE if cell.p_permutation is None else probability(cell.p_permutation),
        "signature": cell.signature,
    }


def _has_difference(cell: Cell | None) -> bool:
    return cell is not None and cell.difference is not None


def _interval(low: float | None, high: float | None, write: Any) -> str | None:
    return None if low is None or high is None else f"[{write(low)}, {write(high)}]"


def _signature(cell: Cell) -> str:
    seeds = f"{cell.seeds} seed{'s' if cell.seeds > 1 else ''}"
    return f"{cell.metric} = {cell.mean:.6g}, {seeds} · {cell.signature}"
