"""Dirt is where the truth says, and the contract's check finds exactly as much of it."""

from pathlib import Path

import pandas as pd

from opsbook.inputs.check import check
from opsbook.inputs.sources import contract_tables, open_engine
from opsbook.inputs.workbook import read_workbook

CHECKOUT = Path(__file__).parents[2]
DROPPED_OR_FLAGGED = [
    "exact_duplicate",
    "missing_user_id",
    "clock_error",
    "negative_amount",
    "late",
    "orphan",
    "mixed_zones",
]


def test_every_kind_of_dirt_is_counted(company):
    """Duplicates, missing users, impossible clocks, late rows, strangers, reversals, blank sources, two zones."""
    events, orders, dirt = company.raw("events"), company.raw("orders"), company.truth["dirt"]
    assert events.duplicated().sum() == dirt["events"]["exact_duplicate"]
    assert events["uid"].isna().sum() == dirt["events"]["missing_user_id"]
    assert (~events["at"].between("1990-01-01", "2031-01-01")).sum() == dirt["events"]["clock_error"]
    assert events["backfilled_ms"].notna().sum() == dirt["events"]["late"]
    assert (events["uid"] >= 90_000_000).sum() == dirt["events"]["orphan"]
    assert (orders["amount_cents"] < 0).sum() == dirt["orders"]["negative_amount"]
    assert company.clean("users")["source"].isna().sum() == dirt["users"]["missing_source"]
    assert (~company.raw("exposures")["instant"]).sum() == dirt["exposures"]["mixed_zones"]


def test_each_kind_occurs(demo):
    """The demo company holds some of everything."""
    dirt = demo.truth["dirt"]
    assert min(value for table in dirt.values() for value in table.values() if not isinstance(value, dict)) > 0


def test_late_rows_lie_in_the_file_of_the_day_they_came(company):
    """A late row happened at least two days before it came, and may stand in the file of a later month."""
    file = company.folder / "events" / "2026-04.parquet"
    rows = pd.read_parquet(file).dropna(subset="backfilled_ms")
    assert (rows["backfilled_ms"] - rows["ts_ms"] >= 2 * 86_400_000).all()
    happened = pd.to_datetime(rows["ts_ms"], unit="ms") + pd.Timedelta(hours=8)
    assert set(happened.dt.month) == {3, 4}


def test_reversals_and_strangers_are_told_by_month(company):
    """What the kept kinds of dirt add to a month is in the truth, so that totals can be reconciled."""
    orders, dirt = company.raw("orders").query("amount_cents < 0"), company.truth["dirt"]
    yuan = (orders.groupby(orders["at"].dt.strftime("%Y-%m"))["amount_cents"].sum() / 100).to_dict()
    assert yuan == {month: value for month, value in dirt["orders"]["negative_amount_yuan"].items() if value}
    strangers = company.raw("events").query("uid >= 90_000_000")
    active = strangers.groupby(strangers["at"].dt.strftime("%Y-%m"))["uid"].nunique().to_dict()
    assert active == {month: n for month, n in dirt["events"]["orphan_active_users"].items() if n}


def test_the_check_finds_exactly_the_planted_dirt(company, tmp_path):
    """Mapped by params/workbook.yaml and checked, every rule's count equals the truth's, and all true rows are kept."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "demo").symlink_to(company.folder)
    workbook = read_workbook(CHECKOUT / "params" / "workbook.yaml")
    con = open_engine(workbook, home=tmp_path)
    checked = check(contract_tables(workbook, home=tmp_path, con=con), workbook, as_of=workbook.as_of)
    found = checked.report.set_index(["table", "rule"])["rows"].to_dict()
    planted = {
        (table, kind): rows
        for table, kinds in company.truth["dirt"].items()
        for kind, rows in kinds.items()
        if kind in DROPPED_OR_FLAGGED and rows
    }
    assert {key: rows for key, rows in found.items() if key[1] in DROPPED_OR_FLAGGED} == planted
    assert not checked.stops
    kept = checked.summary.set_index("table")["kept"]
    dirt, rows = company.truth["dirt"], company.truth["rows"]
    assert kept["events"] == rows["events"] + dirt["events"]["orphan"]
    assert kept["orders"] == rows["orders"] + dirt["orders"]["negative_amount"]
    for table in ("users", "costs", "assignments", "exposures", "contents", "redemptions"):
        assert kept[table] == rows[table], table
