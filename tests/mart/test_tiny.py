"""The tiny company of the examples is a company like any other: files of its records give the same mart."""

import pandas as pd
import pytest

from activity_log import user_days
from opsbook import tiny
from opsbook.mart.build import ensure_mart
from opsbook.mart.mart import NAMES


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The mart of the tiny company, built from files as for any company."""
    home = tmp_path_factory.mktemp("tiny")
    for name, rows in tiny.contract_tables().items():
        rows.dropna(axis="columns", how="all").to_parquet(home / f"{name}.parquet")
    users = tiny.WORKBOOK.tables["users"].model_copy(update={"attributes": ["city"]})
    return ensure_mart(tiny.WORKBOOK.model_copy(update={"tables": tiny.WORKBOOK.tables | {"users": users}}), home=home)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("about", "checks")])
def test_a_tiny_table_is_the_table_of_the_mart(built, name):
    """Columns, kinds and rows are those that the mart builds from files."""
    given, real = getattr(tiny, name), getattr(built, name).to_pandas()
    assert [*given] == [*real]
    keys = [column for column in ("user", "day", "at", "event", "channel") if column in real] or [*real][:1]
    times = dict.fromkeys(real.select_dtypes("datetime").columns, "datetime64[ns]")
    pd.testing.assert_frame_equal(given, real.astype(times).sort_values(keys, ignore_index=True))


def test_the_tiny_company_breaks_no_law_and_tells_its_span(built):
    """Nothing is dropped or flagged, and the dates in the module are those of the data."""
    assert tiny.checks.empty
    assert (tiny.DATA_START, tiny.AS_OF) == (built.data_start, built.as_of) == (built.data_start, built.data_through)


def test_gaps_are_those_between_the_days_of_the_steps():
    """A plain pandas twin finds the same active days and gaps in the steps."""
    twin = user_days(tiny.steps).astype({"user": "int32"})
    pd.testing.assert_frame_equal(tiny.user_days[[*twin]], twin)


def test_a_table_is_a_copy_of_ones_own():
    """What a reader does to a table of the tiny company changes nobody else's."""
    own = tiny.users
    own["user"] = 0
    assert tiny.users["user"].is_unique


def test_another_name_is_refused():
    """A table that the mart has not is named together with those it has."""
    with pytest.raises(AttributeError, match="user_days"):
        tiny.nothing  # noqa: B018  the access is what fails


def test_the_story_of_the_campaign_holds():
    """Only treated users are shown it, only shown ones redeem, and they are active on every day until it ends."""
    arms = tiny.assignments.set_index("user")["variant"]
    assert set(tiny.exposures["user"]) == set(arms[arms == "treatment"].index)
    assert set(tiny.redemptions["user"]) < set(tiny.exposures["user"])
    last = tiny.user_days[tiny.user_days["day"] == pd.Timestamp(tiny.CAMPAIGN_END)]
    assert set(tiny.redemptions["user"]) <= set(last["user"])
