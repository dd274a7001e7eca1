"""Turn a text file, one sentence a line, into training, validation and test sets of tokens."""

from collections.abc import Iterator
from typing import Any

from seqgan.corpus.text import Step, prepare
from seqgan.failures import Stopped
from seqgan.stage import Context, Stage, stop_gently

STAGE = Stage(
    "prepare_corpus",
    __doc__,
    inputs={"text": "UTF-8 file, one sentence a line"},
    outputs={"data": "folder of the dataset"},
    seeded=False,
    on_device=False,
)


def run(context: Context) -> None:
    """Split by the hash of each sentence; count words on the training split alone."""
    stop_gently(context)

    def follow(steps: Iterator[Step], **options: Any) -> Iterator[Step]:
        for step in context.follow(steps, **options):
            yield step
            if context.stopping:
                raise Stopped("stopped; start it again, it begins anew")

    text, folder = context.input("text"), context.output("data")
    facts = prepare(text, folder, context.settings["corpus"], follow)
    sizes = ", ".join(f"{count} {split}" for split, count in facts["sentences"].items())
    left = ", ".join(f"{count} {why}" for why, count in facts["left_out"].items() if count)
    context.say(f"{sizes} sentences, {facts['vocabulary_size']} words; left out: {left or 'none'}")


if __name__ == "__main__":
    STAGE.main(run)
