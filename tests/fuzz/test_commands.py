"""Command lines of any content, and files of the user with any name."""

import contextlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import prepare_corpus
import results
import sample_sentences
from paths import ROOT
from seqgan.assembly import save_generator
from seqgan.config.corpus import TextCorpus
from seqgan.provenance import spec
from seqgan.records import readable_json
from stage_worlds import GENERATOR, LENGTH, VOCABULARY, network

from .promise import check_line, fuzz, texts

TEXT = "".join(f"{a} {b} {c}\n" for a in "abcdef" for b in "ghijkl" for c in "mnopqr")
values = texts.filter(lambda text: "\0" not in text) | st.sampled_from(
    (
        "0",
        "1",
        "3",
        "-1",
        "1e400",
        "nan",
        "inf",
        "1e-300",
        "9" * 5000,
        "0x10",
        "１",
        "1_0",
        "text",
        "jsonl",
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("fuzz")
    save_generator(place / "model", network(VOCABULARY.alphabet, 1), GENERATOR, LENGTH, VOCABULARY)
    shutil.copytree(ROOT / "config", place / "config")
    (place / "config/bad.yaml").write_text("experiments: 3\n")
    (place / "config/two.yaml").write_text("run: [x]\nexperiments: {x: {a: 1, b: 2}}\n")
    before = Path.cwd()
    os.chdir(place)
    yield place
    os.chdir(before)


def ends_well(command, name: str, arguments: list[str]) -> int:
    """Assert that a command succeeds, or says one line after its usage, and return its status."""
    said, printed = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [f"src/{name}.py", *arguments])
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(printed):
            try:
                command()
                status = 0
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 0
    lines = said.getvalue().removesuffix("\n").split("\n")
    if status == 0:
        assert lines == [""]
    elif status == 2:
        # argparse: usage, then the line, which repeats what was given as it is
        assert lines[0].startswith(f"usage: src/{name}.py")
        assert sum(line.startswith(f"src/{name}.py") and ": error: " in line for line in lines) == 1
        assert "Traceback" not in said.getvalue()
    else:
        (line,) = lines
        assert line.startswith(f"{name}: error: ")
        check_line(line, ())
    return status


@fuzz(250)
@given(
    st.sampled_from(("--num", "--temperature", "--seed", "--format", "--checkpoint", "--x", "")),
    values,
)
@example("--temperature", "1e-320")
@example("--temperature", "1e320")
@example("--seed", "-" + "9" * 4000)
@example("--checkpoint", "x" * 300)
@example("--checkpoint", "a\nb")
def test_the_arguments_of_sample_sentences(folder, option, value):
    arguments = ["--checkpoint", "model", "--num", "2", *([option] if option else []), value]
    ends_well(sample_sentences.command, "sample_sentences", arguments)


@fuzz(250)
@given(
    st.lists(
        st.sampled_from(
            ("verify", "show", "--configfile", "quickstart", "smoke", "config/smoke.yaml", "x",
             "config/bad.yaml", "config/two.yaml", "config", "absent.yaml", "--", "-h")
        )
        | values,
        max_size=4,
    )
)  # fmt: skip
@example(["show", "--configfile", "config/two.yaml"])
@example(["show", "--configfile", "config"])
@example(["verify", "x"])
@example(["verify", "a\nb"])
@example(["verify", "\udcff"])
@example(["verify", "smoke", "--configfile", "config/bad.yaml"])
def test_the_arguments_of_results(folder, arguments):
    ends_well(results.main, "results", arguments)


def test_good_arguments_are_fine(folder):
    arguments = ["--checkpoint", "model", "--num", "2", "--format", "jsonl"]
    assert ends_well(sample_sentences.command, "sample_sentences", arguments) == 0
    assert ends_well(results.main, "results", ["verify", "smoke"]) == 1


# --- files of the user ----------------------------------------------------------------------------

NAMES = (
    '$(touch pwned) it\'s "q".txt',
    "`touch pwned`;#&|>*?.txt",
    "../text/~b\\n é\u4e2d.txt",
)


def prepare(place: Path, name: str) -> subprocess.CompletedProcess:
    """Run the stage on a text of any name, as a process of its own."""
    settings = TextCorpus(
        kind="text", source={"kind": "file", "path": "x"}, min_count=1
    ).model_dump(mode="json")
    (place / "spec.json").write_bytes(readable_json(spec("prepare_corpus", {"corpus": settings})))
    options = {"spec": "spec.json", "text": name, "data": "data", "receipt": "receipt.json"}
    arguments = [word for option in options.items() for word in (f"--{option[0]}", option[1])]
    return subprocess.run(
        [sys.executable, ROOT / "src/prepare_corpus.py", *arguments],
        cwd=place,
        capture_output=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize("name", ["$(touch pwned) 'a\"b\n.txt", "\udcff.txt"])
def test_a_text_of_any_name_is_prepared_or_refused_in_one_line(tmp_path, name):
    (tmp_path / name).write_text(TEXT)
    done = prepare(tmp_path, name)
    *progress, line = done.stderr.decode().removesuffix("\n").split("\n")
    assert all(each.startswith("spec: ") for each in progress)
    check_line(line, ("prepare_corpus: error: ", "175 train"))
    assert (done.returncode == 0) == line.startswith("spec: 175 train")
    assert not (tmp_path / "pwned").exists()


@pytest.mark.workflow
def test_a_workflow_reads_a_text_of_any_usual_name_and_runs_no_part_of_it(tmp_path):
    place = tmp_path / "text"
    for name in ("Snakefile", "environment.yml"):
        (place / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, place / name)
    for name in ("workflow", "src", "config", "profiles"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    experiment = {
        "seeds": [1],
        "discriminator": {"widths": [1], "num_filters": [2]},
        "methods": {"mle": {"kind": "likelihood"}},
    }
    experiments = {
        f"e{i}": experiment
        | {"corpus": {"kind": "text", "source": {"kind": "file", "path": name}, "min_count": 1}}
        for i, name in enumerate(NAMES)
    }
    for name in NAMES:
        (place / name).write_text(TEXT)
    settings = {"run": list(experiments), "experiments": experiments}
    (place / "config/config.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--until", "prepare_corpus"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.rglob("pwned"))
    for name in experiments:
        assert json.loads((place / f"results/{name}/data/facts.json").read_text())["lines"] == 216


def test_the_stage_of_texts_takes_one_text():
    assert set(prepare_corpus.STAGE.inputs) == {"source", "text", "validation", "test"}
