"""One set of real reports, made once by the command line in a home of its own, for every test that looks at reports."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

HERE = Path(__file__).parent
CHECKOUT = HERE.parent
SHARED = Path(os.environ.get("OPSBOOK_SHARED", CHECKOUT.parent / "shared" / "data"))
LANGUAGES = ("en", "zh")
# The reference companies have no run files of their own: what a user of each would ask.
RUNS = {
    "cdnow": {
        "01_user_lifecycle/monthly": "period: 1998-06",
        "02_retention_survival/cohorts": "period: 1997-01-01..1997-03-31\ncohort: month\ncovariates: []",
        "03_campaign_review/spring": "name: Spring\nstart: 1998-04-01\nend: 1998-04-14\n",
    },
    "online_retail": {
        "01_user_lifecycle/monthly": "period: 2011-11",
        "02_retention_survival/cohorts": "period: 2011-01-01..2011-06-30\ncohort: month\n",
        "03_campaign_review/autumn": "name: Autumn\nstart: 2011-10-01\nend: 2011-10-14\n",
    },
    "oulad": {
        "01_user_lifecycle/monthly": "period: 2014-10",
        "02_retention_survival/courses": "period: 2014-10-01..2014-10-31\ncohort: month\nsegment: gender\n"
        "covariates: [gender, age_band, credits]\n",
        "03_campaign_review/autumn": "name: Autumn\nstart: 2014-10-01\nend: 2014-10-14\n",
    },
    "taobao": {
        "01_user_lifecycle/daily": "period: 2017-12-02",
        "02_retention_survival/cohorts": "period: 2017-11-25..2017-12-01\ncohort: day\n",
        "03_campaign_review/double_twelve": "name: 双12 预热\nstart: 2017-12-01\nend: 2017-12-02\nafter_days: 1\n",
    },
}


@dataclass(frozen=True)
class Made:
    """A home with reports: its outputs folder and what the command line said."""

    home: Path
    exit_code: int
    log: str

    def results(self, name: str) -> dict:
        """results.json of a report folder below outputs/."""
        return json.loads((self.home / "outputs" / name / "results.json").read_text())

    def numbers(self, name: str) -> dict[str, dict]:
        """The headline numbers of a report, by key."""
        return {number["key"]: number for number in self.results(name)["numbers"]}

    @property
    def truth(self) -> dict:
        """What the simulated company's parameters and counts really are."""
        return json.loads((self.home / "data/demo/truth.json").read_text())


def opsbook(home: Path, *words: str) -> subprocess.CompletedProcess:
    """Run the command line in the home."""
    environ = os.environ | {"OPSBOOK_HOME": str(home), "COLUMNS": "120"}
    command = [sys.executable, "-m", "opsbook", *words]
    return subprocess.run(command, env=environ, cwd=home, capture_output=True, text=True, timeout=900)


def _furnish(home: Path) -> None:
    """The checkout's parameters and notebooks, a simulated company, and the reference companies where they are."""
    shutil.copytree(CHECKOUT / "params", home / "params")
    (home / "notebooks").symlink_to(CHECKOUT / "notebooks")
    if SHARED.is_dir():
        for name, runs in RUNS.items():
            _add_company(home, name, runs)
    opsbook(home, "demo").check_returncode()
    opsbook(home, "example", "completejourney").check_returncode()
    campaigns = sorted((home / "params/completejourney/03_campaign_review").glob("*.yaml"))
    for other in campaigns[2:]:  # two of the twenty-seven stand for all; `make reports` runs every one
        other.unlink()


def _add_company(home: Path, name: str, runs: dict[str, str]) -> None:
    folder = home / "params" / name
    folder.mkdir()
    text = (HERE / "companies" / f"{name}.yaml").read_text()
    for data in SHARED.iterdir():
        if f": {data.name}" in text:
            (home / data.name).unlink(missing_ok=True)
            (home / data.name).symlink_to(data)
    (folder / "workbook.yaml").write_text(text)
    for run, content in runs.items():
        path = (folder / run).with_suffix(".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)


@pytest.fixture(scope="session")
def made(tmp_path_factory, worker_id) -> Made:
    """Every report of every company in both languages, made once for all test processes."""
    base = tmp_path_factory.getbasetemp()
    home = (base if worker_id == "master" else base.parent) / "home"
    with FileLock(f"{home}.lock"):
        log = home / "run.log"
        if not log.exists():
            home.mkdir()
            _furnish(home)
            done = opsbook(home, "run", "--company", "all", "--language", "all", "--jobs", "2")
            planned = opsbook(home, "plan", "mid_year_618", "--language", "all")
            told = f"{done.stdout}\n{done.stderr}\n{planned.stdout}\n{planned.stderr}"
            log.write_text(f"{max(done.returncode, planned.returncode)}\n{told}")
    code, _, text = log.read_text().partition("\n")
    return Made(home, int(code), text)
