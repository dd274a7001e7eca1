"""Make one HTML page of an experiment that opens offline, and its figures as files."""

from seqgan.records import write_atomically
from seqgan.report.curves import as_table
from seqgan.report.evidence import (
    Evidence,
    read_encoder,
    read_facts,
    read_histories,
    read_judgements,
    read_samples,
    read_scores,
    read_sweep,
    read_table,
)
from seqgan.report.figures import draw_all
from seqgan.report.ledger import read_ledger
from seqgan.report.page import render
from seqgan.stage import Context, Stage

COURSE = ("nll_validation", "nll_oracle", "entropy", "reward")
"""Metrics of the learning curves that are put into a table."""

STAGE = Stage(
    "report",
    __doc__,
    inputs={
        "data": "folder of the dataset",
        "encoder": "folder of encode_references, if sentences were embedded",
        "table": "CSV table of summarise",
        "sweep": "CSV file of summarise with the points of all curves",
        "judgements": "JSON file of summarise with what may be said of them",
        "scores": "files of evaluate, for every seed and method",
        "curves": "learning curves of the training stages, for every seed",
        "samples": "folders of sample_sentences, for every seed",
    },
    outputs={
        "report": "HTML page",
        "figures": "folder of SVG and PNG files",
        "course": "CSV file: the learning curves of the methods, as means over seeds",
    },
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """Draw the curves and planes, and put them beside the table.

    Figures depend on the inputs alone. The page also shows who computed them, which differs from
    run to run: the provenance beside each of the receipts that were given.
    """
    settings = context.settings
    evidence = Evidence(
        settings,
        read_table(context.input("table")),
        read_histories(context.inputs("curves")),
        read_scores(context.inputs("scores")),
        read_samples(
            context.inputs("samples"), settings["seeds"][0], settings["report"]["num_samples"]
        ),
        {} if not context.inputs("data") else read_facts(context.input("data")),
        read_sweep(context.input("sweep")),
        **read_judgements(context.input("judgements")),
        encoder=read_encoder(context.inputs("encoder")),
    )
    drawings = draw_all(evidence)
    folder = context.output("figures")
    folder.mkdir()
    for drawing in drawings:
        drawing.save(folder)
    write_atomically(context.output("course"), course(evidence).encode())
    page = render(evidence, drawings, read_ledger(context.inputs("receipts")))
    write_atomically(context.output("report"), page.encode())


def course(evidence: Evidence) -> str:
    """Return the learning curves of all methods in a table: a row a step, a column a metric."""
    curves = {
        f"{method}.{metric}": curve
        for method in evidence.methods
        for metric in COURSE
        if (curve := evidence.curve("train_adversarially", metric, method)) is not None
    }
    return as_table(curves)


if __name__ == "__main__":
    STAGE.main(run)
