"""What may import what, and what is written nowhere."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"

LAYERS = (
    # Every module imports from lines above its own alone; those in one line do not know each other.
    ("arrays", "errors", "tokens", "randomness", "progress", "team", "products", "optimizers",
     "graphs", "statistics", "corpus.sources.cleaning", "config.section", "tokenization.scripts",
     "tokenization.encoding", "tokenization.tokenizer", "metrics.ngrams", "metrics.score",
     "metrics.clustering", "human.scales", "human.template", "human.behaviour", "human.agreement",
     "report.meanings", "report.template", "report.wording", "report.curves", "corpus.frequency",
     "shaping", "symptoms", "schedules", "layers", "codebase"),
    ("records", "rewards", "failures", "locks", "scored", "alarms", "fronts", "bootstrap",
     "summary", "config.sources", "config.tokenizers", "corpus.files", "corpus.grammars",
     "corpus.abc_files", "corpus.sources.programs", "corpus.sources.transfer",
     "metrics.validity.labels", "metrics.validity.python_code", "metrics.validity.quatrains",
     "tokenization.words", "tokenization.characters", "tokenization.chinese", "tokenization.music",
     "tokenization.python", "tokenization.subwords", "config.evaluation", "config.generators",
     "config.discriminators", "config.problems", "config.objectives", "config.policies",
     "metrics.diversity", "metrics.likelihood", "metrics.embeddings", "metrics.bertscore",
     "encoders.encoder", "human.items", "human.inference", "human.sheets", "human.preferences",
     "generators", "windows", "report.glossary", "corpus.rows", "metrics.matches",
     "versioning.git", "versioning.pointers"),
    ("versioning.cache", "versioning.comparison", "versioning.references", "metrics.bleu",
     "config.rewards", "baselines", "curricula", "config.corpus", "config.reading", "recurrent",
     "corpus.sources.archives", "corpus.sources.registries", "corpus.splits", "corpus.tokenizers",
     "metrics.validity.abc_music", "metrics.validity.languages", "corpus.duplicates",
     "corpus.leaks", "corpus.shift", "bleu_reward", "repetition", "transformer"),
    ("versioning.storage", "config.training", "checkpoints", "provenance", "devices",
     "launching", "sentences", "sweeps", "corpus.vocabulary", "metrics.sacre",
     "metrics.language_model", "metrics.frechet", "metrics.kernel", "metrics.manifold",
     "metrics.mauve", "encoders.minilm", "corpus.sources.dialogue", "corpus.sources.fetching",
     "corpus.sources.proverbs", "corpus.sources.quatrains", "corpus.sources.snippets",
     "corpus.sources.speeches", "corpus.sources.tunes", "metrics.validity.domains",
     "encoders.latent", "encoders.cache", "human.key", "human.form", "decoding", "discriminators",
     "oracle", "report.evidence", "report.verdicts", "corpus.cautions"),
    ("origin", "printing", "corpus.sources.catalogue", "corpus.conditions", "corpus.dataset",
     "corpus.draft", "losses", "adversaries", "action_values", "encoders.choice", "human.design",
     "human.export", "human.ratings", "human.tables", "report.ledger", "report.drawing",
     "report.watch", "corpus.card", "report.corpus", "config.feasibility", "config.memory",
     "ranking", "sequence_discriminators", "versioning.garbage", "versioning.intake",
     "versioning.retrieval"),
    ("config.experiment", "corpus.text", "stage", "objectives", "model_files", "evaluation",
     "domain", "resemblance", "human.analysis", "report.colophon", "report.phases",
     "report.planes", "report.sweeps", "report.findings", "report.frequencies"),
    ("layout", "config.reference", "policy_gradient", "scheduled_sampling", "report.judging",
     "report.page", "relaxation"),
    ("training", "assembly", "report.figures", "versioning.places"),
    ("monitoring", "resuming", "methods", "versioning.restoring", "versioning.snapshots"),
)  # fmt: skip
LAYER = {name: depth for depth, layer in enumerate(LAYERS) for name in layer}
LIGHT = (
    "seqgan.config.experiment",
    "seqgan.config.problems",
    "seqgan.layout",
    "seqgan.provenance",
    "seqgan.records",
)
"""What the Snakefile imports: it is parsed again for every job of a cluster."""
HEAVY = ("torch", "pandas", "matplotlib", "numpy", "scipy", "jaxtyping", "tqdm")
BANNED = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}

MODULES = sorted((SRC / "seqgan").rglob("*.py"))
PACKAGES = [path for path in MODULES if path.name == "__init__.py"]
NAMED = [path for path in MODULES if path.name != "__init__.py"]
SCRIPTS = sorted(SRC.glob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").glob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(SRC / "seqgan").with_suffix("").parts)


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, with what it takes from it if that is a module."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            assert node.module is not None
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            modules = [each for each in inside if is_ours(each)]
            yield from modules or [node.module]


def is_ours(name: str) -> bool:
    stem = SRC.joinpath(*name.split("."))
    return name.startswith("seqgan") and (stem.with_suffix(".py").is_file() or stem.is_dir())


def identifier(path: Path) -> str:
    return path.relative_to(SRC if path.is_relative_to(SRC) else ROOT).as_posix()


def test_every_module_has_a_layer_and_every_layer_is_real():
    assert sorted(LAYER) == sorted(map(name_of, NAMED)), "LAYERS lists each module once"
    assert len(LAYER) == sum(map(len, LAYERS))


@pytest.mark.parametrize("path", NAMED, ids=identifier)
def test_imports_point_down(path):
    for imported in imports(path):
        if imported.split(".")[0] == "seqgan":
            other = imported.removeprefix("seqgan.")
            assert LAYER[other] < LAYER[name_of(path)], f"{name_of(path)} imports {other}"


@pytest.mark.parametrize("path", PACKAGES, ids=identifier)
def test_a_package_imports_none_of_its_modules(path):
    """A stage's digests would else take in modules that it does not use."""
    assert list(imports(path)) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=identifier)
def test_a_script_imports_the_package_and_libraries_alone(path):
    scripts = {script.stem for script in SCRIPTS}
    assert not scripts & {imported.split(".")[0] for imported in imports(path)}


@pytest.mark.parametrize("path", BENCHMARKS, ids=identifier)
def test_a_benchmark_imports_no_script(path):
    """The folder of scripts is on its path too, and one name must not mean two things."""
    scripts = {script.stem for script in SCRIPTS}
    assert not scripts & {benchmark.stem for benchmark in BENCHMARKS}
    assert not scripts & {imported.split(".")[0] for imported in imports(path)}


@pytest.mark.parametrize("path", MODULES, ids=identifier)
def test_a_module_imports_no_script_and_no_benchmark(path):
    scripts = {script.stem for script in [*SCRIPTS, *BENCHMARKS]}
    assert not scripts & {imported.split(".")[0] for imported in imports(path)}


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS, *BENCHMARKS], ids=identifier)
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS, *BENCHMARKS], ids=identifier)
def test_names_say_what_is_inside(path):
    assert not BANNED & set(Path(identifier(path)).with_suffix("").parts)
    assert not BANNED & set(path.stem.split("_"))


def loaded_by(statement: str) -> set[str]:
    script = f"import sys; sys.path.insert(0, {str(SRC)!r}); {statement}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", script], text=True).split())


def test_what_the_snakefile_imports_is_light():
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in [ROOT / "workflow/Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    )
    used = {
        line.split()[1] for line in text.splitlines()
        if line.startswith(("from seqgan", "import seqgan"))
    }  # fmt: skip
    assert used == set(LIGHT)
    loaded = loaded_by("; ".join(f"import {name}" for name in LIGHT))
    assert set(LIGHT) <= loaded
    assert not loaded & set(HEAVY)


def test_commands_without_arithmetic_are_light():
    for command in ("config_reference", "results"):
        assert not loaded_by(f"import {command}") & {"torch", "pandas", "matplotlib"}, command


def test_human_evaluation_needs_no_torch():
    """Raters and analysts need no trained model, and the command answers at once."""
    assert not loaded_by("import human_evaluation") & {"torch", "matplotlib"}


def test_the_evidence_of_a_report_needs_no_torch():
    assert "torch" not in loaded_by("import summarise, report")


def calls(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield (
                ast.unparse(node.func),
                {f"{keyword.arg}={ast.unparse(keyword.value)}" for keyword in node.keywords},
            )


OTHERS = sorted([*(ROOT / "tests").rglob("*.py"), *(ROOT / "docs").rglob("*.py")])


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS, *BENCHMARKS], ids=identifier)
def test_no_file_can_run_code_when_it_is_read(path):
    unsafe = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert not unsafe & {imported.split(".")[0] for imported in imports(path)}
    for name, keywords in calls(tree_of(path)):
        assert name not in (
            "eval", "exec", "__import__", "yaml.load", "yaml.full_load", "yaml.unsafe_load",
            "os.system", "os.popen", "subprocess.getoutput",
        ), name  # fmt: skip
        assert not name.endswith((".extract", ".extractall")), f"{name} writes where it is told"
        assert "allow_pickle=True" not in keywords
        if name in ("torch.load", "torch.save"):
            assert "weights_only=True" in keywords, f"{name} reads a free pickle"
        if name in ("np.load", "numpy.load"):
            assert "allow_pickle=False" in keywords, f"{name} may read a pickle"
        assert "shell=True" not in keywords


@pytest.mark.parametrize("path", [*MODULES, *SCRIPTS, *BENCHMARKS], ids=identifier)
def test_annotated_modules_keep_their_annotations(path):
    """Run-time checks of shapes read them; as strings they would be lost."""
    assert "__future__" not in set(imports(path))


@pytest.mark.parametrize("path", MODULES, ids=identifier)
def test_the_package_reads_no_environment_and_no_global_randomness(path):
    tree = tree_of(path)
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    banned = {"os.environ", "os.getenv", "torch.manual_seed", "np.random.seed", "Path.cwd"}
    if path.name == "launching.py":
        banned -= {"os.environ"}  # torchrun tells each process its number there
    assert not used & banned
    assert "random" not in set(imports(path))


def test_kinds_are_told_apart_in_one_place():
    """``if kind ==`` belongs to the tables of ``assembly`` and to the models themselves."""
    for path in [*MODULES, *SCRIPTS]:
        if name := identifier(path):
            for node in ast.walk(tree_of(path)):
                if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.In):
                    left = ast.unparse(node.left)
                    assert not left.endswith(("['kind']", ".kind")) or name in (
                        "seqgan/assembly.py", "seqgan/report/evidence.py",
                    ), f"{name}: {ast.unparse(node)}"  # fmt: skip


def test_no_comment_stands_for_unfinished_work():
    for path in [*MODULES, *SCRIPTS, *BENCHMARKS, *OTHERS]:
        if path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            assert "TODO" not in text, path
            assert "FIXME" not in text, path
            assert '"stub"' not in text, path
