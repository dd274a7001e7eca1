import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

import report
from evidence_cases import (
    CASES,
    CONSTANT,
    FULL,
    MLE,
    SEQGAN,
    cell,
    example,
    settings_of,
    sweeps_of,
    table_of,
    write_sweeps,
)
from seqgan.config.experiment import validate
from seqgan.errors import UserError
from seqgan.layout import jobs as jobs_of
from seqgan.provenance import receipt, spec
from seqgan.records import json_lines, readable_json, write_atomically
from seqgan.report.colophon import command, job_row, origin, reproduction, stages
from seqgan.report.evidence import (
    Evidence,
    PlaneJudged,
    read_facts,
    read_histories,
    read_samples,
    read_table,
    seed_of,
)
from seqgan.report.figures import draw_all
from seqgan.report.findings import (
    TRADES,
    beyond_control,
    cautions,
    differences,
    findings,
    trades,
)
from seqgan.report.glossary import entry, headline, preferred_order
from seqgan.report.ledger import Entry, configuration, provenance_of, read_entry
from seqgan.report.page import render
from seqgan.report.verdicts import Verdict, tone, verdict
from seqgan.report.wording import duration, half_width, listed, plain, signed, size
from seqgan.summary import summarise

# --- what may be said -----------------------------------------------------------------------------

WORSE, SAME, BETTER, ONE = (0.1, 0.3), (-0.1, 0.2), (-0.3, -0.1), None


def compared(**verdicts):
    """A table in which each method has these differences in nll_oracle and nll_test."""
    cells = [cell(name, metric, 2.0, 0.01) for name in ("real", "mle") for metric in JUDGED]
    for name, pair in verdicts.items():
        for metric, around in zip(JUDGED, pair, strict=True):
            middle = 0.05 if around is None else sum(around) / 2
            half = None if around is None else 0.1
            cells.append(cell(name, metric, 3.0, half, middle, around))
    return table_of(*cells)


JUDGED = ("nll_oracle", "nll_test")


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ((0.1, 0.3), Verdict.HIGHER),
        ((-0.3, -0.1), Verdict.LOWER),
        ((-0.1, 0.1), Verdict.INCONCLUSIVE),
        ((0.0, 0.1), Verdict.INCONCLUSIVE),
        ((-0.1, 0.0), Verdict.INCONCLUSIVE),
        ((0.0, 0.0), Verdict.INCONCLUSIVE),
        ((None, None), Verdict.UNKNOWN),
        ((0.1, None), Verdict.UNKNOWN),
    ],
)
def test_a_method_differs_where_the_interval_excludes_zero(around, expected):
    assert verdict(*around) is expected


def test_lower_is_good_for_likelihoods_and_higher_for_bleu():
    assert tone("nll_oracle", Verdict.LOWER) == tone("bleu_4", Verdict.HIGHER) == "good"
    assert tone("nll_test", Verdict.HIGHER) == tone("bleu_2", Verdict.LOWER) == "bad"
    for metric in ("nll_test", "bleu_4", "entropy"):
        assert tone(metric, Verdict.INCONCLUSIVE) == tone(metric, Verdict.UNKNOWN) == "open"
    assert tone("entropy", Verdict.LOWER) == tone("self_bleu_4", Verdict.HIGHER) == "open"


def test_differences_are_sorted_by_what_their_intervals_say():
    table = compared(a=(BETTER, SAME), b=(WORSE, SAME), c=(SAME, SAME), d=(BETTER, SAME))
    said = differences(table, "nll_oracle", ["a", "b", "c", "d"], "mle")
    assert [each.tone for each in said] == ["good", "bad", "open"]
    lower, higher, same = (each.text for each in said)
    assert lower == (
        "nll_oracle is lower (better) than that of mle for a (−0.200, 95% interval −0.300 to "
        "−0.100); and d (−0.200, 95% interval −0.300 to −0.100)."
    )
    assert higher == (
        "nll_oracle is higher (worse) than that of mle for b (+0.200, 95% interval +0.100 to "
        "+0.300)."
    )
    assert same == (
        "nll_oracle does not measurably differ from that of mle for c (+0.050, 95% interval "
        "−0.100 to +0.200)."
    )


def test_a_single_seed_judges_nothing():
    said = differences(compared(a=(ONE, ONE)), "nll_test", ["a"], "mle")
    assert [each.tone for each in said] == ["open"]
    assert said[0].text == (
        "nll_test cannot be judged against that of mle, because a single seed gives no interval, "
        "for a (+0.050)."
    )
    assert trades(compared(a=(ONE, ONE)), ["a"], "mle") == []


@pytest.mark.parametrize(
    ("quality", "coverage", "expected", "mark"),
    [
        (BETTER, BETTER, "is better than mle in quality and in coverage", "good"),
        (BETTER, WORSE, "trades coverage for quality against mle; lost diversity", "mixed"),
        (BETTER, SAME, "is better than mle in quality, with no measurable change in cov", "good"),
        (WORSE, WORSE, "is worse than mle in quality and in coverage", "bad"),
        (WORSE, BETTER, "trades quality for coverage against mle", "mixed"),
        (WORSE, SAME, "is worse than mle in quality, with no measurable change in coverage", "bad"),
        (SAME, BETTER, "is better than mle in coverage, with no measurable change in qual", "good"),
        (SAME, WORSE, "is worse than mle in coverage, with no measurable change in quality", "bad"),
        (SAME, SAME, "cannot be told from mle in quality or in coverage", "open"),
    ],
)
def test_quality_and_coverage_are_read_together(quality, coverage, expected, mark):
    (said,) = trades(compared(a=(quality, coverage)), ["a"], "mle")
    assert said.text.startswith(f"Together, at this temperature: a {expected}")
    assert said.tone == mark
    assert said.subject == "a"


def test_every_pair_of_verdicts_has_a_reading():
    known = [each for each in Verdict if each is not Verdict.UNKNOWN]
    assert set(TRADES) == {(one, other) for one in known for other in known}


def test_alarms_come_first():
    evidence = CASES["full"]
    assert findings(evidence)[0].text == "Alarm: unique is too low."
    assert (findings(evidence)[0].tone, findings(evidence)[0].subject) == ("alarm", "seqgan")


def test_what_a_reward_gives_is_measured_against_the_control():
    evidence = example({"mle": MLE, "control": CONSTANT, "seqgan": SEQGAN}, (1, 2, 3))
    shifted = {
        seed: {**found, "nll_oracle": found["nll_oracle"] - 5 - seed / 10}
        for seed, found in evidence.scores["control"].items()
    }
    evidence = replace(evidence, scores={**evidence.scores, "seqgan": shifted})
    (said,) = beyond_control(evidence, "control", ["nll_oracle", "nll_test"])
    assert said.text.startswith(
        "Against the control control, whose reward says nothing: seqgan's nll_oracle is lower "
        "(−5.200, 95% interval −5.448 to −4.952) and nll_test is not measurably different (0.000"
    )
    assert said.tone == "good"
    assert beyond_control(CASES["one seed"], "control", ["nll_oracle"]) == []


@pytest.mark.parametrize(
    ("verdict", "expected", "mark"),
    [
        ("outside", "outside the curve of mle, so better where both reach: control.", "good"),
        ("inside", "inside the curve of mle, so worse where both reach: control.", "bad"),
        ("crosses", "better than mle at some qualities, worse at others: control.", "mixed"),
        ("open", "not to be told from mle at a temperature of its own: control.", "open"),
        ("apart", "of no quality that mle reaches too: control.", "open"),
        ("unknown", None, None),
    ],
)
def test_only_a_whole_curve_that_lies_outside_is_better(verdict, expected, mark):
    plane = PlaneJudged("likelihood", "nll_oracle", "nll_test", {"control": verdict}, {})
    said = [
        each for each in findings(replace(CASES["full"], planes=[plane])) if "At all" in each.text
    ]
    if expected is None:
        assert said == []
    else:
        (found,) = said
        assert found.text == f"At all temperatures, in nll_oracle and nll_test: {expected}"
        assert found.tone == mark


def test_what_was_tested_and_few_seeds_are_said():
    def said(seeds):
        evidence = Evidence(settings_of(FULL, range(seeds)), table_of(), tested=["Tested: some."])
        return " ".join(each.text for each in cautions(evidence))

    assert said(1).startswith("A single seed was run: there are no intervals")
    assert said(3).startswith("Tested: some. With 3 seeds intervals are wide")
    assert said(5) == "Tested: some."


def test_findings_of_degenerate_experiments():
    text = " ".join(each.text for each in findings(CASES["no baseline"]))
    assert "no baseline to compare with" in text
    text = " ".join(each.text for each in findings(CASES["text"]))
    assert "nll_oracle" not in text
    assert "nll_test is higher (worse) than that of mle for" in text
    bare = Evidence(settings_of({"mle": MLE}, (1,)), table_of(cell("mle", "nll_oracle", 1.0)))
    assert [each.text for each in findings(bare)] == [
        "There is no nll_test, so nothing is said about the methods."
    ]


def test_nll_oracle_never_stands_without_nll_test():
    assert headline(["nll_oracle", "nll_test", "x"]) == ["nll_oracle", "nll_test"]
    assert headline(["nll_oracle", "bleu_3", "self_bleu_3"]) == ["bleu_3", "self_bleu_3"]
    bare = Evidence(settings_of({"mle": MLE}, (1,)), table_of(cell("mle", "nll_oracle", 1.0)))
    page = render(bare, [], [])
    assert "nll_oracle" not in page[page.index("<thead>") : page.index("</thead>")]


def test_glossary():
    assert preferred_order(["bleu_2", "self_bleu_2", "bleu_5", "self_bleu_5", "bleu_4"]) == 2
    assert preferred_order(["bleu_5", "self_bleu_5"]) == 5
    assert preferred_order([]) is None
    for metric in ("nll_test", "entropy", "js_oracle", "bleu_3", "self_bleu_3"):
        assert entry(metric).name == metric
        assert entry(metric).meaning
        assert entry(metric).unit
    assert entry("novelty").name == "novelty"


def test_numbers_in_words():
    assert [plain(-0.0001), plain(-1.5), signed(-0.0001), signed(0.25)] == [
        "0.000", "−1.500", "0.000", "+0.250",
    ]  # fmt: skip
    assert half_width(1.0, 1.0) == "0.000"
    assert half_width(1.0, 1.0004) == "< 0.001"
    assert half_width(None, 1.0) is None
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a; b; and c"
    assert [duration(t) for t in (3.14, 59.99, 125.0, 3599.9, 7320.0, None)] == [
        "3.1 s", "1 min 00 s", "2 min 05 s", "1 h 00 min", "2 h 02 min", "unknown",
    ]  # fmt: skip
    assert [size(n) for n in (640_000_000, 2_500_000_000, None)] == ["640 MB", "2.50 GB", "unknown"]


# --- the page -------------------------------------------------------------------------------------


class Elements(HTMLParser):
    """All start tags of a page, the ids, and what is left open."""

    VOID = frozenset({"meta", "link", "br", "path", "use", "rect", "circle", "line", "hr", "img"})

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


def job(**changes):
    known = {
        "stage": "train_adversarially",
        "method": "seqgan",
        "seed": 1,
        "settings": {},
        "device": "cpu",
        "threads": 1,
        "libraries": {"python": "3.11.7", "torch": "2.13.0"},
        "commit": "0123456789abcdef",
        "dirty": False,
        "seconds": 90.0,
        "memory": 500_000_000,
        "gpu_memory": None,
        "system": "Linux",
    }
    return Entry(**{**known, **changes})


@pytest.fixture(scope="module")
def drawings():
    return draw_all(CASES["full"])


@pytest.fixture(scope="module")
def page(drawings):
    return render(CASES["full"], drawings, [job()])


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_experiment_gets_a_whole_page(case, drawings):
    figures = drawings if case == "full" else []
    found = Elements(render(CASES[case], figures, [job()] if case == "full" else []))
    assert found.open == []
    assert len(found.ids) == len(set(found.ids))
    links = [attrs["href"][1:] for tag, attrs in found.tags if tag == "a"]
    assert links
    assert set(links) <= set(found.ids)


def test_the_page_loads_nothing(page):
    for tag, attrs in Elements(page).tags:
        assert tag not in ("script", "iframe", "object", "embed", "base", "form")
        for name, value in attrs.items():
            assert not name.startswith("on")
            if name in ("src", "srcset", "data", "action", "poster", "background"):
                pytest.fail(f"{tag} loads {value}")
            if name in ("href", "xlink:href"):
                assert value.startswith("#") or value == "data:,"
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)
    without_names = re.sub(r'xmlns(:\w+)?="[^"]*"', "", page)
    assert "http://" not in without_names
    assert "https://" not in without_names


def test_texts_of_the_user_are_escaped():
    evil = '<script>alert("1")</script>&<img src=x onerror=alert(1)>{{ 1234567 * 3 }}\u202e'
    evidence = example(FULL, (1, 2), oracle=False, description=evil)
    settings = evidence.settings
    settings = {**settings, "corpus": {**settings["corpus"], "path": f"data/{evil}"}}
    evidence = replace(
        evidence,
        settings=settings,
        samples={"real": [evil], "mle": [evil]},
        facts={"left_out": {evil: 3}},
    )
    hostile = job(commit=evil, system=evil, device=evil, libraries={evil: evil})
    found = render(evidence, [], [hostile])
    tags = [tag for tag, _ in Elements(found).tags]
    assert "script" not in tags
    assert "img" not in tags
    assert "3703701" not in found
    assert found.count("&lt;script&gt;") >= 6
    assert "<bdi>&lt;script&gt;" in found


def test_the_table_shows_floor_first_intervals_and_signatures(page):
    evidence = CASES["full"]
    rows = re.findall(r"<tr[^>]*>\s*<th scope=\"row\">.*?</span>(\w+)", page, re.DOTALL)
    assert rows[:4] == ["real", "mle", "seqgan", "control"]
    assert rows[4:6] == ["seqgan", "control"]  # the differences from mle
    found = evidence.table.cells["seqgan", "nll_oracle"]
    half = (found.high - found.low) / 2
    assert f'{found.mean:.3f} <span class="half">± {half:.3f}</span>' in page
    for each in evidence.table.cells.values():
        assert f"<code>{each.signature}</code>" in page
    shown = re.findall(r'<td title="([^"]+)"', page)
    assert f"nll_oracle = {found.mean:.6g}, 3 seeds · {found.signature}" in shown


def test_a_single_seed_shows_no_interval():
    page = render(CASES["one seed"], [], [])
    assert 'class="half"' not in page
    assert "Values of a single seed." in page
    assert "A single seed was run" in page
    assert "[" not in re.findall(r"<table>(.*?)</table>", page, re.DOTALL)[1]


def test_text_corpora_have_no_oracle_in_the_report():
    evidence = CASES["text"]
    page = render(evidence, draw_all(evidence), [])
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "nll_oracle" not in body
    assert "oracle" not in body.lower()
    assert "poems.txt" in body


def test_figures_have_a_text_in_their_place(page, drawings):
    labels = [attrs["aria-label"] for _, attrs in Elements(page).tags if attrs.get("role") == "img"]
    assert labels == [drawing.alt for drawing in drawings]
    assert "seqgan 3.040" in labels[0]


def test_the_same_colour_marks_a_method_in_tables_and_figures(page, drawings):
    colours = dict(re.findall(r'background: (#\w+)"></span>(\w+)', page))
    colours = {name: colour for colour, name in colours.items()}
    assert colours["mle"] == "#0072B2"
    assert colours["seqgan"] == "#D55E00"
    assert all(colours["seqgan"].lower() in drawing.svg.lower() for drawing in drawings)


def test_equal_numbers_give_an_equal_page(page, drawings):
    assert render(CASES["full"], drawings, [job()]) == page


# --- where it came from ---------------------------------------------------------------------------


def test_missing_provenance_is_unknown():
    lost = job(commit=None, dirty=None, seconds=None, memory=None, system=None)
    facts = dict(origin([job(), job(), lost]))
    assert facts["Code"] == "commit 0123456789; commit unknown"
    assert facts["Compute time"] == "3 min 00 s in 2 jobs; unknown of 1 more"
    assert dict(origin([lost]))["Compute time"] == "unknown"
    assert dict(origin([]))["Code"] == "unknown"
    assert job_row(lost)["time"] == job_row(lost)["memory"] == job_row(lost)["commit"] == "unknown"
    assert stages([lost])[0]["total"] == "unknown"
    assert "commit of some jobs is unknown" in reproduction("example", [job(), lost])


def test_uncommitted_code_is_said():
    dirty = job(dirty=True)
    assert job_row(dirty)["commit"] == "0123456789, with uncommitted changes"
    assert "uncommitted changes" in reproduction("example", [dirty])
    assert "uncommitted" not in reproduction("example", [job()])


def test_time_is_summed_by_stage():
    (row,) = stages([job(seconds=30.0), job(seconds=60.0, memory=2_000_000_000)])
    assert row == {
        "name": "train_adversarially",
        "jobs": 2,
        "total": "1 min 30 s",
        "longest": "1 min 00 s",
        "memory": "2.00 GB",
    }


def test_the_command_names_the_commit_where_there_is_one():
    run = "snakemake --cores all --configfile config/example.yaml"
    assert command("example", [job()]) == f"git checkout 0123456789\n{run}"
    assert command("example", [job(), job(commit="ff")]) == run
    assert command("example", []) == run


@pytest.mark.parametrize("name", ["config", "smoke"])
def test_the_printed_configuration_gives_the_same_jobs(name):
    root = Path(__file__).parents[1]
    config = validate(yaml.safe_load((root / f"config/{name}.yaml").read_text()))
    chosen = config.run[0]
    wanted = jobs_of(chosen, config.experiments[chosen])
    last = json.loads(json.dumps(wanted[-1].settings, sort_keys=True))
    methods = [method for method in wanted[-1].settings["methods"] if method != "real"]
    ran = [job(settings=each.settings) for each in wanted]
    printed = yaml.safe_load(yaml.safe_dump(configuration(last, ran, methods)))
    again = jobs_of(chosen, validate(printed).experiments[chosen])

    def by_name(jobs):
        return {each.name: each.settings for each in jobs}

    assert by_name(again) == by_name(wanted)


def test_provenance_lies_beside_the_receipt():
    assert provenance_of(Path("results/e/receipts/seed-1/x.json")) == Path(
        "results/e/provenance/seed-1/x.json"
    )
    assert provenance_of(Path("/receipts/results/e/receipts/x.json")) == Path(
        "/receipts/results/e/provenance/x.json"
    )
    assert provenance_of(Path("elsewhere/x.json")) == Path("elsewhere/x.json")


def write_receipt(path, stage, outputs=(), settings=None):
    found = receipt(
        {"stage": stage, "settings": settings or {}, "code": {}, "schema": 1},
        seed=1,
        inputs={},
        outputs=outputs,
        environment={"python": "3.11", "libraries": {}, "device": "cpu", "threads": 2},
    )
    write_atomically(path, readable_json(found))
    return found


def test_provenance_of_another_run_is_not_shown(tmp_path):
    path = tmp_path / "receipts" / "seed-1" / "train_adversarially-seq-gan.json"
    found = write_receipt(path, "train_adversarially")
    mine = {"receipt": found["sha256"], "commit": "abc", "dirty": True, "wall_seconds": 3.0}
    beside = tmp_path / "provenance" / "seed-1" / path.name
    assert read_entry(path).seconds is None
    write_atomically(beside, readable_json(mine))
    entry = read_entry(path)
    assert (entry.method, entry.seed, entry.threads) == ("seq-gan", 1, 2)
    assert (entry.commit, entry.dirty, entry.seconds) == ("abc", True, 3.0)
    write_atomically(beside, readable_json({**mine, "receipt": "other"}))
    assert (read_entry(path).commit, read_entry(path).seconds) == (None, None)
    write_atomically(beside, b"{ not JSON")
    assert read_entry(path).seconds is None
    write_atomically(beside, readable_json({**mine, "commit": None, "dirty": False}))
    assert read_entry(path).dirty is None


# --- reading and the stage ------------------------------------------------------------------------


def test_the_table_is_read_as_it_was_written(tmp_path):
    scores = {
        (method, seed): [{"name": "nll_test", "value": value, "signature": "a:1|b:2"}]
        for (method, seed), value in {("nan", 1): 1.0, ("1", 1): 2.5}.items()
    }
    path = tmp_path / "summary.csv"
    path.write_text(summarise(scores, methods=["nan", "1"], baseline="nan").to_csv(index=False))
    table = read_table(path)
    assert table.methods == ["nan", "1"]
    found = table.cells["1", "nll_test"]
    assert (found.mean, found.difference, found.low, found.seeds) == (2.5, 1.5, None, 1)
    assert found.signature == "a:1|b:2"


@pytest.mark.parametrize("content", ["", "method,metric\n", "method,metric,mean\na,b,c\n"])
def test_a_damaged_table_is_named(tmp_path, content):
    path = tmp_path / "summary.csv"
    path.write_text(content)
    if content.count("\n") > 1:
        with pytest.raises(UserError, match=r"summary\.csv is not a table of summarise"):
            read_table(path)
    else:
        assert read_table(path).cells == {}
    with pytest.raises(UserError, match="no such file"):
        read_table(tmp_path / "absent.csv")


def test_files_are_told_by_their_names(tmp_path):
    path = tmp_path / "seed-12" / "train_adversarially-seq-gan.jsonl"
    write_atomically(path, json_lines([{"step": 0}]))
    assert read_histories([path]) == {("train_adversarially", "seq-gan"): {12: [{"step": 0}]}}
    with pytest.raises(UserError, match="called seed-N"):
        seed_of(tmp_path / "other" / "x.jsonl")
    assert read_facts(tmp_path) == {}


def test_samples_are_those_of_the_first_seed(tmp_path):
    for seed in (1, 2):
        folder = tmp_path / f"seed-{seed}" / "mle"
        write_atomically(folder / "sentences.txt", f"a\u2028{seed}\n\nc\nd\n".encode())
    folders = [tmp_path / "seed-1" / "mle", tmp_path / "seed-2" / "mle"]
    assert read_samples(folders, 2, 3) == {"mle": ["a\u20282", "", "c"]}
    assert read_samples(folders, 1, 9)["mle"] == ["a\u20281", "", "c", "d"]


def write_experiment(root, evidence):
    """Put an experiment on disk and return the arguments of the stage."""
    paths = {"scores": [], "curves": [], "samples": []}
    rows = {}
    for method, by_seed in evidence.scores.items():
        for seed, found in by_seed.items():
            listed = [{"name": k, "value": v, "signature": k} for k, v in found.items()]
            rows[method, seed] = listed
            path = root / f"metrics/seed-{seed}/evaluate-{method}.json"
            write_atomically(path, readable_json(listed))
            paths["scores"].append(path)
            folder = root / f"samples/seed-{seed}/{method}"
            write_atomically(folder / "sentences.txt", b"1 2\n3 4\n")
            paths["samples"].append(folder)
    for (stage, method), by_seed in evidence.histories.items():
        for seed, lines in by_seed.items():
            path = root / f"metrics/seed-{seed}/{stage}{f'-{method}' if method else ''}.jsonl"
            write_atomically(path, json_lines(lines))
            paths["curves"].append(path)
    table = summarise(rows, methods=list(evidence.scores), baseline=evidence.baseline)
    (root / "summary.csv").write_text(table.to_csv(index=False))
    write_atomically(root / "data/facts.json", readable_json({"sentences": {"train": 123456}}))
    names = list(evidence.scores)
    sweeps = sweeps_of(names, evidence.scores["real"])
    sweep, judgements = write_sweeps(root, sweeps, names, evidence.baseline)
    outputs = [root / "summary.csv", sweep, judgements]
    write_receipt(root / "receipts/summarise.json", "summarise", outputs)
    (root / "spec.json").write_bytes(readable_json(spec("report", evidence.settings)))
    arguments = ["--spec", root / "spec.json", "--table", root / "summary.csv"]
    arguments += ["--data", root / "data", "--receipts", root / "receipts/summarise.json"]
    arguments += ["--sweep", sweep, "--judgements", judgements]
    for option, given in paths.items():
        arguments += [f"--{option}", *given]
    arguments += ["--report", root / "report.html", "--figures", root / "figures"]
    arguments += ["--course", root / "curves.csv"]
    arguments += ["--receipt", root / "receipts/report.json"]
    return [str(each) for each in arguments]


def test_the_stage_writes_one_page_and_its_figures(tmp_path):
    arguments = write_experiment(tmp_path, CASES["full"])
    written = []
    for _ in range(2):
        with pytest.raises(SystemExit) as ended:
            report.STAGE.main(report.run, arguments)
        assert ended.value.code == 0
        files = [tmp_path / "report.html", *sorted((tmp_path / "figures").iterdir())]
        written.append({path.name: path.read_bytes() for path in files})
    assert written[0] == written[1]
    assert {name.split(".")[0] for name in written[0]} == {
        "report", "learning_curves", "adversarial_phase", "quality_coverage", "discriminator",
        "reward_per_position", "temperature_curves", "equal_quality",
    }  # fmt: skip
    page = written[0]["report.html"].decode()
    assert "123,456 train" in page
    assert "<bdi>1 2</bdi>" in page
    assert "summarise" in page
    for name, content in written[0].items():
        if name.endswith(".svg"):
            assert content.decode().strip() in page


def test_a_damaged_input_ends_the_stage_with_one_line(tmp_path, capsys):
    arguments = write_experiment(tmp_path, CASES["likelihood alone"])
    next((tmp_path / "metrics/seed-1").glob("*.jsonl")).write_text('{"step": 0}\n{"st')
    with pytest.raises(SystemExit) as ended:
        report.STAGE.main(report.run, arguments)
    assert ended.value.code == 1
    assert "is not JSON lines" in capsys.readouterr().err
    assert not (tmp_path / "report.html").exists()
