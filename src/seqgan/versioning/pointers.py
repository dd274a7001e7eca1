"""What git holds in place of what DVC keeps: small files that name bytes by their hash."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqgan.errors import UserError


@dataclass(frozen=True)
class Pointer:
    """What git holds in place of a file or folder.

    Attributes:
        target: The file or folder, relative to the root.
        md5: Its hash; that of a folder ends in ``.dir`` and names a list of files.
        size: Bytes.
        files: How many files a folder has; ``None`` for a file.
    """

    target: Path
    md5: str
    size: int
    files: int | None = None

    @property
    def path(self) -> Path:
        """Return where the pointer is."""
        return pointer_path(self.target)

    @property
    def is_folder(self) -> bool:
        """Return whether it stands for a folder."""
        return self.md5.endswith(".dir")


def pointer_path(target: Path) -> Path:
    """Return where the pointer to a file or folder is."""
    return target.with_name(f"{target.name}.dvc")


def read_pointer(target: Path, root: Path) -> Pointer | None:
    """Return the pointer to a file or folder, if there is one."""
    path = root / pointer_path(target)
    try:
        return parse_pointer(target, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(
            f"{path} is no pointer of DVC ({error}); check it out of git again"
        ) from None


def parse_pointer(target: Path, text: str) -> Pointer:
    """Return what a pointer says; raise ``ValueError`` if it is none."""
    try:
        (out,) = yaml.safe_load(text)["outs"]
        md5, size, path = out["md5"], out.get("size", 0), out["path"]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise ValueError("it does not name one output") from None
    if path != target.name or not isinstance(size, int) or not is_md5(md5):
        raise ValueError(f"it does not point to {target.name}")
    files = out.get("nfiles")
    return Pointer(target, md5, size, files if isinstance(files, int) else None)


def spell_pointer(pointer: Pointer, before: str | None) -> str:
    """Return the text of a pointer, with whatever else stood in it before.

    Raises :class:`UserError` if it follows a file of elsewhere and the bytes are not those.
    """
    tree: dict[str, Any] = {}
    if before is not None:
        if parse_pointer(pointer.target, before) == pointer:
            return before
        tree = yaml.safe_load(before)
        if "deps" in tree:
            raise UserError(
                f"{pointer.target} has not the bytes that were imported; to take those of today: "
                f"dvc update {pointer.path}; to take these: dvc remove {pointer.path}"
            )
    old = tree.get("outs", [{}])[0]
    new: dict[str, Any] = {"md5": pointer.md5, "size": pointer.size}
    if pointer.files is not None:
        new["nfiles"] = pointer.files
    new |= {"hash": "md5", "path": pointer.target.name}
    kept = {key: value for key, value in old.items() if key not in (*new, "nfiles")}
    return yaml.safe_dump({**tree, "outs": [{**new, **kept}]}, sort_keys=False, allow_unicode=True)


def is_md5(text: Any) -> bool:
    """Return whether something is spelled like a hash of DVC's."""
    if not isinstance(text, str):
        return False
    digits = text.removesuffix(".dir")
    return len(digits) == 32 and not set(digits) - set("0123456789abcdef")
