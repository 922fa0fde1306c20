"""The ways to install Opsbook agree with each other."""

import re
import tomllib
from pathlib import Path

import yaml
from packaging.requirements import Requirement

HOME = Path(__file__).parents[2]
CONDA_NAMES = {"ibis-duckdb": "ibis-framework", "python-duckdb": "duckdb", "python-tzdata": "tzdata"}
OWNERS = {"jupyterlab", "papermill", "pandas", "seaborn", "lifelines", "scipy", "nbconvert"}


def project() -> dict:
    return tomllib.loads((HOME / "pyproject.toml").read_text())["project"]


def ranges(lines: list[str]) -> dict[str, str]:
    requirements = [Requirement(line) for line in lines]
    return {CONDA_NAMES.get(r.name, r.name): str(r.specifier) for r in requirements}


def conda_lines() -> list[str]:
    entries = yaml.safe_load((HOME / "environment.yml").read_text())["dependencies"]
    flat = [line for entry in entries for line in (entry["pip"] if isinstance(entry, dict) else [entry])]
    return [line for line in flat if line not in ("pip", "-e .") and not line.startswith("python ")]


def test_conda_and_pip_users_get_the_same_packages_and_ranges():
    """environment.yml names exactly the packages and version ranges of pyproject.toml with the example extra."""
    assert ranges(conda_lines()) == ranges(project()["dependencies"] + project()["optional-dependencies"]["example"])


def test_the_owners_packages_are_all_there():
    """The seven packages that the owner fixed are dependencies."""
    assert set(ranges(project()["dependencies"])) >= OWNERS


def test_the_locks_hold_both_pandas_pairs():
    """One lock has pandas 2.3 with lifelines 0.30.3, the other pandas 3 with the lifelines that allows it."""
    locked = {name: (HOME / name).read_text() for name in ("requirements.lock", "requirements-pandas3.lock")}
    assert re.search(r"^pandas==2\.3", locked["requirements.lock"], re.M)
    assert re.search(r"^lifelines==0\.30\.3", locked["requirements.lock"], re.M)
    assert re.search(r"^pandas==3\.", locked["requirements-pandas3.lock"], re.M)


def test_the_locks_carry_hashes_and_no_addresses():
    """A lock pins by hash and names no index, so that it says nothing of the machine it was made on."""
    for name in ("requirements.lock", "requirements-pandas3.lock"):
        text = (HOME / name).read_text()
        pins = re.findall(r"^\S+==\S+", text, re.M)
        assert len(pins) > 100
        assert text.count("--hash=sha256:") > len(pins)
        assert "://" not in text


def test_the_package_folder_is_tracked():
    """No ignore rule hides lib/, which the common Python list does."""
    rules = (HOME / ".gitignore").read_text().splitlines()
    assert not {"lib", "lib/", "/lib", "/lib/"} & {rule.strip() for rule in rules}
