"""A checkout small enough to run in a second: one workbook, three runs, notebooks of three cells."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsbook.inputs.run_params import RUNS
from opsbook.runs.execution import Limits
from opsbook.runs.plan import Wish, plan
from opsbook.runs.report import Report
from opsbook.runs.run import Job

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
COMMAND = Path(__file__).parent / "command_on_fake_data.py"
WORKBOOK = "company: {{key: {key}, name: Shop}}\nzone: UTC\nas_of: 2026-10-31\ntables: {{events: {{path: data.txt}}}}\n"
FINISH = """
from IPython.display import display
results = {"schema": "opsbook.results/1", "complete": True, "verdict": {"status": "good", "sentence": sentence}}
display({"application/vnd.opsbook.results+json": results, "text/plain": "done"}, raw=True)
"""


def code_cell(name: str, source: str, *tags: str) -> dict:
    """A code cell of a notebook file."""
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def text_cell(name: str, source: str, *tags: str) -> dict:
    """A Markdown cell of a notebook file."""
    return {"cell_type": "markdown", "id": name, "metadata": {"tags": list(tags)}, "source": source}


def parameter_lines(notebook: str) -> str:
    """A parameter cell that matches the typed parameters."""
    defaults = {"int": "12", "list": "[]"}
    fields = RUNS[notebook].model_fields
    return "\n".join(f"{name} = {defaults.get(_kind(field), chr(34) * 2)}" for name, field in fields.items())


def _kind(field) -> str:
    return "list" if "list" in str(field.annotation) else "int" if "int" in str(field.annotation) else "text"


def notebook_source(*bodies: str, notebook: str = "01_user_lifecycle", finish: str = FINISH) -> dict:
    """A notebook with a title in two languages, the parameters, the given code cells and the last cell."""
    cells = [
        text_cell("title-en", "# Report", "en"),
        text_cell("title-zh", "# 报告", "zh"),
        code_cell("parameters", parameter_lines(notebook), "parameters"),
        code_cell("sentence", "sentence = f'All is well in {period}.'"),
        *(code_cell(f"body-{place}", body) for place, body in enumerate(bodies)),
        *([code_cell("finish", finish.strip())] if finish else []),
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}


@dataclass(frozen=True)
class Checkout:
    """A small checkout and what tests do with it."""

    home: Path

    def notebook(self, *bodies: str, name: str = "01_user_lifecycle", finish: str = FINISH) -> None:
        """Write a notebook whose body is these code cells."""
        path = self.home / "notebooks" / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook_source(*bodies, notebook=name, finish=finish)), encoding="utf-8")

    def run_file(self, name: str, content: str) -> Path:
        """Write params/<name>.yaml."""
        path = self.home / "params" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def company(self, name: str) -> None:
        """Add a second company below params/."""
        self.run_file(f"{name}/workbook", WORKBOOK.format(key=name))

    def reports(self, *targets: str, **wish: object) -> list[Report]:
        """What the wish means."""
        return plan(self.home, Wish(targets, **wish), now=NOW)

    def job(self, *, force: bool = False, limits: Limits | None = None, **changed: object) -> Job:
        """The monthly report as a job, with the October period."""
        report = replace(self.reports("01/monthly")[0], **changed)
        return Job(report, {"code": "1"}, {"rows": {"events": 3}}, limits or Limits(), force)

    @property
    def october(self) -> Path:
        """Where the monthly report of October goes."""
        return self.home / "outputs" / "01_user_lifecycle" / "monthly" / "2026-10"

    def start(self, *words: str, **environment: str) -> subprocess.Popen:
        """Start the command."""
        return subprocess.Popen(
            [sys.executable, str(COMMAND), *words],
            cwd=self.home,
            env=os.environ | {"OPSBOOK_HOME": str(self.home), "OPSBOOK_TRACEBACK": ""} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def command(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Run the command: exit code, stdout, stderr."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with notebook 01 and its monthly and weekly runs."""
    made = Checkout(tmp_path / "checkout")
    made.run_file("workbook", WORKBOOK.format(key="shop"))
    made.run_file("01_user_lifecycle/monthly", "period: last-month\n")
    made.run_file("01_user_lifecycle/weekly", "period: last-week\nhistory: 4\n")
    (made.home / "data.txt").write_text("1", encoding="utf-8")
    made.notebook()
    return made
