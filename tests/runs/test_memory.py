"""The campaign memory grows review by review; later reviews read the earlier ones; nothing is lost or doubled."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from opsbook.inputs.memory import remembered
from opsbook.runs import crew, manifest, memory
from opsbook.runs.run import Job, make, with_memory

BODY = """
import pandas as pd
from IPython.display import display
from opsbook.page.tables import to_parquet
row = {"company": "shop", "campaign_id": campaign_id, "start": start, "end": end, "reviewed_through": as_of or end}
table = pd.DataFrame([row | {"grade": "A", "relative": 0.1, "after_complete": True}])
payload = {"name": "memory_row", "sentence": "Kept.", "rows": 1, "parquet": to_parquet(table)}
display({"application/vnd.opsbook.table+json": payload, "text/html": "<table></table>", "text/plain": "t"}, raw=True)
"""
CAMPAIGNS = {
    "spring": ("2026-03-01", "2026-03-07"),
    "easter": ("2026-03-05", "2026-03-12"),
    "summer": ("2026-06-01", "2026-06-07"),
}


@pytest.fixture
def reviews(checkout):
    """Three campaigns, of which two overlap, as jobs by name."""
    checkout.notebook(BODY, name="03_campaign_review")
    workbook = checkout.home / "params" / "workbook.yaml"
    workbook.write_text(workbook.read_text() + "exports: {abnormal: false}\n")
    for name, (start, end) in CAMPAIGNS.items():
        checkout.run_file(f"03_campaign_review/{name}", f"campaign_id: {name}\nstart: {start}\nend: {end}\n")
    return {report.run: Job(report, {"code": "1"}, {}) for report in checkout.reports("03")}


def kept(home):
    return pd.read_parquet(home / "outputs" / "campaigns.parquet")


def test_a_published_review_leaves_one_row(reviews, checkout):
    """The row names its run and period; made again it is replaced, and the CSV says the same."""
    for _twice in range(2):
        assert make(replace(reviews["spring"], force=True)).status == "good"
    row = kept(checkout.home).iloc[0]
    assert len(kept(checkout.home)) == 1
    assert (row["company"], row["campaign_id"], row["run"]) == ("shop", "spring", "spring")
    assert row["period"] == "2026-03-01_2026-03-07"
    csv = pd.read_csv(checkout.home / "outputs" / "campaigns.csv", encoding="utf-8-sig")
    assert csv["campaign_id"].tolist() == ["spring"]


def test_an_earlier_look_does_not_replace_a_later_one(reviews, checkout):
    """A review that saw fewer days leaves the row of the one that saw more."""
    job = reviews["spring"]
    for as_of in ("2026-04-30", "2026-03-05"):
        told = replace(job.report, parameters=job.report.parameters | {"as_of": as_of})
        make(Job(told, {"code": as_of}, {}))
    assert kept(checkout.home)["reviewed_through"].tolist() == [pd.Timestamp("2026-04-30")]


def test_a_review_remembers_only_campaigns_that_were_over(reviews, checkout):
    """Summer reads both; easter, which began before spring was over, reads neither; another company reads nothing."""
    for job in reviews.values():
        make(job)
    read = {
        name: remembered(checkout.home, "shop", before=date.fromisoformat(start))["campaign_id"].tolist()
        for name, (start, _end) in CAMPAIGNS.items()
    }
    assert read == {"spring": [], "easter": [], "summer": ["spring", "easter"]}
    assert remembered(checkout.home, "other", before=date(2027, 1, 1)).empty
    assert remembered(checkout.home, "shop", before=None).empty


def test_a_review_is_made_again_when_its_memory_changed(reviews):
    """Summer is fresh until an earlier campaign is reviewed for the first time; a later one does not matter."""
    make(reviews["summer"])
    folder = reviews["summer"].report.folder
    assert manifest.is_fresh(folder, with_memory(reviews["summer"]).fingerprints)
    make(reviews["spring"])
    assert not manifest.is_fresh(folder, with_memory(reviews["summer"]).fingerprints)
    assert make(reviews["summer"]).status == "good"
    assert make(reviews["spring"]).status == "fresh"


def test_reviews_wait_for_campaigns_that_were_over_before(reviews, checkout):
    """Of three waiting reviews the overlapping two may run at once, the third only when both are done."""
    spring, easter, summer = (reviews[name] for name in CAMPAIGNS)
    assert crew._ready([summer, easter, spring], []) is easter
    member = crew._Member(easter, None, None, None)
    assert crew._ready([summer, spring], [member]) is spring
    assert crew._ready([summer], [member]) is None
    assert crew._ready([summer], []) is summer
    assert crew._ready([summer, checkout.job()], [member]).report.run == "monthly"


def test_the_memory_can_be_collected_again_from_the_reports(reviews, checkout):
    """After the file is lost, all rows come back; with no review left there is no file."""
    for job in reviews.values():
        make(job)
    before = kept(checkout.home)
    (checkout.home / "outputs" / "campaigns.parquet").unlink()
    memory.rebuild(checkout.home)
    pd.testing.assert_frame_equal(kept(checkout.home), before)


def test_other_notebooks_neither_wait_nor_remember(checkout, reviews):
    """A monthly report has no memory among its fingerprints and waits for no review."""
    monthly = checkout.job()
    assert memory.fingerprint(monthly.report) == {}
    assert not memory.waits_for(monthly.report, reviews["spring"].report)
    assert set(memory.fingerprint(reviews["spring"].report)) == {"memory", "registered"}
