"""Every notebook runs on every company, in both languages, from one command."""

import json

import openpyxl
import pandas as pd
import pytest

from opsbook.page import cells, words
from opsbook.page.numbers import method_key

REFERENCE = ("cdnow", "online-retail", "oulad", "taobao")


def folders(made) -> list:
    return sorted(path.parent for path in (made.home / "outputs").rglob("report.html"))


def names(made) -> list[str]:
    return [str(folder.relative_to(made.home / "outputs")) for folder in folders(made)]


def test_every_report_is_good(made):
    """All runs of all companies end with exit code 0 and leave no failure behind."""
    assert made.exit_code == 0, made.log
    assert not list((made.home / "outputs").rglob("last-failure"))


def test_three_notebooks_run_on_the_simulated_and_the_real_company(made):
    """Both shipped companies have reports of all three notebooks in English and Chinese."""
    for prefix in ("", "completejourney/"):
        for notebook in ("01_user_lifecycle", "02_retention_survival", "03_campaign_review"):
            mine = [name for name in names(made) if name.startswith(f"{prefix}{notebook}/")]
            assert any(name.endswith(".zh") for name in mine), mine
            assert any(not name.endswith(".zh") for name in mine), mine


@pytest.mark.parametrize("company", REFERENCE)
def test_reference_companies_run_with_sections_that_say_what_they_lack(made, shared, company):
    """Online Retail, CDNOW and Taobao give all three reports; a section without its table says so in one line."""
    shared("online_retail.parquet")
    mine = [folder for folder in folders(made) if f"/{company}/" in f"{folder}/"]
    assert {folder.parents[1].name for folder in mine} == {
        "01_user_lifecycle",
        "02_retention_survival",
        "03_campaign_review",
    }
    pages = [(folder / "report.html").read_text() for folder in mine if folder.name.endswith(".zh") is False]
    assert any("Not shown: the company has no table of" in page for page in pages)


def test_a_report_folder_holds_what_the_readme_promises(made):
    """report.html, report.xlsx, notebook.ipynb, results.json, run.json and tables as Parquet and CSV."""
    for folder in folders(made):
        promised = {"notebook.ipynb", "report.xlsx", "results.json", "run.json", "tables"}
        assert {path.name for path in folder.iterdir()} >= promised
        tables = {path.suffix for path in (folder / "tables").iterdir()}
        assert tables == {".csv", ".parquet"}, folder


def test_the_workbook_holds_every_table_and_every_headline_number(made):
    """report.xlsx of the simulated company equals the Parquet tables and results.json, cell for cell."""
    for name in [name for name in names(made) if name.startswith("01_") or name.startswith("03_")][:4]:
        folder = made.home / "outputs" / name
        book = openpyxl.load_workbook(folder / "report.xlsx", read_only=True)
        numbers = [row[2] for row in book.worksheets[1].iter_rows(min_row=2, values_only=True)]
        assert numbers == [number["value"] for number in made.results(name)["numbers"]], name
        files = sorted((folder / "tables").glob("*.parquet"))
        assert len(book.sheetnames) == len(files) + 3
        for file in files:
            stored = pd.read_parquet(file)
            sheet = book[file.stem[:31]].iter_rows(min_row=2, max_col=stored.shape[1], values_only=True)
            found = [[_told(value) for value in row] for row in sheet]
            wanted = [[_told(value) for value in row] for row in stored.itertuples(index=False)]
            assert found == wanted, (name, file.stem)


def _told(value):
    """A value as a cell can hold it; an empty text is an empty cell."""
    plain = cells.plain(value)
    return None if plain == "" else plain


def test_results_are_complete_and_equal_in_both_languages(made):
    """English and Chinese reports of one run carry the same headline numbers and the same verdict."""
    compared = 0
    for name in [name for name in names(made) if name.endswith(".zh")]:
        chinese, english = made.results(name), made.results(name.removesuffix(".zh"))
        if english["language"] != "en":
            continue
        keys = ("key", "value", "low", "high", "n", "unit")
        assert [[n[k] for k in keys] for n in chinese["numbers"]] == [[n[k] for k in keys] for n in english["numbers"]]
        assert chinese["verdict"]["status"] == english["verdict"]["status"]
        assert chinese["complete"] is True
        compared += 1
    assert compared >= 10


def test_every_number_carries_its_n_and_method(made):
    """No headline number travels without n and method; a share or ratio also has its interval unless undefined."""
    for name in names(made):
        for number in made.results(name)["numbers"]:
            given = number["method"] == "given"  # a threshold that people chose rests on no users
            assert number["n"] is not None or number["value"] is None or given, (name, number["key"])
            assert number["method"] or number["value"] is None, (name, number["key"])
            if number["low"] is not None and number["value"] is not None:
                assert number["low"] <= number["value"] <= number["high"], (name, number["key"])


def test_saved_tables_open_and_agree(made):
    """Each saved table reads back from Parquet and CSV with the same rows and columns."""
    for folder in folders(made)[:6]:
        for path in (folder / "tables").glob("*.parquet"):
            stored, text = pd.read_parquet(path), pd.read_csv(path.with_suffix(".csv"))
            assert list(stored.columns) == list(text.columns)
            assert len(stored) == len(text)


SAME = {
    "01_": ["funnel", "funnel_time", "funnel_trend", "funnel_groups", "stage_ageing", "segments", "segment_returns",
            "segments_at_a_glance", "drivers", "per_user"],
    "02_": ["roads", "roads_compared", "roads_gray", "weighted_tests", "extrapolation", "proportional_hazards"],
    "03_": ["goals", "plan_steps", "plan_channels", "plan_gap", "prices", "segments", "effect_groups", "abnormal_rules",
            "memory_typical"],
}  # fmt: skip


def test_tables_are_saved_the_same_in_both_languages(made):
    """What the page tells by names and units is saved by keys and numbers, so that two languages can be joined."""
    compared = set()
    for folder in [folder for folder in folders(made) if folder.name.endswith(".zh")]:
        other = folder.with_name(folder.name.removesuffix(".zh"))
        both = json.loads((other / "run.json").read_text())["language"] == "en" if other.is_dir() else False
        for name in SAME.get(folder.parts[-3][:3], ()) if both else ():
            if (file := folder / "tables" / f"{name}.parquet").exists():
                pd.testing.assert_frame_equal(pd.read_parquet(file), pd.read_parquet(other / "tables" / file.name))
                compared.add(folder.parts[-3][:3] + name)
    assert len(compared) >= 15


def test_a_run_says_what_it_was_made_of(made):
    """run.json names status, as_of and the fingerprints of the inputs."""
    for folder in folders(made):
        told = json.loads((folder / "run.json").read_text())
        assert told["status"] == "good"
        assert told["as_of"]
        assert told["inputs"]


def test_every_method_has_a_name_in_both_languages(made):
    """No Chinese reader meets an English method: each one of results.json has its entry in the catalogues."""
    used = {number["method"] for name in names(made) for number in made.results(name)["numbers"]}
    assert used
    assert not [method for method in used if method and words.find(f"common.method.{method_key(method)}") is None]
