"""One thread, the two kinds of alphabet that everything must serve, and a pipeline that ran."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from paths import ROOT
from projects import Project, copy_project
from seqgan.generators import Generator
from seqgan.recurrent import GRUGenerator, LSTMGenerator
from seqgan.tokens import Alphabet
from seqgan.transformer import TransformerGenerator

# Sums depend on how they are split over threads, and two test processes would fight for cores.
torch.set_num_threads(1)

ALPHABETS = {
    # The paper's synthetic task: the start token is an ordinary id, no sentence ends early.
    "oracle": Alphabet(7),
    # Text: ids 0, 1, 2 are unknown, end and start, of which sentences contain the end alone.
    "text": Alphabet(9, start=2, end=1, never_emitted=(0, 2)),
}


@pytest.fixture(params=list(ALPHABETS))
def alphabet(request: pytest.FixtureRequest) -> Alphabet:
    """Each kind of alphabet in turn."""
    return ALPHABETS[request.param]


def make_generator(
    alphabet: Alphabet,
    *,
    seed: int = 0,
    std: float = 1.0,
    num_layers: int = 1,
    hidden: int = 5,
    kind: Any = LSTMGenerator,
    **more: Any,
) -> Any:
    """Return a small generator in float64, so that the rounding of sums decides no sample."""
    return kind(
        alphabet=alphabet,
        embedding_dim=4,
        hidden_dim=hidden,
        num_layers=num_layers,
        std=std,
        rng=torch.Generator().manual_seed(seed),
        **more,
    ).double()


def make_transformer(*, embedding_dim: int, hidden_dim: int, **more: Any) -> TransformerGenerator:
    """Return a Transformer with two heads and rotary positions, unless told."""
    return TransformerGenerator(
        max_length=12,
        embedding_dim=embedding_dim,
        num_heads=more.pop("num_heads", 2),
        feedforward_dim=hidden_dim,
        **more,
    )


GENERATORS = {"lstm": LSTMGenerator, "gru": GRUGenerator, "transformer": make_transformer}


@pytest.fixture(params=list(GENERATORS))
def generator(alphabet: Alphabet, request: pytest.FixtureRequest) -> Generator:
    """Each kind of generator with two layers, over each alphabet."""
    return make_generator(alphabet, num_layers=2, kind=GENERATORS[request.param])


@pytest.fixture
def rng() -> torch.Generator:
    """A seeded stream."""
    return torch.Generator().manual_seed(20170204)


# Worlds small enough to visit every sentence: eight of three tokens; fifteen of up to three.
SMALL_WORLDS = {
    "oracle": Alphabet(2),
    "text": Alphabet(4, start=2, end=1, never_emitted=(2,)),
}


@pytest.fixture(params=list(SMALL_WORLDS))
def small_world(request: pytest.FixtureRequest) -> Alphabet:
    """Each kind of alphabet in turn, with two or three tokens to emit."""
    return SMALL_WORLDS[request.param]


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as it was when the tests began, so that nobody's edit comes between two runs."""
    return copy_project(ROOT, tmp_path_factory.mktemp("sources")).folder


@pytest.fixture(scope="session")
def finished(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The project after a complete run. Not to be changed by tests."""
    project = copy_project(sources, tmp_path_factory.mktemp("finished"))
    project.snakemake("--cores", "2")
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project that a test may change."""
    folder = tmp_path / "project"
    shutil.copytree(finished.folder, folder, symlinks=True)
    return Project(folder)


@pytest.fixture
def fresh(sources: Path, tmp_path: Path) -> Project:
    """The project before any run."""
    folder = tmp_path / "fresh"
    folder.mkdir()
    return copy_project(sources, folder)
