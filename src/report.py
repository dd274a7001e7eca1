"""Make one HTML page of an experiment that opens offline, and its figures as files."""

from seqgan.stage import Context, Stage

STAGE = Stage(
    "report",
    __doc__,
    inputs={
        "table": "CSV table of summarise",
        "curves": "learning curves of the training stages, for every seed",
        "samples": "folders of sample_sentences, for every seed",
    },
    outputs={"report": "HTML page", "figures": "folder of SVG and PNG files"},
    seeded=False,
)


def run(context: Context) -> None:
    """Draw the curves and planes, and put them beside the table."""
    context.output("report").write_text("stub")
    context.output("figures").mkdir()


if __name__ == "__main__":
    STAGE.main(run)
