import tomllib

import yaml

from paths import ROOT

ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text())
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_conda_and_pip_install_the_same_packages():
    (from_pypi,) = (part["pip"] for part in ENVIRONMENT["dependencies"] if isinstance(part, dict))
    assert sorted(from_pypi) == sorted(PROJECT["dependencies"])


def test_conda_and_pip_want_the_same_python():
    assert f"python{PROJECT['requires-python']}" in ENVIRONMENT["dependencies"]


def test_torch_is_pinned_exactly_so_that_no_gpu_libraries_come_unasked():
    (torch,) = (line for line in PROJECT["dependencies"] if line.startswith("torch"))
    assert torch.startswith("torch==")


def test_every_package_folder_is_packaged():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    folders = {
        ".".join(path.parent.relative_to(ROOT / "src").parts)
        for path in (ROOT / "src").rglob("__init__.py")
    }
    assert set(pyproject["tool"]["setuptools"]["packages"]) == folders


def test_tests_run_with_the_plugin_that_users_install():
    extras = PROJECT["optional-dependencies"]
    assert set(extras["slurm"]) <= set(extras["test"])
