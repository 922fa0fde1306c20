"""Figures of R are frozen beside the scripts that made them, and made again where R is installed."""

import copy
import json
import math
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SCRIPTS = sorted((TESTS / "r").glob("*.R"))
NAMES = [script.stem for script in SCRIPTS]
RELATIVE, ABSOLUTE = 1e-7, 1e-9  # iterated fits end a hair apart on another machine
UNMET = "quit(status = 1L - all(sapply(commandArgs(TRUE), requireNamespace, quietly = TRUE)))"


def differences(frozen, made, place=""):
    """Where two JSON values differ: other keys, other lengths, other text, numbers beyond the tolerance."""
    if isinstance(frozen, dict) and isinstance(made, dict) and frozen.keys() == made.keys():
        return [d for key in frozen for d in differences(frozen[key], made[key], f"{place}/{key}")]
    if isinstance(frozen, list) and isinstance(made, list) and len(frozen) == len(made):
        return [d for i, pair in enumerate(zip(frozen, made, strict=True)) for d in differences(*pair, f"{place}/{i}")]
    numbers = [isinstance(value, (int, float)) and not isinstance(value, bool) for value in (frozen, made)]
    same = math.isclose(frozen, made, rel_tol=RELATIVE, abs_tol=ABSOLUTE) if all(numbers) else frozen == made
    return [] if same else [f"{place or '/'}: frozen {frozen!r}, made {made!r}"]


def frozen(name):
    return json.loads((TESTS / "r" / f"{name}.json").read_text())


def rscript_for(script):
    """Path of Rscript; skips where it or a package the script loads is not installed."""
    found = shutil.which("Rscript")
    if not found:
        pytest.skip("R is not installed")
    packages = re.findall(r"library\((\w+)\)", script.read_text())
    if subprocess.run([found, "-e", UNMET, *packages], capture_output=True, check=False).returncode:
        pytest.skip(f"R is installed without one of its packages {', '.join(packages)}")
    return found


def test_every_script_has_its_figures_and_every_file_of_figures_its_script():
    """No frozen figure stands without the script that made it, and no script without its figures."""
    assert NAMES
    assert {path.stem for path in (TESTS / "r").glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_file_of_figures_is_read_by_a_test(name):
    """Somebody holds the product against the figures: a test names the file."""
    tests = [path.read_text() for path in TESTS.rglob("test_*.py") if path != Path(__file__)]
    ways = (f"{name}.json", f'figures("{name}")')
    assert any(way in text for text in tests for way in ways), f"no test reads tests/r/{name}.json"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_r_gives_the_frozen_figures_again(name, shared):
    """The script, run by the R of this machine on the reference data, prints what is frozen (1e-7 relative)."""
    script = TESTS / "r" / f"{name}.R"
    command = [rscript_for(script), str(script), str(shared("ref_lung.csv.gz").parent)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    assert told.returncode == 0, told.stderr
    assert not differences(frozen(name), json.loads(told.stdout))


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_figure_would_be_seen(name):
    """Moving any one frozen number by a millionth, or losing a key, is reported with its place."""
    figures = frozen(name)
    assert differences(figures, copy.deepcopy(figures)) == []
    first = next(iter(figures))
    assert differences(figures, {key: value for key, value in figures.items() if key != first})
    for place in _numbers(figures):
        (told,) = differences(figures, _moved(figures, place))
        assert told.startswith("/" + "/".join(map(str, place)) + ":")


def test_numbers_text_and_missing_values_are_told_apart():
    """A missing value is no number, a number no text, and a flag no number."""
    assert differences({"a": [1, None, "x"]}, {"a": [1 + 1e-9, None, "x"]}) == []
    assert differences({"a": None}, {"a": 0}) == ["/a: frozen None, made 0"]
    assert len(differences([1, True, "1"], [1.1, 1, 1])) == 2  # True == 1 in JSON's eyes as in Python's
    assert differences([1], [1, 2])


def _numbers(value, place=()):
    """Places of all numbers other than 0 in a JSON value."""
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [found for key, inner in items for found in _numbers(inner, (*place, key))]
    return [place] if isinstance(value, (int, float)) and abs(value) > 1e-3 else []


def _moved(value, place):
    """A copy of the JSON value whose number at `place` is a millionth larger."""
    copied = copy.deepcopy(value)
    holder = copied
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] *= 1 + 1e-6
    return copied
