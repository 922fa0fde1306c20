"""What `truth.json` says was counted is what a plain count of the cleaned files finds."""

import pandas as pd
import pytest


def _per_month(days: pd.Series) -> dict[str, int]:
    return days.dt.strftime("%Y-%m").value_counts().sort_index().to_dict()


def test_rows_in_the_files_are_true_rows_and_counted_dirt(company):
    """Every row is either counted as true or as dirt of a named kind."""
    rows, dirt = company.truth["rows"], company.truth["dirt"]
    added = {
        "users": ["exact_duplicate"],
        "events": ["exact_duplicate", "missing_user_id", "clock_error", "orphan"],
        "orders": ["exact_duplicate", "missing_user_id", "clock_error", "negative_amount"],
        "exposures": ["exact_duplicate"],
    }
    for table, kinds in added.items():
        assert len(company.raw(table)) == rows[table] + sum(dirt[table][kind] for kind in kinds), table
        assert len(company.clean(table)) == rows[table], table


def test_dirt_stays_below_a_hundredth(company):
    """Less than one row in a hundred of every table is dropped."""
    for table in ("users", "events", "orders", "exposures"):
        assert company.truth["rows"][table] / len(company.raw(table)) > 0.99


def test_active_users_per_month_and_week(company):
    """Monthly and weekly actives are the distinct users with at least one true event or order."""
    days, facts = company.days(), company.truth["facts"]
    monthly = days.assign(month=days["day"].dt.strftime("%Y-%m")).groupby("month")["uid"].nunique()
    assert monthly.to_dict() == facts["active_users"]
    monday = days["day"] - pd.to_timedelta(days["day"].dt.dayofweek, unit="D")
    weekly = days.assign(week=monday.dt.strftime("%Y-%m-%d")).groupby("week")["uid"].nunique()
    assert weekly.reindex(list(facts["weekly_active_users"])).to_dict() == facts["weekly_active_users"]


def test_mean_daily_active_users_per_month(company):
    """The mean of daily actives over the days of each month."""
    daily = company.days().groupby("day")["uid"].nunique()
    daily = daily.reindex(pd.date_range("2025-09-01", "2026-10-31"), fill_value=0)
    mean = daily.groupby(daily.index.strftime("%Y-%m")).mean()
    assert mean.to_dict() == pytest.approx(company.truth["facts"]["mean_daily_active_users"], abs=1e-4)


def test_signups_per_month(company):
    """Sign-ups of the observed months; earlier users are in the table, too."""
    users = company.clean("users")
    assert _per_month(users.loc[users["at"] >= "2025-09-01", "at"]) == company.truth["facts"]["signups"]
    assert users["at"].min() < pd.Timestamp("2025-03-10")


def test_orders_buyers_and_money_per_month(company):
    """Orders, distinct buyers and yuan net of refunds."""
    orders, facts = company.clean("orders"), company.truth["facts"]
    orders = orders.assign(month=orders["at"].dt.strftime("%Y-%m"), net=orders["amount_cents"] - orders["refund_cents"])
    by_month = orders.groupby("month")
    assert by_month.size().to_dict() == facts["orders"]
    assert by_month["uid"].nunique().to_dict() == facts["buyers"]
    assert (by_month["net"].sum() / 100).to_dict() == pytest.approx(facts["net_revenue_yuan"])


@pytest.mark.parametrize("after_days", [1, 7, 30])
def test_retained_on_day_n(company, after_days):
    """Of the users of each sign-up month whose day N lies in the data, those active on that day."""
    users, days = company.clean("users"), company.days()
    first = users.assign(day=users["at"].dt.normalize())[["uid", "day"]]
    first = first[first["day"].between("2025-09-01", pd.Timestamp("2026-10-31") - pd.Timedelta(days=after_days))]
    then = first.assign(day=first["day"] + pd.Timedelta(days=after_days)).merge(days, how="inner")
    told = company.truth["facts"]["retained_on_day"][str(after_days)]
    assert _per_month(first["day"]) == {month: n for month, n in told["users"].items() if n}
    assert _per_month(then["day"] - pd.Timedelta(days=after_days)) == {m: n for m, n in told["active"].items() if n}


def test_funnel_days(company):
    """User-days with activity, a look at goods, a filled cart and an order."""
    events, orders = company.clean("events"), company.clean("orders")
    done = pd.concat([events[["uid", "at", "action"]], orders.assign(action="order")[["uid", "at", "action"]]])
    days = done.assign(at=done["at"].dt.normalize()).drop_duplicates().groupby("action").size()
    told = company.truth["shopping"]["counted_user_days"]
    assert days[["open", "view_item", "add_to_cart", "order"]].tolist() == list(told.values())


def test_campaign_counts(company):
    """Arms, users shown, participants, redemptions and their cost."""
    events, shown, taken = (company.clean(table) for table in ("events", "exposures", "redemptions"))
    arms = company.clean("assignments").groupby(["experiment", "arm"])["uid"].nunique()
    joined = events[events["action"] == "join_campaign"].groupby("campaign")["uid"].nunique()
    for key, told in company.truth["campaigns"].items():
        assert arms[key].to_dict() == {"control": told["assigned_control"], "treatment": told["assigned_treatment"]}
        assert shown.loc[shown["campaign"] == key, "uid"].nunique() == told["exposed"]
        assert joined[key] == told["participants"]
        own = taken[taken["campaign"] == key]
        assert len(own) == told["redemptions"]
        assert own["cost_yuan"].sum() == pytest.approx(told["redemption_cost_yuan"])


def test_costs_per_channel(company):
    """Money spent per channel adds up to the truth's sums, the campaigns' media to theirs."""
    costs = pd.read_csv(company.folder / "costs.csv")
    spent = costs.groupby("source")["spend_yuan"].sum()
    for key, channel in company.truth["channels"].items():
        assert spent.get(key, 0.0) == pytest.approx(channel["spend_counted_yuan"], abs=0.01)
    media = costs.groupby("campaign")["spend_yuan"].sum()
    for key, campaign in company.truth["campaigns"].items():
        assert media[key] == pytest.approx(campaign["media_cost_yuan"], abs=0.1)
