"""The notebooks are ordinary Papermill notebooks: no command line of ours is needed."""

import json
import os
import subprocess
import sys

import pytest


def papermill(home, *words):
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", "--kernel", "python3", *words]
    environ = os.environ | {"PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, cwd=home, env=environ, capture_output=True, text=True, timeout=300)


def test_plain_papermill_runs_a_parameter_file(made, tmp_path):
    """`papermill notebooks/… -f params/…` gives the same headline numbers as our own command."""
    out = tmp_path / "out.ipynb"
    words = ("notebooks/01_user_lifecycle.ipynb", str(out), "-f", "params/01_user_lifecycle/monthly.yaml")
    done = papermill(made.home, *words)
    assert done.returncode == 0, done.stderr[-2000:]
    cells = json.loads(out.read_text())["cells"]
    (results,) = [
        output["data"]["application/vnd.opsbook.results+json"]
        for output in cells[-1]["outputs"]
        if "application/vnd.opsbook.results+json" in output.get("data", {})
    ]
    assert results["numbers"] == made.results("01_user_lifecycle/monthly/2026-10")["numbers"]


@pytest.mark.parametrize("misspelt", ["perod", "langauge"])
def test_plain_papermill_refuses_a_misspelt_parameter(made, tmp_path, misspelt):
    """Papermill only warns about an unknown name; the notebook itself refuses it and names the right one."""
    out = tmp_path / "out.ipynb"
    done = papermill(made.home, "notebooks/01_user_lifecycle.ipynb", str(out), "-p", misspelt, "2026-09")
    assert done.returncode != 0
    assert f"`{misspelt}` is not a parameter" in done.stderr
    assert {"perod": "period", "langauge": "language"}[misspelt] in done.stderr


def test_plain_nbconvert_renders_the_same_page(made, tmp_path):
    """`jupyter nbconvert --to opsbook` of the executed notebook gives the report."""
    folder = made.home / "outputs/01_user_lifecycle/monthly/2026-10"
    command = [sys.executable, "-m", "nbconvert", "--to", "opsbook", str(folder / "notebook.ipynb")]
    done = subprocess.run(
        [*command, "--output-dir", str(tmp_path)], cwd=made.home, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (page,) = tmp_path.glob("*.html")
    assert page.read_text() == (folder / "report.html").read_text()
