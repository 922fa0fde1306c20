"""One report from start to finish: what is written, what is kept, and what is not done twice."""

import json

import pandas as pd

from opsbook.runs import manifest, run
from opsbook.runs.run import make

TABLE = """
import pandas as pd
from IPython.display import display
from opsbook.page.tables import to_parquet
table = pd.DataFrame({"渠道": ["自然", "a,b"], "users": [1, 2]})
payload = {"name": "channels", "sentence": "Two channels.", "rows": 2, "parquet": to_parquet(table)}
display({"application/vnd.opsbook.table+json": payload, "text/html": "<table></table>", "text/plain": "t"}, raw=True)
"""


def content(place):
    """Every file below the place."""
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


def test_a_good_run_writes_page_notebook_results_tables_and_record(checkout):
    """The folder holds the report, the notebook without table bytes, results, both table forms and run.json."""
    checkout.notebook(TABLE)
    outcome = make(checkout.job())
    files = content(checkout.october)
    assert outcome.status == "good", outcome.message
    assert sorted(files) == [
        "message.md",
        "message.txt",
        "notebook.ipynb",
        "report.html",
        "report.xlsx",
        "results.json",
        "run.json",
        "tables/channels.csv",
        "tables/channels.parquet",
    ]
    assert files["tables/channels.csv"].decode("utf-8-sig") == '渠道,users\n自然,1\n"a,b",2\n'
    assert pd.read_parquet(checkout.october / "tables/channels.parquet")["users"].tolist() == [1, 2]
    assert b"PAR1" not in files["notebook.ipynb"]
    assert json.loads(files["results.json"])["verdict"]["sentence"] == "All is well in 2026-10."


def test_the_record_says_what_was_run_on_what_with_what(checkout):
    """run.json holds parameters, inputs, versions, seed, times and a hash of every file beside it."""
    make(checkout.job())
    record = json.loads((checkout.october / "run.json").read_text(encoding="utf-8"))
    assert record["schema"] == "opsbook.run/1"
    assert (record["status"], record["company"], record["as_of"], record["seed"]) == (
        "good",
        "shop",
        "2026-10-31",
        20260101,
    )
    assert record["period"] == {"start": "2026-10-01", "end": "2026-10-31", "kind": "month", "label": "2026-10"}
    assert record["parameters"]["history"] == 12
    assert record["inputs"] == {"rows": {"events": 3}}
    assert record["packages"]["pandas"] == pd.__version__
    assert set(record["files"]) == {
        "report.html",
        "report.xlsx",
        "notebook.ipynb",
        "results.json",
        "message.md",
        "message.txt",
    }
    assert record["started_at"] <= record["finished_at"]


def test_equal_runs_give_equal_bytes(checkout):
    """A second run of the same report changes nothing but the times in run.json."""
    checkout.notebook("import warnings; warnings.warn('look here')")
    make(checkout.job())
    first = content(checkout.october)
    make(checkout.job(force=True))
    second = content(checkout.october)
    assert {name for name in first if first[name] != second[name]} <= {"run.json"}
    assert str(checkout.home).encode() not in second["notebook.ipynb"] + second["report.html"]


def test_a_failed_run_leaves_the_good_report_byte_for_byte_and_explains_itself(checkout):
    """last-failure/ holds the notebook with the failing cell, a readable error and the record."""
    make(checkout.job())
    good = content(checkout.october)
    checkout.notebook("secret = 1", "1/0")
    outcome = make(checkout.job(force=True))
    kept = content(checkout.october)
    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert {name: bytes_ for name, bytes_ in kept.items() if "last-failure" not in name} == good
    assert "In [5] raised ZeroDivisionError" in kept["last-failure/error.txt"].decode()
    assert b"ZeroDivisionError" in kept["last-failure/notebook.ipynb"]
    assert b"papermill" not in kept["last-failure/notebook.ipynb"]
    assert json.loads(kept["last-failure/run.json"])["status"] == "failed"


def test_a_good_run_after_a_failure_forgets_it(checkout):
    """Old errors are not shown after a good run, nor beside a report that proves to be up to date."""
    job = checkout.job()
    make(job)
    checkout.notebook("1/0")
    make(checkout.job(force=True))
    assert (checkout.october / "last-failure").exists()
    assert make(job).status == "fresh"
    assert not (checkout.october / "last-failure").exists()


def test_a_page_that_cannot_be_made_is_a_failure(checkout, monkeypatch):
    """A good execution whose page fails keeps the previous report and says why."""

    def broken(report, notebook):
        raise ValueError("a picture has no alternative text")

    monkeypatch.setattr(run, "good_files", broken)
    outcome = make(checkout.job())
    assert (outcome.status, outcome.message) == (
        "failed",
        "The page could not be made: a picture has no alternative text",
    )
    assert sorted(content(checkout.october)) == [
        "last-failure/error.txt",
        "last-failure/notebook.ipynb",
        "last-failure/run.json",
    ]


def test_a_report_is_fresh_until_something_it_depends_on_changes(checkout):
    """Equal fingerprints and unchanged files mean fresh; another input, or an edited page, does not."""
    job = checkout.job()
    make(job)
    folder, prints = job.report.folder, dict(job.fingerprints)
    assert manifest.is_fresh(folder, prints)
    assert not manifest.is_fresh(folder, prints | {"code": "2"})
    (checkout.october / "report.html").write_text("edited", encoding="utf-8")
    assert not manifest.is_fresh(folder, prints)


def test_the_fingerprint_of_a_report_moves_with_each_of_its_causes(checkout):
    """Parameters, inputs, workbook and notebook each change their own fingerprint and no other."""
    from opsbook.inputs.home import workbook_path
    from opsbook.inputs.workbook import read_workbook
    from opsbook.runs.fingerprints import fingerprints

    def prints(*, rows=1, **wish):
        workbook = read_workbook(workbook_path(checkout.home))
        (report,) = checkout.reports("01/monthly", **wish)
        return fingerprints(report, workbook=workbook, inputs={"rows": rows})

    def moved(now):
        return {name for name, value in before.items() if now[name] != value}

    before = prints()
    assert moved(prints()) == set()
    assert moved(prints(rows=2)) == {"inputs"}
    assert moved(prints(settings=("history=3",))) == {"parameters"}
    checkout.notebook("1 + 1")
    assert moved(prints()) == {"notebook"}
    path = checkout.home / "params" / "workbook.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "currency: USD\n", encoding="utf-8")
    assert moved(prints()) == {"notebook", "workbook"}
