"""Where sentences come from."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from seqgan.config.section import PositiveCount, Section, Seed, Several, UserPath, distinct

Book = Literal["ryansMammoth", "oneills1850", "airdsAirs"]
Domain = Literal["movies", "editorials", "products", "tweets"]
Label = Literal["positive", "neutral", "negative"]
Grammar = Literal["arithmetic", "dyck-1", "dyck-2", "palindrome", "anbn", "copy"]
Rating = Annotated[float, Field(ge=-4, le=4)]
Year = Annotated[int, Field(ge=1790, le=2026)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _address(url: str) -> str:
    """Return an address; raise ``ValueError`` for one that is not of a file of the net."""
    scheme, found, rest = url.partition("://")
    if scheme not in ("http", "https", "file") or not found or not rest.strip("/"):
        raise ValueError(f"must begin with http://, https:// or file://, but is {url!r}")
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"must have every sign that is not ASCII escaped by %, but is {url!r}")
    return url


class ChitchatSource(Section):
    """English small talk between students, 7,168 conversations (MIT licence)."""

    kind: Literal["chitchat"]
    unit: Literal["sentences", "pairs"] = Field(
        default="sentences",
        description="A record is one message (`sentences`), or a turn with the turn before it as "
        "its prompt (`pairs`).",
    )


class SotuSource(Section):
    """Addresses of US presidents on the state of the Union, 1790 to 2026 (public domain)."""

    kind: Literal["sotu"]
    since: Year = Field(default=1960, description="First year that is read.")
    until: Year = Field(default=2026, description="Last year that is read.")

    @model_validator(mode="after")
    def _ordered(self) -> "SotuSource":
        if self.since > self.until:
            raise ValueError(
                f"`since` must not be after `until`, but {self.since} is after {self.until}"
            )
        return self


class QuatrainsSource(Section):
    """Chinese quatrains of the Tang and Song dynasties, in traditional script (public domain)."""

    kind: Literal["zh-quatrains"]
    characters: Literal[5, 7] = Field(default=5, description="Characters in each of four lines.")
    dynasty: Literal["tang", "song", "both"] = Field(
        default="both", description="When the poems were written."
    )


class FolkSource(Section):
    """Tunes for fiddle and fife in ABC notation, printed 1778 to 1907 (public domain)."""

    kind: Literal["folk-abc"]
    books: Annotated[tuple[Book, ...], AfterValidator(distinct)] = Field(
        default=("ryansMammoth", "oneills1850", "airdsAirs"),
        min_length=1,
        description="Collections that are read.",
    )
    notes: Several = Field(
        default=32,
        description="Notes and rests in a record; what is left at the end of a tune is left out.",
    )
    bar_lines: bool = Field(default=True, description="Whether bar lines stand between the notes.")


class SentimentSource(Section):
    """English sentences with their mean human rating, from −4 to 4 (MIT licence)."""

    kind: Literal["sentiment-snippets"]
    domains: Annotated[tuple[Domain, ...], AfterValidator(distinct)] = Field(
        default=("movies", "editorials", "products", "tweets"),
        min_length=1,
        description="What the sentences are about.",
    )
    labels: Annotated[tuple[Label, ...], AfterValidator(distinct)] = Field(
        default=("positive", "negative"), min_length=1, description="Classes that are kept."
    )
    positive_from: Rating = Field(
        default=0.5, description="Lowest mean rating of a positive sentence, −4 to 4."
    )
    negative_to: Rating = Field(
        default=-0.5, description="Highest mean rating of a negative sentence, −4 to 4."
    )

    @model_validator(mode="after")
    def _apart(self) -> "SentimentSource":
        if self.negative_to >= self.positive_from:
            raise ValueError(
                f"`negative_to` must be below `positive_from`, but {self.negative_to} is not below "
                f"{self.positive_from}"
            )
        return self


class PythonSource(Section):
    """Logical lines of the standard library of the Python that runs (PSF licence)."""

    kind: Literal["python-code"]
    literals: Literal["replace", "keep"] = Field(
        default="replace",
        description="Put `STR` for every string and `NUM` for every number, or keep them.",
    )


class FormalSource(Section):
    """Sentences of a formal language, drawn from its grammar."""

    kind: Literal["formal-language"]
    grammar: Grammar = Field(default="arithmetic", description="Name of the language.")
    num_sentences: PositiveCount = Field(default=20_000, description="Sentences that are drawn.")
    max_length: PositiveCount = Field(
        default=19, description="Longest sentence, in tokens without the end token."
    )
    seed: Seed = Field(default=0, description="Seed of the sentences, apart from training seeds.")


class ProverbsSource(Section):
    """The Esperanto proverbs that L. L. Zamenhof edited in 1910 (out of copyright)."""

    kind: Literal["esperanto-proverbs"]


class UrlSource(Section):
    """One text file of the net, known by its hash."""

    kind: Literal["url"]
    url: Annotated[str, AfterValidator(_address)] = Field(
        description="Address of the file: `http://`, `https://` or `file://`."
    )
    sha256: Sha256 = Field(
        description="SHA-256 of the file, 64 hexadecimal digits; any other file is refused."
    )
    format: Literal["automatic", "txt", "jsonl", "csv"] = Field(
        default="automatic",
        description="How the file is read; `automatic` goes by the end of its name.",
    )
    text: str = Field(
        default="text", description="Field or column that holds the sentence, but for `txt`."
    )
    prompt: str | None = Field(default=None, description="Field or column of the prompt.")
    label: str | None = Field(default=None, description="Field or column of the class.")
    group: str | None = Field(
        default=None, description="Field or column of what the sentence belongs to."
    )
    licence: str = Field(
        default="unknown", description="Licence of the file, which is written beside the data."
    )


class FileSource(Section):
    """A file or a folder of the user: text, JSON lines or tables, plain or compressed."""

    kind: Literal["file"]
    path: UserPath = Field(description="File, or folder whose files are all read.")
    format: Literal["automatic", "txt", "jsonl", "csv"] = Field(
        default="automatic",
        description="How files are read; `automatic` goes by the end of their names.",
    )
    text: str = Field(
        default="text", description="Field or column that holds the sentence, but for `txt`."
    )
    prompt: str | None = Field(default=None, description="Field or column of the prompt.")
    label: str | None = Field(default=None, description="Field or column of the class.")
    group: str | None = Field(
        default=None, description="Field or column of what the sentence belongs to."
    )
    validation_path: UserPath | None = Field(
        default=None, description="File or folder of the validation set, if not split off."
    )
    test_path: UserPath | None = Field(
        default=None, description="File or folder of the test set, if not split off."
    )


SourceConfig = Annotated[
    ChitchatSource
    | SotuSource
    | QuatrainsSource
    | FolkSource
    | SentimentSource
    | PythonSource
    | FormalSource
    | ProverbsSource
    | UrlSource
    | FileSource,
    Field(discriminator="kind"),
]

__all__ = ["FileSource", "SourceConfig"]
