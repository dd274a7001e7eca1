"""Write config/schema.json and config/README.md, the reference of every key of the configuration.

They are made from the models in src/seqgan/config/, whose fields carry the descriptions.
"""

import argparse
import sys
from pathlib import Path

from seqgan.config.reference import check, files
from seqgan.failures import guarded
from seqgan.records import write_atomically

CONFIG = Path(__file__).resolve().parents[1] / "config"


def command() -> None:
    """Write both files, or say what is out of date."""
    parser = argparse.ArgumentParser(prog="src/config_reference.py", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is out of date"
    )
    given = parser.parse_args()
    sys.exit(guarded(lambda: check(CONFIG) if given.check else write(), "config_reference"))


def write() -> None:
    """Write both files."""
    for path, content in files(CONFIG).items():
        write_atomically(path, content)


if __name__ == "__main__":
    command()
