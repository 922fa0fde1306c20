"""The log of looks: every published look at a lot is kept and read back in order."""

import io
import json
from datetime import date
from types import SimpleNamespace

import pandas as pd
import pytest

from opsbook.inputs import looks as reading
from opsbook.runs import looks

RUN = SimpleNamespace(
    comparison="holdout", campaign_id="spring/2026", start=date(2026, 3, 2), end=date(2026, 3, 15), after_days=14
)
WORKBOOK = SimpleNamespace(company=SimpleNamespace(key="shop"), settled_through=lambda as_of: as_of)


@pytest.fixture
def report(tmp_path):
    """A report of the campaign in a home of its own."""
    return SimpleNamespace(home=tmp_path, company_key="shop", run="spring", parameters={"campaign_id": RUN.campaign_id})


def published(*days):
    """Files of a report whose last look saw the last of these days."""
    table = pd.DataFrame({"day": pd.to_datetime(list(days)), "share_information": [0.5] * len(days)})
    buffer = io.BytesIO()
    table.to_parquet(buffer, index=False)
    return {looks.TABLE: buffer.getvalue()}


def earlier(report, as_of, **changes):
    run = SimpleNamespace(**{**vars(RUN), **changes})
    return reading.earlier(run, WORKBOOK, home=report.home, as_of=as_of)


def test_looks_are_kept_and_read_back_in_order(report):
    """Two looks of different days are both found by a later one; the same day in another language is one look."""
    for days in (["2026-03-12"], ["2026-03-08", "2026-03-05"], ["2026-03-12"]):
        looks.register(report, published(*days))
    assert earlier(report, date(2026, 3, 20)) == (date(2026, 3, 5), date(2026, 3, 12))
    folder = reading.folder(report.home, "shop", RUN.campaign_id)
    assert [path.name for path in sorted(folder.iterdir())] == ["2026-03-05.json", "2026-03-12.json"]
    assert json.loads((folder / "2026-03-12.json").read_text())["run"] == "spring"


def test_a_report_made_again_does_not_count_itself_or_later_looks(report):
    """Seen from 12 March only what was seen before it counts, so that the report stays the same."""
    for day in ("2026-03-05", "2026-03-12", "2026-03-20"):
        looks.register(report, published(day))
    assert earlier(report, date(2026, 3, 12)) == (date(2026, 3, 5),)


def test_after_the_end_the_last_day_is_that_of_the_days_after(report):
    """A look on the last watched day is the final one itself, however late the report is made."""
    for day in ("2026-03-05", "2026-03-29"):
        looks.register(report, published(day))
    assert earlier(report, date(2026, 9, 1)) == (date(2026, 3, 5),)


def test_what_shows_no_look_logs_none(report):
    """A report without the table of looks leaves nothing, and a campaign without a lot reads nothing."""
    looks.register(report, {})
    assert not (report.home / "outputs").exists()
    looks.register(report, published("2026-03-05"))
    assert earlier(report, date(2026, 3, 12), comparison="before_after") == ()
    assert reading.earlier(SimpleNamespace(), WORKBOOK, home=report.home, as_of=date(2026, 3, 12)) == ()
