import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

import seqgan.report.figures as figures
from evidence_cases import CASES, FULL, MLE, example, rounds
from seqgan.report.curves import align, positions
from seqgan.report.drawing import far_off, method_styles
from seqgan.report.evidence import ADVERSARIAL, GENERATOR, Evidence, Table
from seqgan.report.figures import draw_all
from seqgan.report.judging import thirds
from seqgan.report.phases import Phases

CURVES = ["temperature_curves", "equal_quality"]
ALL = ["learning_curves", "adversarial_phase", "quality_coverage", *CURVES, "discriminator"]
ALL += ["reward_per_position"]
TEXT = ["quality_diversity" if name == "quality_coverage" else name for name in ALL]
EXPECTED = {
    "full": ALL,
    "one seed": ALL,
    "text": TEXT,
    "likelihood alone": ["learning_curves", "quality_coverage", *CURVES],
    "one method": ["learning_curves", "quality_coverage", "temperature_curves"],
    "no discriminator": ["learning_curves", "adversarial_phase", "quality_coverage", *CURVES],
    "no baseline": [name for name in ALL if name != "equal_quality"],
    "many methods": ALL,
    "no curves": ["quality_coverage"],
    "text, likelihood alone": ["learning_curves", "quality_diversity", "temperature_curves"],
}


def drawn(evidence: Evidence) -> dict[str, figures.Drawing]:
    return {drawing.name: drawing for drawing in draw_all(evidence)}


@pytest.fixture(scope="module")
def full():
    return drawn(CASES["full"])


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_experiment_gets_the_figures_it_has_numbers_for(case):
    found = drawn(CASES[case])
    assert list(found) == EXPECTED[case]
    for drawing in found.values():
        ElementTree.fromstring(drawing.svg)
        assert drawing.png.startswith(b"\x89PNG")
        assert drawing.alt
        assert drawing.caption


def test_missing_metrics_leave_out_panels_and_figures_and_nothing_else():
    full = CASES["full"]
    histories = {
        key: {
            seed: [
                {k: v for k, v in row.items() if k not in ("nll_oracle", "score_fresh")}
                for row in rows
            ]
            for seed, rows in by_seed.items()
        }
        for key, by_seed in full.histories.items()
    }
    cells = {key: each for key, each in full.table.cells.items() if key[1] != "nll_oracle"}
    found = drawn(replace(full, histories=histories, table=Table(cells)))
    assert list(found) == [name for name in ALL if name != "quality_coverage"]
    assert "nll_oracle:" not in found["learning_curves"].svg
    assert "nll_validation:" in found["learning_curves"].svg


def test_an_experiment_without_any_number_has_no_figure():
    full = CASES["full"]
    assert draw_all(Evidence(full.settings, Table({}))) == []


def test_a_single_measured_step_is_drawn_as_a_point():
    evidence = CASES["one method"]
    rows = {1: [{"step": 0, "nll_validation": 2.0, "nll_oracle": 3.0}]}
    assert drawn(replace(evidence, histories={(GENERATOR, None): rows}))["learning_curves"].png


# --- bytes ----------------------------------------------------------------------------------------


def test_equal_numbers_give_equal_bytes(full, tmp_path):
    again = drawn(CASES["full"])
    for name, drawing in full.items():
        drawing.save(tmp_path / "first")
        again[name].save(tmp_path / "second")
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    assert names == sorted(f"{name}.{suffix}" for name in ALL for suffix in ("png", "svg"))
    for name in names:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_another_process_gives_the_same_bytes(full):
    # Python's own hash differs between processes; ids in the SVG must not depend on it.
    code = (
        "import hashlib; from evidence_cases import CASES;"
        "from seqgan.report.figures import draw_all;"
        "print(*[hashlib.sha256(d.svg.encode() + d.png).hexdigest() for d in "
        "draw_all(CASES['full'])])"
    )
    tests = Path(__file__).parent
    path = f"{tests}:{tests.parent / 'src'}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path, "PYTHONHASHSEED": "7", "PATH": "", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    import hashlib

    mine = [hashlib.sha256(d.svg.encode() + d.png).hexdigest() for d in full.values()]
    assert done.stdout.split() == mine, done.stderr


def test_settings_of_the_user_change_nothing(full):
    with matplotlib.rc_context(
        {"axes.facecolor": "red", "svg.fonttype": "path", "ytick.major.size": 9}
    ):
        again = drawn(CASES["full"])
    assert {k: v.svg for k, v in again.items()} == {k: v.svg for k, v in full.items()}
    assert {k: v.png for k, v in again.items()} == {k: v.png for k, v in full.items()}


def test_another_number_gives_another_figure(full):
    other = example(FULL, (1, 2, 4))
    assert drawn(other)["learning_curves"].svg != full["learning_curves"].svg


def test_figures_stand_in_one_page_without_sharing_ids_or_loading_anything(full):
    seen: set[str] = set()
    for name, drawing in full.items():
        assert drawing.svg.startswith("<svg")
        assert "<metadata" not in drawing.svg
        ids = set(re.findall(r'\bid="([^"]+)"', drawing.svg))
        assert ids
        assert not ids & seen
        seen |= ids
        for target in re.findall(r'(?:href="|url\()([^")]+)', drawing.svg):
            assert target.startswith(f"#{name}-")
            assert target[1:] in ids
        links = re.findall(r'([\w:]+)="https?://', drawing.svg)
        assert all(link.startswith("xmlns") for link in links)


# --- what is drawn --------------------------------------------------------------------------------


def test_a_method_has_the_same_colour_in_every_figure(full):
    colour = method_styles(CASES["full"].methods)["seqgan"].colour.lower()
    for name in ALL:
        assert colour in full[name].svg.lower()


def test_no_two_methods_look_the_same():
    styles = method_styles([f"m{i}" for i in range(36)])
    assert len({(s.colour, str(s.dash), s.marker) for s in styles.values()}) == 37
    lines = {(s.colour, str(s.dash)) for name, s in styles.items() if name != "real"}
    assert len(lines) == 36


@pytest.mark.parametrize(
    ("values", "off"),
    [
        ({"a": 1.0, "b": 1.1, "c": 1.2, "d": 9.0}, ["d"]),
        ({"a": 1.0, "b": 1.1, "c": 1.2, "d": -9.0}, ["d"]),
        ({"a": 1.0, "b": 1.1, "c": 1.2, "d": 1.35}, []),  # the farthest of all, but in sight
        ({"a": 1.0, "b": 1.1, "c": 9.0}, []),  # two are too few to call the third far off
        ({"a": 1.0, "b": 1.1, "c": 8.0, "d": 9.0}, []),  # two and two
        (dict(zip("abcdefgh", [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 8.0, 9.0], strict=True)), ["g", "h"]),
        (dict(zip("abcdefgh", [0.1, 1.0, 1.01, 1.02, 1.03, 1.04, 1.05, 20.0], strict=True)),
         ["a", "h"]),
        (dict.fromkeys("abcde", 1.0), []),
        ({}, []),
    ],
)  # fmt: skip
def test_who_is_far_off(values, off):
    assert far_off(values) == off


def test_one_method_that_broke_down_does_not_flatten_the_others(monkeypatch):
    """Six seeds of one experiment stand for six methods, of which one is moved away."""
    methods = [f"m{i}" for i in range(6)]
    own = {
        (name, "nll_oracle"): align(
            [[{"step": s, "a": 3 + 0.1 * i - 0.01 * s} for s in range(5)]], "a"
        )
        for i, name in enumerate(methods)
    }
    inside, off = figures.within_reach(own, "nll_oracle")
    assert (len(inside), off) == (6, [])
    own["m2", "nll_oracle"] = align([[{"step": s, "a": 30.0} for s in range(5)]], "a")
    inside, off = figures.within_reach(own, "nll_oracle")
    assert (len(inside), off) == (5, ["m2"])
    assert max(curve.high.max() for curve in inside) < 4


def keep_figures(monkeypatch):
    """Have figures kept before they become bytes."""
    kept = []

    def keep(figure, name, title, caption, alt):
        kept.append(figure)
        return figures.Drawing(name, title, caption, alt, "", b"")

    for module in ("figures", "judging", "planes"):
        monkeypatch.setattr(f"seqgan.report.{module}.drawn", keep)
    return kept


def axes_of(monkeypatch, maker, evidence):
    kept = keep_figures(monkeypatch)
    with matplotlib.style.context(["default", figures.STYLE]):
        maker(evidence)
    return kept[0].axes


def test_learning_curves_run_through_both_phases_and_show_the_floor(monkeypatch):
    evidence = CASES["full"]
    oracle, validation = axes_of(monkeypatch, figures.learning_curves, evidence)
    assert oracle.get_title(loc="left").startswith("nll_oracle")
    assert validation.get_title(loc="left").startswith("nll_validation")
    phases = Phases(12.0, 20.0, "pretraining epoch")
    lines = oracle.get_lines()
    floor = evidence.table.mean("real", "nll_oracle")
    assert any(np.allclose(line.get_ydata(), floor) for line in lines)
    vertical = [line for line in lines if list(line.get_ydata()) == [0, 1]]
    assert [set(line.get_xdata()) for line in vertical] == [{phases.share}]
    curves = [line for line in lines if len(line.get_xdata()) == 13]
    expected = np.mean([[r["nll_oracle"] for r in rows] for rows in by_seed(GENERATOR, None)], 0)
    np.testing.assert_allclose(curves[0].get_ydata(), expected)
    np.testing.assert_allclose(curves[0].get_xdata(), np.arange(13) / 12 * phases.share)
    adversarial = [line for line in lines if len(line.get_xdata()) == 5]
    assert len(adversarial) == 2
    look = method_styles(evidence.methods)
    assert [line.get_color() for line in adversarial] == [
        look["seqgan"].colour,
        look["control"].colour,
    ]
    np.testing.assert_allclose(
        adversarial[0].get_xdata(), phases.share + np.arange(0, 21, 5) / 20 * (1 - phases.share)
    )
    assert "nll_validation" in validation.get_title(loc="left")
    assert not any(np.allclose(line.get_ydata(), floor) for line in validation.get_lines())


def by_seed(stage, method):
    return CASES["full"].histories[stage, method].values()


def test_the_band_reaches_from_the_lowest_to_the_highest_seed():
    curve = align(by_seed(ADVERSARIAL, "seqgan"), "nll_oracle")
    assert curve is not None
    assert curve.seeds == 3
    np.testing.assert_allclose(curve.steps, [0, 5, 10, 15, 20])
    np.testing.assert_allclose(curve.low, 3.1 + 0.02 - curve.steps / 200)
    np.testing.assert_allclose(curve.mean, 3.1 + 0.04 - curve.steps / 200)
    np.testing.assert_allclose(curve.high, 3.1 + 0.06 - curve.steps / 200)


def test_only_steps_that_every_seed_measured_are_averaged():
    runs = [
        [{"step": 0, "a": 1.0}, {"step": 1, "a": 2.0}, {"step": 2, "a": None}],
        [{"step": 1, "a": 4.0}, {"step": 2, "a": 9.0}],
        [{"step": 1}],
    ]
    curve = align(runs, "a")
    assert curve is not None
    assert curve.steps.tolist() == [1]
    assert curve.mean.tolist() == [3.0]
    assert curve.seeds == 2
    assert align(runs, "b") is None
    assert align([], "a") is None
    assert align([[{"step": 0, "a": 1.0}], [{"step": 1, "a": 1.0}]], "a") is None


def test_positions_that_no_sentence_has_yet_are_left_open():
    """A curriculum over length begins with few positions; one over the prefix, with the last."""
    growing = [{"step": 1, "r": [0.2]}, {"step": 2, "r": [0.4, 0.6]}]
    prefixed = [{"step": 1, "r": [None, 0.4]}, {"step": 2, "r": [None, 0.8]}]
    values = positions([growing, prefixed], "r")
    np.testing.assert_allclose(values, [[0.2, 0.4], [0.4, 0.7]])
    np.testing.assert_allclose(positions([growing], "r"), [[0.2, np.nan], [0.4, 0.6]])
    assert positions([[{"step": 1, "r": [None, None]}]], "r") is None


def test_rewards_are_averaged_over_seeds_and_tenths_of_the_rounds():
    values = positions([rounds(1), rounds(2)], "reward_per_position")
    assert values is not None
    assert values.shape == (20, 10)
    np.testing.assert_allclose(values[:, 0], 0.5 - np.arange(1, 21) / 100)
    parts = dict(thirds(values))
    np.testing.assert_array_equal(parts["first"], values[:2])
    np.testing.assert_array_equal(parts["middle"], values[9:11])
    np.testing.assert_array_equal(parts["last"], values[18:])
    assert [len(some) for _, some in thirds(values[:1])] == [1, 1, 1]
    assert positions([rounds(1, count=0)], "reward_per_position") is None


def test_constant_rewards_are_named_and_not_drawn(full):
    assert "control" in full["reward_per_position"].caption
    assert "control" not in full["reward_per_position"].svg


def test_the_plane_has_a_dot_for_each_seed_and_bars_for_each_mean(monkeypatch):
    evidence = CASES["full"]
    whole, enlarged = axes_of(monkeypatch, figures.plane, evidence)
    points = {tuple(np.ravel(line.get_xydata())) for line in whole.get_lines()}
    for scores in evidence.scores["seqgan"].values():
        assert (scores["nll_oracle"], scores["nll_test"]) in points
    assert len(whole.containers) == 4
    look = method_styles(evidence.methods)
    assert [bars.lines[0].get_color() for bars in whole.containers] == [
        look[name].colour for name in ("real", "mle", "seqgan", "control")
    ]
    assert len(enlarged.containers) == 3
    assert "lower left" in whole.get_title(loc="right")


def test_a_single_seed_has_no_bars_and_no_second_dot(monkeypatch):
    whole, _ = axes_of(monkeypatch, figures.plane, CASES["one seed"])
    assert not any(container.has_xerr or container.has_yerr for container in whole.containers)
    assert len(whole.get_lines()) == 4


def test_text_is_compared_by_bleu(monkeypatch):
    axes = axes_of(monkeypatch, figures.plane, CASES["text"])
    assert axes[0].get_xlabel().startswith("bleu_4")
    assert axes[0].get_ylabel().startswith("self_bleu_4")
    assert "lower right" in axes[0].get_title(loc="right")
    assert "nll_oracle" not in "".join(d.svg + d.caption for d in drawn(CASES["text"]).values())


def test_the_best_epoch_is_that_of_the_lowest_validation_likelihood():
    evidence = CASES["one method"]
    rows = [
        {"step": i, "nll_validation": v, "nll_oracle": o}
        for i, (v, o) in enumerate([(3, 5), (1, 4), (2, 3)])
    ]
    evidence = replace(evidence, histories={(GENERATOR, None): {1: rows}})
    assert evidence.chosen_epochs("mle", "nll_oracle") == [(1, 4)]
    evidence.settings["methods"]["mle"] = {**MLE, "weights": "last"}
    try:
        assert evidence.chosen_epochs("mle", "nll_oracle") == [(2, 3)]
    finally:
        evidence.settings["methods"]["mle"] = MLE


@pytest.mark.parametrize("case", ["full", "text", "likelihood alone", "many methods"])
def test_nothing_is_cut_off(monkeypatch, case):
    kept = keep_figures(monkeypatch)
    with matplotlib.style.context(["default", figures.STYLE]):
        for maker in (
            figures.learning_curves,
            figures.adversarial_phase,
            figures.plane,
            figures.discriminator,
            figures.rewards,
        ):
            maker(CASES[case])
        for figure in kept:
            FigureCanvasAgg(figure).draw()
            box, page = figure.get_tightbbox(), figure.bbox_inches
            assert box.x0 >= -0.01
            assert box.y0 >= -0.01
            assert box.x1 <= page.x1 + 0.01
            assert box.y1 <= page.y1 + 0.01
            for axes in figure.axes:
                assert not axes.get_visible() or axes.get_position().height > 0.08


def test_figures_import_no_torch():
    code = "import sys, seqgan.report.page, seqgan.report.figures; sys.exit('torch' in sys.modules)"
    source = Path(__file__).parents[1] / "src"
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}, check=True)
