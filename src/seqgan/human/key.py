"""The key of an export: what every blind id stands for. Raters never see it."""

import os
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from seqgan.errors import UserError
from seqgan.records import read_json, readable_json, write_atomically

Purpose = Literal["item", "repeat", "check"]
CLOSED = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=CLOSED)
class Item:
    """A sentence that is judged by itself.

    Attributes:
        system: The method that made it, or ``real``.
        seed: Training seed of the method.
        bin: Length bin.
        text: The sentence as it is shown.
        purpose: ``item``, ``repeat`` (of another item) or ``check`` (of the rater's attention).
        of: The id of the item that is repeated, or its own.
    """

    system: str
    seed: int
    bin: int
    text: str
    purpose: Purpose
    of: str


@dataclass(frozen=True, config=CLOSED)
class Pair:
    """Two sentences of one length bin that are compared.

    Attributes:
        first: The system of the first sentence; in a check the unspoilt one, ``real``.
        second: The system of the second.
        first_text: The first sentence.
        second_text: The second.
        purpose: As in :class:`Item`.
        of: As in :class:`Item`.
    """

    first: str
    second: str
    first_text: str
    second_text: str
    purpose: Purpose
    of: str


@dataclass(frozen=True, config=CLOSED)
class Sheet:
    """What one rater is sent.

    Attributes:
        rater: Who.
        task: ``sentences`` or ``pairs``.
        order: Ids in the order in which they are shown.
        swapped: Ids of pairs whose second sentence is shown on the left.
    """

    rater: str
    task: Literal["sentences", "pairs"]
    order: tuple[str, ...]
    swapped: tuple[str, ...] = ()


@dataclass(frozen=True, config=CLOSED)
class Key:
    """Everything that turns ratings into results.

    Attributes:
        experiment: Name of the experiment.
        shuffle_seed: Seed of the selection and of all orders.
        secret: Of the ids, in hexadecimal.
        items: By id.
        pairs: By id.
        sheets: By hash.
    """

    experiment: str
    shuffle_seed: int
    secret: str
    items: dict[str, Item]
    pairs: dict[str, Pair]
    sheets: dict[str, Sheet]

    def shown(self, sheet: Sheet, item_id: str) -> tuple[str, ...]:
        """Return the texts of an item as a rater sees them."""
        if sheet.task == "sentences":
            return (self.items[item_id].text,)
        pair = self.pairs[item_id]
        texts = (pair.first_text, pair.second_text)
        return texts[::-1] if item_id in sheet.swapped else texts


_READER = TypeAdapter(Key)


def write_key(path: Path, key: Key) -> None:
    """Write the key where nobody but its owner reads it."""
    write_atomically(path, readable_json(_READER.dump_python(key, mode="json")))
    os.chmod(path, 0o600)  # noqa: PTH101


def read_key(path: Path) -> Key:
    """Return a key; raise :class:`UserError` if the file is none, or not whole."""
    try:
        key = _READER.validate_python(read_json(path))
        for sheet in key.sheets.values():
            known = key.items if sheet.task == "sentences" else key.pairs
            if lacking := set(sheet.order) - set(known):
                raise ValueError(f"{sorted(lacking)[0]} is on a sheet, but not in it")
        return key
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise UserError(
            f"{path} is no key of an export ({where}: {first['msg']}); give the untouched file"
        ) from None
    except ValueError as error:
        raise UserError(
            f"{path} is no key of an export ({error}); give the untouched file"
        ) from None
