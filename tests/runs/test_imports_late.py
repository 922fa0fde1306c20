"""What only some commands need is not paid for by the others."""

import subprocess
import sys

import pytest

LATE = ("openpyxl", "apprise", "pandas", "nbconvert")


def loaded_by(code):
    """The late modules that running the code leaves loaded, in a process of its own."""
    told = f"{code}\nimport sys\nprint(' '.join(name for name in {LATE} if name in sys.modules))"
    return (
        subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
        .stdout.split("\n")[-2]
        .split()
    )


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"]])
def test_help_loads_nothing_heavy(words):
    """`opsbook --help` imports neither pandas nor what writes workbooks or sends messages."""
    assert loaded_by(f"from opsbook.runs.cli import main\nmain({words}, standalone_mode=False)") == []


def test_a_kernel_loads_no_workbook_writer():
    """What a notebook imports does not bring openpyxl, which only the process that writes files needs."""
    assert set(loaded_by("import opsbook\nopsbook.start, opsbook.charts, opsbook.says")) == {"pandas"}
