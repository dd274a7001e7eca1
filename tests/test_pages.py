"""The pages of documentation agree with the code."""

import re

import pytest
import yaml

from paths import ROOT
from seqgan.config.experiment import validate
from seqgan.config.reading import read
from seqgan.layout import jobs
from seqgan.report.meanings import ENTRIES, PATTERNS

PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "config").glob("*.md")]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:src|docs|config|tests|workflow|data|profiles)/[\w./-]+\.\w+)`")
# Files of the reader that the pages speak of.
OF_THE_READER = {"data/own_text.txt", "data/paper_oracle.npz"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page):
    named = set(NAMED.findall(page.read_text(encoding="utf-8"))) - OF_THE_READER
    missing = [path for path in named if not (ROOT / path).exists()]
    assert missing == []


def test_every_claim_of_reliability_is_held_by_a_test_that_is_there():
    """A test is named with its file, or stands in the file that was named last."""
    page = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    names = re.findall(r"`(test_\w+)` in `(tests/[\w/]+\.py)`", page)
    assert len(names) > 20
    for name, file in names:
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), f"{name} in {file}"
    lines = [line for line in page.splitlines() if line.startswith("| ") and "shown by" not in line]
    faults = page[page.index("## Faults") : page.index("## Security")]
    rows = [line for line in lines if line in faults]
    assert len(rows) > 12
    assert all("`tests/" in row for row in rows)


def test_every_stage_has_a_rule_a_script_and_a_heading():
    experiments = {
        name: experiment
        for file in (ROOT / "config").glob("*.yaml")
        for name, experiment in validate(read(file)).experiments.items()
    }
    stages = {job.stage for name in experiments for job in jobs(name, experiments[name])}
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    rules = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    assert sorted(headings) == sorted(stages)
    assert sorted(re.findall(r"^rule (\w+):$", rules, re.MULTILINE)) == sorted(stages)
    assert all((ROOT / "src" / f"{stage}.py").is_file() for stage in stages)


def test_every_metric_of_the_report_is_in_the_documentation():
    page = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    names = [*ENTRIES, *(pattern.split("_(")[0] for pattern, *_ in PATTERNS)]
    assert len(names) > 40
    for name in names:
        assert re.search(rf"`{name}(_n|_100|_<plane>)?`|`{name.split('_')[0]}_\*`", page), name


def test_rules_have_fixed_shell_lines_and_nothing_that_hides_a_change():
    banned = ("params:", "script:", "run:", "temp(", "protected(", "update(", "retries:")
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        text = path.read_text()
        assert not [word for word in banned if re.search(rf"^\s*{re.escape(word)}", text, re.M)]
        for rule in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            name = rule.split(":")[0]
            assert f"/.spec/{name}" in rule.split("output:")[0], name
            assert re.search(r"receipt=\s*\"results/.*json\"", rule.split("output:")[1]), name
            assert f'"python src/{name}.py --spec {{input.spec:q}}' in rule, name


def test_no_page_still_waits_for_its_numbers():
    for page in PAGES:
        assert not re.search(r"@[A-Z]+@", page.read_text(encoding="utf-8")), page.name


def test_the_catalog_file_is_yaml():
    content = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
    assert content["usage"]["software-stack-deployment"]["conda"] is True
