import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from seqgan.config.experiment import validate
from seqgan.config.reference import COMMAND, anchor, check, files, schema
from seqgan.errors import UserError

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
README = files(CONFIG)[CONFIG / "README.md"].decode()


def test_the_generated_files_are_current():
    """If this fails, run: python src/config_reference.py"""
    check(CONFIG)


def test_a_file_that_is_out_of_date_is_named_with_the_remedy(tmp_path):
    folder = tmp_path / "config"
    folder.mkdir()
    for path in CONFIG.glob("*.yaml"):
        shutil.copy(path, folder)
    with pytest.raises(UserError) as caught:
        check(folder)
    assert str(caught.value) == (
        f"config/schema.json and config/README.md are out of date; run: {COMMAND}"
    )
    for path, content in files(folder).items():
        path.write_bytes(content)
    check(folder)
    with open(folder / "README.md", "a") as file:
        file.write(" ")
    with pytest.raises(UserError, match=r"^config/README\.md is out of date; run: "):
        check(folder)
    (folder / "x.yaml").write_text("- no mapping")
    with pytest.raises(UserError, match="must hold a mapping"):
        check(folder)


def test_the_command(tmp_path):
    """The command works on the folder beside it, so a copy stands in for the project."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "config").mkdir()
    script = [sys.executable, str(tmp_path / "src/config_reference.py")]
    done = subprocess.run([*script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "config_reference: error: config/schema.json and config/README.md are out of date; "
        f"run: {COMMAND}\n"
    )
    assert not list((tmp_path / "config").iterdir())
    assert subprocess.run(script, capture_output=True, check=True).stderr == b""
    assert {path.name for path in (tmp_path / "config").iterdir()} == {"README.md", "schema.json"}
    assert subprocess.run([*script, "--check"], check=False).returncode == 0


def test_the_example_of_the_introduction_is_valid():
    (example,) = re.findall(r"```yaml\n(.*?)```", README, flags=re.DOTALL)
    validate(yaml.safe_load(example))


def test_every_link_leads_to_a_heading():
    assert anchor("`experiments.NAME`, kind: my_kind") == "experimentsname-kind-my_kind"
    headings = [line.lstrip("# ") for line in README.splitlines() if line.startswith("#")]
    anchors = [anchor(heading) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = re.findall(r"\]\(#([^)]*)\)", README)
    assert links
    assert set(links) <= set(anchors)


def test_every_key_and_description_of_the_schema_is_shown():
    for name, model in schema()["$defs"].items():
        assert model["description"].split("\n")[0] in README, name
        for key, field in model["properties"].items():
            if key != "kind":
                assert f"| `{key}` |" in README, f"{name}.{key}"
                assert field["description"].replace("|", "\\|") in README, f"{name}.{key}"


def test_values_are_shown_as_yaml_reads_them():
    row = next(line for line in README.splitlines() if line.startswith("| `learning_rate` |"))
    assert yaml.safe_load(row.split("|")[3].strip(" `")) == 0.01
    assert "| number ≥ 0, < 1 | `0.25` |" in README
    assert "| list of at least 1: whole number ≥ 1 | `[2, 3, 4, 5]` |" in README


def test_the_schema_is_plain_json_without_titles_of_keys():
    text = (CONFIG / "schema.json").read_text(encoding="utf-8")
    assert json.loads(text) == schema()
    assert not any("title" in field for model in schema()["$defs"].values()
                   for field in model["properties"].values())  # fmt: skip
