"""Campaign reviews per minute: `opsbook run` on all of Complete Journey, and plain papermill + nbconvert one by one.

Both work on one mart that is there already, read the same notebook and end with one HTML page per campaign; the plain
commands review the first few campaigns, ours all of them. Theirs is nbconvert's ordinary page, without the checks, the
tables and the record that ours writes besides.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from opsbook.inputs.completejourney import write_campaigns
from opsbook.inputs.home import run_files
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.yaml_file import load

CHECKOUT = Path(__file__).resolve().parents[1]
NOTEBOOK = "03_campaign_review"
COMPANY = "completejourney"
PLAIN = 4


def furnish(home: Path) -> Path:
    """A home of its own with the company's files and the notebooks, and nothing made yet."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "params").mkdir(parents=True)
    shutil.copy(CHECKOUT / "params" / "workbook.yaml", home / "params")
    shutil.copytree(CHECKOUT / "params" / COMPANY, home / "params" / COMPANY)
    (home / "notebooks").symlink_to(CHECKOUT / "notebooks")
    write_campaigns(home / "params" / COMPANY / NOTEBOOK)
    return home


def ours(home: Path, *, jobs: int) -> tuple[float, int]:
    """Seconds and reports of the whole batch."""
    begun = time.perf_counter()
    words = ["run", NOTEBOOK, "--company", COMPANY, "--jobs", str(jobs), "--force", "--json"]
    done = _command(home, sys.executable, "-m", "opsbook", *words)
    reports = json.loads(done.stdout)["reports"]
    assert all(report["status"] == "good" for report in reports), done.stderr
    return time.perf_counter() - begun, len(reports)


def plain(home: Path, *, reviews: int = PLAIN) -> tuple[float, int]:
    """Seconds of papermill and nbconvert, one campaign after another."""
    files = [file for file in run_files(home, COMPANY) if file.notebook == NOTEBOOK][:reviews]
    folder = home / "plain"
    folder.mkdir(exist_ok=True)
    begun = time.perf_counter()
    for file in files:
        told = load(file.path, CampaignRun).model_dump(mode="json", exclude_none=True, by_alias=True)
        (folder / "given.yaml").write_text(yaml.safe_dump(told | {"company": COMPANY}))
        made = folder / f"{file.run}.ipynb"
        source = CHECKOUT / "notebooks" / f"{NOTEBOOK}.ipynb"
        _command(home, sys.executable, "-m", "papermill", str(source), str(made), "-f", str(folder / "given.yaml"))
        _command(home, sys.executable, "-m", "nbconvert", "--to", "html", str(made))
    return time.perf_counter() - begun, len(files)


def compare(home: Path) -> None:
    """Print reviews per minute of both and their ratio."""
    folder, jobs = furnish(home.resolve() / "batch"), os.cpu_count() or 1
    _command(folder, sys.executable, "-m", "opsbook", "check", "--company", COMPANY)
    _command(folder, sys.executable, "-m", "opsbook", "run", NOTEBOOK, "--company", COMPANY, "--jobs", str(jobs))
    fast, slow = ours(folder, jobs=jobs), plain(folder)
    rates = [60 * reports / seconds for seconds, reports in (fast, slow)]
    for name, rate, (seconds, reports) in zip(
        ("opsbook run", "papermill + nbconvert"), rates, (fast, slow), strict=True
    ):
        print(f"{name:<24}{rate:>6.1f} campaign reviews per minute ({reports} in {seconds:.0f} s, {jobs} cores)")
    print(f"{rates[0] / rates[1]:.1f}x")


def _command(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = os.environ | {"OPSBOOK_HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, env=environ, cwd=home, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[1:4])}: {done.stderr[-2000:]}")
    return done
