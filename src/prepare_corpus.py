"""Turn sentences into training, validation and test sets of tokens."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqgan.corpus.files import Columns, Files
from seqgan.corpus.text import Step, prepare
from seqgan.failures import Stopped
from seqgan.records import read_json
from seqgan.stage import Context, Stage, stop_gently

STAGE = Stage(
    "prepare_corpus",
    __doc__,
    inputs={
        "source": "folder of fetch_corpus",
        "text": "files of sentences, in place of a source: .txt, .jsonl, .csv, .tsv, also .gz",
        "validation": "files of the validation set, where it is not taken from the others",
        "test": "files of the test set, where it is not taken from the others",
    },
    outputs={"data": "folder of the dataset"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """Split by hashes of sentences; count words and train tokenizers on the training set alone."""
    stop_gently(context)

    def follow(steps: Iterator[Step], **options: Any) -> Iterator[Step]:
        for step in context.follow(steps, **options):
            yield step
            if context.stopping:
                raise Stopped("stopped; start it again, it begins anew")

    folder, settings = context.output("data"), context.settings["corpus"]
    files, source = find_files(context, settings["source"])
    facts = prepare(files, folder, settings, follow, source=source)
    sizes = ", ".join(f"{count} {split}" for split, count in facts["sentences"].items())
    left = ", ".join(f"{count} {why}" for why, count in facts["left_out"].items() if count)
    unit = facts["unit"]
    context.say(f"{sizes} sentences, {facts['vocabulary_size']} {unit}; left out: {left or 'none'}")


def find_files(context: Context, source: dict[str, Any]) -> tuple[Files, dict[str, Any]]:
    """Return the files of sentences, and what is known of their source."""
    if folders := context.inputs("source"):
        known: dict[str, Any] = read_json(folders[0] / "source.json")
        fields = Columns("text", "prompt", "label", "group")
        return Files({"": [folders[0] / "text.jsonl"]}, "jsonl", fields, lenient=True), known
    paths: dict[str, list[Path]] = {"": context.inputs("text")}
    for split in ("validation", "test"):
        if given := context.inputs(split):
            paths[split] = given
    columns = Columns(**{name: source[name] for name in Columns._fields})
    return Files(paths, source["format"], columns), {"name": source["path"]}


if __name__ == "__main__":
    STAGE.main(run)
