"""Purchase histories counted: how many customers share a number of repeat orders, a last order and a time watched."""

from __future__ import annotations

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd

from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
MONEY = "decimal(18, 4)"
EARLIER = "earlier"
PATTERN = ["earlier", "frequency", "recency_days", "age_days"]
CLASSES = 7


def purchase_patterns(
    orders: Tabular, users: Tabular, *, through: date, seen_through: date | None = None, data_start: date
) -> pd.DataFrame:
    """Customers by purchase history up to `through`, and what the same customers did afterwards.

    Orders of one day are one order, and the first is the beginning, not a repeat. Customers whose life may have begun
    before the data (signed up earlier, or `unknown`) are the cohort EARLIER: their first order seen is not their first.

    orders:       one row per order -- user, day, net, is_purchase (false for refunds booked on their own)
    users:        one row per user -- user, first_day, life_start; who is missing there begins with the first order
    seen_through: last day of the later orders; default: none are counted
    returns:      one row per pattern -- cohort (EARLIER or the quarter of the first order, e.g. 2026-Q1), frequency
                  (repeat orders), recency_days (first to last order), age_days (first order to `through`), customers,
                  repeat_orders, later_orders (after `through`), later_squares (sum of squares over customers),
                  recent_orders (repeat orders in as many days before `through`), recent_squares and recent_later (sums
                  of squares and products), valued (customers whose repeat orders have a net value above zero), spend
                  (sum over valued customers of the mean value of their repeat orders, currency)

    >>> days = pd.to_datetime(["2026-01-05", "2026-02-04", "2026-01-10", "2026-03-20"])
    >>> orders = pd.DataFrame({"user": [1, 1, 2, 2], "day": days, "net": [30.0, 50.0, 10.0, 99.0], "is_purchase": True})
    >>> users = pd.DataFrame({"user": [1, 2], "first_day": days[[0, 2]], "life_start": "signup"})
    >>> span = {"through": date(2026, 2, 28), "seen_through": date(2026, 3, 31), "data_start": date(2026, 1, 1)}
    >>> found = purchase_patterns(orders, users, **span)
    >>> columns = ["cohort", "frequency", "recency_days", "age_days", "customers", "later_orders", "spend"]
    >>> print(found[columns].to_string(index=False))
     cohort  frequency  recency_days  age_days  customers  later_orders  spend
    2026-Q1          0             0        49          1             1    0.0
    2026-Q1          1            30        54          1             0   50.0
    """
    histories = _histories(orders, users, through=through, seen_through=seen_through or through, data_start=data_start)
    valued = (_.frequency > 0) & (_.repeat_value > 0)
    mean = (_.repeat_value / _.frequency.nullif(0)).cast(MONEY)
    sums = {
        "customers": _.count(),
        "repeat_orders": _.frequency.sum(),
        "later_orders": _.later.sum(),
        "later_squares": (_.later * _.later).sum(),
        "recent_orders": _.recent.sum(),
        "recent_squares": (_.recent * _.recent).sum(),
        "recent_later": (_.recent * _.later).sum(),
        "valued": valued.sum(),
        "spend": mean.sum(where=valued),
    }
    table = histories.group_by(*PATTERN).agg(**sums).order_by(*PATTERN).to_pandas()
    whole = [*PATTERN[1:], *[name for name in sums if name != "spend"]]
    table = table.assign(spend=table["spend"].astype("float64").fillna(0.0)).astype(dict.fromkeys(whole, "int64"))
    first_days = pd.Timestamp(through) - pd.to_timedelta(table["age_days"], unit="D")
    quarter = first_days.dt.year.astype("str") + "-Q" + first_days.dt.quarter.astype("str")
    table.insert(0, "cohort", quarter.astype("object").mask(table.pop("earlier").astype("bool"), EARLIER))
    return table


def repeat_values(orders: Tabular, *, through: date) -> pd.DataFrame:
    """Repeat customers by number and mean net value of their repeat orders; refunds booked apart are left out.

    returns: one row per frequency and mean_value (currency) -- frequency, mean_value, customers; customers whose repeat
             orders are worth nothing or less after refunds have mean_value 0 and do not fit the model

    >>> days = pd.to_datetime(["2026-01-05", "2026-02-04", "2026-02-20", "2026-01-10"])
    >>> orders = pd.DataFrame({"user": [1, 1, 1, 2], "day": days, "net": [30.0, 50.0, 70.0, 10.0], "is_purchase": True})
    >>> print(repeat_values(orders, through=date(2026, 2, 28)).to_string(index=False))
     frequency  mean_value  customers
             2        60.0          1
    """
    days = _purchase_days(orders).filter(_.number <= _day_number(through))
    people = days.group_by("user").agg(frequency=_.count() - 1, value=_.net.sum(), first_value=_.net.argmin(_.number))
    repeat = people.filter(_.frequency > 0)
    mean = ((repeat.value - repeat.first_value) / repeat.frequency).cast(MONEY)
    keyed = repeat.select("frequency", mean_value=ibis.greatest(mean, ibis.literal(0).cast(MONEY)))
    table = keyed.group_by("frequency", "mean_value").agg(customers=_.count()).order_by("frequency", "mean_value")
    return table.to_pandas().astype({"frequency": "int64", "mean_value": "float64", "customers": "int64"})


def later_days(orders: Tabular, *, through: date, seen_through: date) -> pd.DataFrame:
    """Orders after `through` of the customers who had ordered by then.

    returns: one row per day from the day after `through` to `seen_through` -- day_number (1 is the first), orders

    >>> days = pd.to_datetime(["2026-02-04", "2026-03-02", "2026-03-02"])
    >>> orders = pd.DataFrame({"user": [1, 1, 2], "day": days, "net": 10.0, "is_purchase": True})
    >>> print(later_days(orders, through=date(2026, 2, 28), seen_through=date(2026, 3, 3)).to_string(index=False))
     day_number  orders
              1       0
              2       1
              3       0
    """
    days, split = _purchase_days(orders), _day_number(through)
    known = days.filter(days.number <= split).select("user").distinct()
    later = days.filter(days.number > split, days.number <= _day_number(seen_through)).semi_join(known, "user")
    counted = later.group_by(day_number=later.number - split).agg(orders=_.count()).to_pandas()
    span = pd.RangeIndex(1, (seen_through - through).days + 1, name="day_number")
    orders_by_day = counted.set_index("day_number")["orders"].reindex(span, fill_value=0)
    return orders_by_day.astype("int64").reset_index()


def frequency_classes(patterns: pd.DataFrame, *, min_cell: int = 1) -> pd.Series:
    """The class of each row: its number of repeat orders, the last class open (7 or more, fewer where cells are small).

    returns: an ordered categorical per row, e.g. "0", "1", "2+"; no class but a lonely one holds under min_cell

    >>> patterns = pd.DataFrame({"frequency": [0, 1, 2, 3], "customers": [50, 20, 6, 4]})
    >>> frequency_classes(patterns, min_cell=10).tolist()
    ['0', '1', '2+', '2+']
    """
    top = _open_class(patterns.groupby("frequency")["customers"].sum(), min_cell)
    names = [*map(str, range(top)), f"{top}+" if top else "0+"]
    codes = patterns["frequency"].clip(upper=top)
    return pd.Series(
        pd.Categorical(codes.map(dict(enumerate(names))), categories=names, ordered=True), index=codes.index
    )


def _open_class(customers: pd.Series, min_cell: int) -> int:
    by = customers.reindex(range(CLASSES), fill_value=0)
    small = [frequency for frequency in range(CLASSES) if by[frequency] < min_cell]
    top = min([CLASSES, *small])
    while top > 0 and customers[customers.index >= top].sum() < min_cell:
        top -= 1
    return top


def _histories(orders: Tabular, users: Tabular, *, through: date, seen_through: date, data_start: date) -> ir.Table:
    """One row per customer with an order by `through` -- earlier, pattern, later, recent, repeat_value."""
    split, last = _day_number(through), _day_number(seen_through)
    days = _purchase_days(orders).filter(_.number <= last)
    back, known = split - (last - split), _.number <= split
    people = days.group_by("user").agg(
        first=_.number.min(),
        last=_.number.max(where=known),
        orders=known.sum(),
        later=(_.number > split).sum().cast("int64"),
        lately=((_.number > back) & known).sum(),
        value=_.net.sum(where=known),
        first_value=_.net.argmin(_.number),
    )
    people = people.filter(_.first <= split)
    lives = engine_table(users).select("user", begun=_.first_day.cast("date"), start=_.life_start)
    placed = people.left_join(lives, "user").drop("user_right")
    from_before = ibis.coalesce((_.start == "unknown") | (_.begun < ibis.date(data_start)), False)
    return placed.select(
        earlier=from_before,
        frequency=_.orders - 1,
        recency_days=_.last - _.first,
        age_days=split - _.first,
        later="later",
        recent=_.lately - ibis.ifelse(_.first > back, 1, 0),
        repeat_value=_.value - _.first_value,
    )


def _purchase_days(orders: Tabular) -> ir.Table:
    """One row per customer and day with an order -- user, number (of the day), net (sum, decimal)."""
    table = engine_table(orders)
    bought = table.filter(table.is_purchase.cast("boolean"))
    dated = bought.select("user", number=_.day.cast("date").epoch_days().cast("int32"), net=_.net.cast(MONEY))
    return dated.group_by("user", "number").agg(net=_.net.sum())


def _day_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
