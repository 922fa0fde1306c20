"""RFM of two public retailers equals an independent computation in pandas."""

from datetime import date

import numpy as np
import pandas as pd

from opsbook.analysis import rfm, rfm_migration


def online_retail(shared) -> pd.DataFrame:
    """Invoices of customers, cancellations (C…) as refunds on their own."""
    lines = pd.read_parquet(shared("online_retail.parquet")).dropna(subset="CustomerID")
    lines["amount"] = lines["Quantity"] * lines["UnitPrice"]
    invoices = lines.groupby("InvoiceNo").agg(
        user=("CustomerID", "max"), at=("InvoiceDate", "min"), net=("amount", "sum")
    )
    return _orders(invoices)


def complete_journey(shared) -> pd.DataFrame:
    """Baskets of households."""
    lines = pd.read_parquet(shared("completejourney_transactions.parquet"))
    by = {"user": ("household_id", "max"), "at": ("transaction_timestamp", "min"), "net": ("sales_value", "sum")}
    return _orders(lines.groupby("basket_id").agg(**by))


def _orders(found: pd.DataFrame) -> pd.DataFrame:
    net = found["net"].round(2)
    day = pd.to_datetime(found["at"]).dt.tz_localize(None).dt.normalize()
    user = pd.factorize(found["user"], sort=True)[0]
    return pd.DataFrame({"user": user, "day": day.astype("datetime64[ns]"), "net": net, "is_purchase": net > 0})


def letters(orders: pd.DataFrame, as_of: date, cuts: pd.Series | None = None) -> tuple[pd.DataFrame, pd.Series]:
    """One row per buyer with the key, by sorting and medians; and the cuts."""
    end = pd.Timestamp(as_of)
    inside = orders[(orders["day"] <= end) & (orders["day"] > end - pd.Timedelta(days=300))]
    bought = inside[inside["is_purchase"]].groupby("user")["day"].agg(["max", "size"])
    table = pd.DataFrame({"r": -(end - bought["max"]).dt.days, "f": bought["size"]})
    table["m"] = inside.groupby("user")["net"].sum().round(4).reindex(table.index)
    at = table.median() if cuts is None else cuts
    high = np.where(table[["r", "f", "m"]] > at, "H", "L")
    return table.assign(key=["".join(row) for row in high]), at


def check(orders: pd.DataFrame, start: date, end: date) -> None:
    before, cuts = letters(orders, start)
    groups = rfm.rfm_groups(orders, as_of=start, window_days=300).set_index("key")
    assert groups["users"].to_dict() == before["key"].value_counts().reindex(rfm.KEYS, fill_value=0).to_dict()
    revenue = before.groupby("key")["m"].sum().reindex(rfm.KEYS, fill_value=0.0)
    np.testing.assert_allclose(groups["revenue"], revenue, rtol=1e-12)
    after, _cuts = letters(orders, end, cuts)
    pairs = before["key"].rename("from_key").to_frame().join(after["key"].rename("to_key"), how="outer")
    expected = pairs.fillna({"from_key": "entered", "to_key": "left_window"}).value_counts()
    seen = {"data_start": date(2010, 1, 1), "settled_through": end}
    moves = rfm_migration.rfm_migration(orders, ends=[start, end], window_days=300, **seen)
    found = moves[moves["users"] > 0].set_index(["from_key", "to_key"])["users"]
    assert found.to_dict() == expected.to_dict()


def test_online_retail_groups_and_moves_equal_pandas(shared):
    """UCI Online Retail, invoices with customer, cancellations as refunds: October to November 2011."""
    check(online_retail(shared), date(2011, 10, 31), date(2011, 11, 30))


def test_complete_journey_groups_and_moves_equal_pandas(shared):
    """84.51°'s Complete Journey, 2,469 households: October to November 2017."""
    check(complete_journey(shared), date(2017, 10, 31), date(2017, 11, 30))
