"""Put the scores of all seeds and methods into one table, with intervals over seeds."""

from seqgan.records import read_json, write_atomically
from seqgan.stage import Context, Stage
from seqgan.summary import as_text, summarise

STAGE = Stage(
    "summarise",
    __doc__,
    inputs={"scores": "files of evaluate, for every seed and method"},
    outputs={"table": "CSV file, a row for every method and metric", "text": "table to read"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """The training seed is the unit of replication."""
    settings = context.settings
    scores = {}
    for path in context.inputs("scores"):
        seed = int(path.parent.name.removeprefix("seed-"))
        scores[path.stem.removeprefix("evaluate-"), seed] = read_json(path)
    table = summarise(scores, methods=settings["methods"], baseline=settings["baseline"])
    write_atomically(context.output("table"), table.to_csv(index=False).encode())
    write_atomically(context.output("text"), as_text(table).encode())


if __name__ == "__main__":
    STAGE.main(run)
