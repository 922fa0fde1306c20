"""The tiny company of the examples is what the mart would make of its rows."""

from pathlib import Path

import pandas as pd
import pytest

from opsbook import tiny
from opsbook.inputs.workbook import Workbook
from opsbook.mart.build import ensure_mart
from opsbook.mart.mart import Mart

CLOCKS = {"assignments": "assigned_at", "exposures": "exposed_at", "redemptions": "redeemed_at"}
KEYS = {
    "users": ["user"],
    "user_days": ["user", "day"],
    "steps": ["user", "at"],
    "orders": ["order_id"],
    "exits": ["user"],
    "assignments": ["user"],
    "exposures": ["user"],
    "redemptions": ["user", "at"],
    "costs": ["day", "channel"],
    "contents": ["content_id"],
}


def raw_tables() -> dict[str, pd.DataFrame]:
    """The contract tables whose mart the tiny tables are."""
    ids = tiny.users().set_index("user")["user_id"]
    steps = tiny.steps().query("event != 'order'").rename(columns={"at": "occurred_at"})
    left = tiny.exits().rename(columns={"day": "occurred_at"})[["user", "occurred_at", "event"]]
    people = tiny.users()[["user", "signed_up_at", "channel", "invited_by", "city"]]
    tables = {
        "users": people.assign(invited_by=people["invited_by"].map(ids)),
        "events": pd.concat([steps.drop(columns=["day", "hour"]), left]),
        "orders": tiny.orders().rename(columns={"at": "paid_at"}).drop(columns=["day", "net", "is_purchase"]),
    }
    tables |= {name: getattr(tiny, name)().rename(columns={"at": at}) for name, at in CLOCKS.items()}
    named = {name: table.assign(user_id=table["user"].map(ids)).drop(columns="user") for name, table in tables.items()}
    return named | {"costs": tiny.costs(), "contents": tiny.contents().rename(columns={"at": "published_at"})}


@pytest.fixture(scope="module")
def mart(tmp_path_factory) -> Mart:
    """The real mart of the same rows."""
    home: Path = tmp_path_factory.mktemp("tiny")
    for name, table in raw_tables().items():
        table.to_parquet(home / f"{name}.parquet")
    content = {
        "company": {"key": "tiny", "name": "Tiny"},
        "zone": "UTC",
        "tables": {name: {"path": f"{name}.parquet"} for name in raw_tables()},
        "event_groups": tiny.GROUPS,
        "exits": {"roads": {"closed": {"events": [tiny.CLOSED]}}},
    }
    content["tables"]["users"]["attributes"] = ["city"]
    return ensure_mart(Workbook.model_validate(content), home=home, as_of=tiny.AS_OF)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_a_tiny_table_is_that_of_the_mart(mart, name):
    """Every tiny table has the rows, columns, order of columns and types that the mart makes of the same raw rows."""
    built = getattr(mart, name).to_pandas().sort_values(KEYS[name], ignore_index=True)
    pd.testing.assert_frame_equal(getattr(tiny, name)(), built)


def test_the_facts_are_those_of_the_mart(mart):
    """The first and the last day of the tiny company are those that its data tell."""
    assert (mart.data_start, mart.as_of, mart.data_through) == (tiny.DATA_START, tiny.AS_OF, tiny.AS_OF)


def test_two_calls_share_nothing():
    """A table that an example changes is whole again at the next call."""
    changed = tiny.users()
    changed["user"] = 0
    assert tiny.users()["user"].nunique() == tiny.USERS
