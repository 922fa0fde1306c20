"""Report folders written by hand: the records that the index reads, without a notebook having run."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from opsbook.inputs.memory import FILE, typed
from opsbook.inputs.periods import parse_period
from opsbook.runs.folder import LAST_FAILURE
from opsbook.runs.manifest import SCHEMA

MADE = "2026-11-02T08:00:00Z"
REVIEW = {"notebook": "03_campaign_review", "period": "2026-03-09..2026-03-22"}
WORKBOOK = """
company: {{key: {key}, name: {name}, name_zh: {name_zh}, brand_color: "#b5432a"}}
zone: Asia/Shanghai
language: {language}
currency: {currency}
tables: {{events: {{path: data.txt}}}}
labels: {{push: {{en: Push message, zh: 推送}}}}
"""


def number(key="active_users", value=100.0, low=None, high=None, **more):
    """One headline number of results.json."""
    told = {"label": key.replace("_", " ").capitalize(), "unit": "users", "target": None, "card": True}
    return {"key": key, "value": value, "low": low, "high": high} | told | more


@dataclass(frozen=True)
class Shelves:
    """A home whose outputs are written by hand."""

    home: Path

    @property
    def outputs(self):
        """Where reports lie."""
        return self.home / "outputs"

    def company(self, key="shop", *, folder="", name="Shop", name_zh="小店", language="en", currency="CNY"):
        """Write a workbook: that of the default company, or in a folder that of another."""
        path = self.home / "params" / folder / "workbook.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {"key": key, "name": name, "name_zh": name_zh, "language": language, "currency": currency}
        path.write_text(WORKBOOK.format(**told), encoding="utf-8")

    def report(self, *, status="good", sentence="Users grew.", numbers=(), **told):
        """Write a good report; returns its folder."""
        record = self._record(status="good", **told)
        folder = self._folder(record)
        verdict = {"status": status, "sentence": sentence}
        _write(folder / "results.json", {"verdict": verdict, "numbers": list(numbers)})
        _write(folder / "run.json", record)
        return folder

    def failure(self, *, problem="A cell failed.", notebook_kept=True, **told):
        """Write the mark of a failed attempt; returns the report's folder."""
        record = self._record(status="failed", problem=problem, **told)
        record["files"] = {"error.txt": {}} | ({"notebook.ipynb": {}} if notebook_kept else {})
        folder = self._folder(record)
        _write(folder / LAST_FAILURE / "run.json", record)
        return folder

    def memory(self, *rows):
        """Write the campaign memory."""
        self.outputs.mkdir(parents=True, exist_ok=True)
        typed(pd.DataFrame(list(rows))).to_parquet(self.outputs / FILE, index=False)

    def _record(self, *, company="shop", notebook="01_user_lifecycle", run="monthly", period="2026-10", language="en",
                as_of="2026-10-31", made_at=MADE, parameters=None, **more):  # fmt: skip
        days = parse_period(period, as_of=pd.Timestamp(as_of).date())
        told = {"start": f"{days.start}", "end": f"{days.end}", "kind": days.kind, "label": days.label}
        return {
            "schema": SCHEMA, "problem": "", "company": company, "notebook": notebook, "run": run, "period": told,
            "language": language, "as_of": as_of, "finished_at": made_at, "parameters": parameters or {}, "files": {},
        } | more  # fmt: skip

    def _folder(self, record):
        parts = [record["notebook"], record["run"], record["period"]["label"]]
        if record["company"] != "shop":
            parts.insert(0, record["company"])
        ending = "" if record["language"] == "en" else f".{record['language']}"
        return self.outputs / f"{'/'.join(parts)}{ending}"


def _write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
