"""Names that the configuration lists are those that the code knows, which it does not import."""

import typing

from seqgan.config.corpus import DOMAINS, SUITED
from seqgan.config.evaluation import Evaluation
from seqgan.config.sources import Grammar, SourceConfig
from seqgan.config.tokenizers import TokenizerConfig
from seqgan.corpus.grammars import GRAMMARS
from seqgan.corpus.sources.catalogue import SOURCES
from seqgan.corpus.tokenizers import KINDS
from seqgan.metrics.validity.domains import VALIDITY


def kinds(union) -> set[str]:
    sections = typing.get_args(typing.get_args(union)[0])
    return {
        name
        for section in sections
        for name in typing.get_args(section.model_fields["kind"].annotation)
    }


def test_grammars():
    assert set(typing.get_args(Grammar)) == set(GRAMMARS)


def test_domains():
    allowed = set(typing.get_args(Evaluation.model_fields["validity"].annotation))
    assert allowed == {"automatic", "none", *VALIDITY}
    assert set(DOMAINS.values()) <= set(VALIDITY)


def test_sources():
    known = kinds(SourceConfig)
    assert set(SOURCES) | {"file", "url", "formal-language"} >= known >= set(SOURCES)
    assert set(DOMAINS) | set(SUITED) <= known


def test_tokenizers():
    assert kinds(TokenizerConfig) == set(KINDS)
