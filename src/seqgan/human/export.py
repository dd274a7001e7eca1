"""An export as a folder: what each rater is sent, and the key apart from it."""

import shutil
import tempfile
from pathlib import Path

from seqgan.errors import UserError
from seqgan.human.form import render_form
from seqgan.human.key import Key, Sheet, write_key
from seqgan.human.scales import TEXTS, instructions
from seqgan.human.sheets import write_sheet
from seqgan.records import write_atomically

KEY = Path("key", "key.json")
"""Where the key stands in an export, unless it was put elsewhere."""


def write_export(folder: Path, key: Key, key_file: Path | None = None) -> None:
    """Write an export: all of it, or nothing.

    ``folder/rater-N/`` has for each task a CSV file, an HTML form and the instructions.

    Raises:
        UserError: If the folder has something in it, or the key file is there already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--output {folder} is there and not empty; give a new folder")
    if key_file is not None and key_file.exists():
        raise UserError(f"--key {key_file} is there already; it may open another export")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        partial.chmod(0o755)
        for name, sheet in key.sheets.items():
            for path, content in files_of(key, name, sheet).items():
                write_atomically(partial / sheet.rater / path, content)
        write_key(partial / KEY if key_file is None else key_file, key)
        if key_file is None:
            (partial / KEY.parent).chmod(0o700)
        partial.replace(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def files_of(key: Key, name: str, sheet: Sheet) -> dict[str, bytes]:
    """Return the files of one sheet by their names."""
    items = [(own, key.shown(sheet, own)) for own in sheet.order]
    rows = [
        {"item_id": own, "rater": sheet.rater, "sheet": name}
        | dict(zip(TEXTS[sheet.task], texts, strict=True))
        for own, texts in items
    ]
    form = render_form(sheet.task, rater=sheet.rater, sheet=name, items=items)
    return {
        f"{sheet.task}.csv": write_sheet(sheet.task, rows),
        f"{sheet.task}.html": form.encode(),
        f"{sheet.task}-instructions.txt": instructions(sheet.task).encode(),
    }
