"""A tiny company for examples: sixty users, eight weeks, two channels, one campaign with a lot, in plain pandas tables.

Every table has the columns and types of the mart's own, and everything in them is arithmetic on user and day numbers,
so an example that runs today prints the same tomorrow. A test builds the real mart from the same rows and compares.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

USERS, DAYS = 60, 56
DATA_START, AS_OF = date(2026, 1, 5), date(2026, 3, 1)  # a Monday and the Sunday eight weeks later
CAMPAIGN, EXPERIMENT, CONTROL, TREATED = "spring", "spring_lot", "control", "treated"
CAMPAIGN_START, CAMPAIGN_END = date(2026, 2, 9), date(2026, 2, 15)  # the sixth week
GROUPS = {"browse": ["view"], "cart": ["add_to_cart"]}
CLOSED = "close_account"  # the event of the road `closed`
_FIRST, _LAST = (CAMPAIGN_START - DATA_START).days, (CAMPAIGN_END - DATA_START).days


def users() -> pd.DataFrame:
    """One row per user -- user, user_id, the days of the user's life, channel, invited_by, city and how it ended.

    Users 0 to 14 signed up before the data begin, the others at a steady pace until the end of the sixth week.
    """
    people, days = _people(), user_days()
    seen = days.groupby("user")["day"].agg(["min", "max", "count"]).reindex(people["user"])
    left = exits().set_index("user").reindex(people["user"])
    signed = _day(people["signup"])
    return pd.DataFrame(
        {
            "user": people["user"].astype("int32"),
            "user_id": people["user_id"],
            "first_day": signed,
            "life_start": "signup",
            "signed_up_day": signed,
            "signed_up_at": _at(people["signup"], 8),
            "first_active_day": seen["min"].to_numpy(),
            "last_active_day": seen["max"].to_numpy(),
            "active_days": seen["count"].to_numpy(dtype="int32"),
            "entry_day": _day(people["signup"].clip(lower=0)),
            "channel": people["channel"],
            "invited_by": people["inviter"],
            "city": people["city"],
            "exit_day": left["day"].to_numpy(),
            "exit_road": _text(left["road"].notna(), "closed").to_numpy(),
            "watched_through": pd.Series(pd.NaT, index=people.index, dtype="datetime64[s]"),
        }
    )


def user_days() -> pd.DataFrame:
    """One row per user and active day -- user, day, gap_before, gap_after, events, n_browse, n_cart, orders, …"""
    log, bought = steps(), orders().groupby(["user", "day"])["net"].agg(["size", "sum"])
    names = {f"n_{group}": log["event"].isin(events) for group, events in GROUPS.items()}
    told = log.assign(events=1, **names).groupby(["user", "day"])[["events", *names]].sum().astype("int32")
    days = told.join(bought).fillna({"size": 0, "sum": 0.0}).reset_index()
    gap = days.groupby("user")["day"].diff().dt.days
    days.insert(2, "gap_before", gap)
    days.insert(3, "gap_after", gap.groupby(days["user"]).shift(-1))
    return days.rename(columns={"size": "orders", "sum": "revenue"}).astype({"orders": "int32"})


def steps() -> pd.DataFrame:
    """One row per event -- user, at, day, hour, event (open, view, add_to_cart, order), campaign_id, content_id, …"""
    lived = _lived()
    turn = (lived["user"] + lived["number"]) % 5
    content = "c" + (turn % 3 + 1).astype(str)
    parts = [
        _events(lived, "open", 0),
        _events(lived.assign(content_id=content)[turn < 3], "view", 5),
        _events(lived[(turn == 0) | lived["bought"]], "add_to_cart", 10),
        _events(lived.assign(value=lived["amount"])[lived["bought"]], "order", 15),
    ]
    return pd.concat(parts).sort_values(["user", "at"], ignore_index=True).infer_objects()


def orders() -> pd.DataFrame:
    """One row per order -- order_id, user, at, day, amount, discount, refunded, net, is_purchase, campaign_id."""
    bought = _lived().query("bought").reset_index(drop=True)
    refunded = bought["amount"].where(bought.index % 20 == 7, 0.0)
    return pd.DataFrame(
        {
            "order_id": [f"o{place:03}" for place in bought.index],
            "user": bought["user"].astype("int32"),
            "at": _at(bought["number"], bought["hour"], 15),
            "day": _day(bought["number"]),
            "amount": bought["amount"],
            "discount": np.where(bought["lured"], 5.0, 0.0),
            "refunded": refunded,
            "net": bought["amount"] - refunded,
            "is_purchase": True,
            "campaign_id": _text(bought["lured"], CAMPAIGN),
        }
    )


def exits() -> pd.DataFrame:
    """One row per user who closed the account -- user, day, event, road."""
    last = _lived().groupby("user")["number"].max()
    closed = last[(last.index % 4 == 1) & (last < DAYS - 14)].reset_index()
    return pd.DataFrame(
        {
            "user": closed["user"].astype("int32"),
            "day": _day(closed["number"] + 1),
            "event": CLOSED,
            "road": "closed",
        }
    )


def assignments() -> pd.DataFrame:
    """One row per user in the campaign's experiment -- experiment_id, user, variant, at, day."""
    drawn = _people().query("drawn").reset_index(drop=True)
    number = pd.Series(_FIRST, index=drawn.index)
    variant = np.where(drawn["treated"], TREATED, CONTROL)
    return _placed(drawn["user"], number, 0, experiment_id=EXPERIMENT, variant=variant)[
        ["experiment_id", "user", "variant", "at", "day"]
    ]


def exposures() -> pd.DataFrame:
    """One row per time the campaign was shown to a user -- campaign_id, user, at, day, channel."""
    shown = _people().query("treated").reset_index(drop=True)
    channel = np.where(shown["user"] % 2 == 0, "push", "banner")
    return _placed(shown["user"], _FIRST + shown["user"] % 3, 8, campaign_id=CAMPAIGN, channel=channel)[
        ["campaign_id", "user", "at", "day", "channel"]
    ]


def redemptions() -> pd.DataFrame:
    """One row per coupon of the campaign that was used -- campaign_id, user, at, day, cost."""
    used = orders().query("discount > 0").reset_index(drop=True)
    return used.assign(cost=used["discount"])[["campaign_id", "user", "at", "day", "cost"]]


def costs() -> pd.DataFrame:
    """One row per day and channel -- day, channel, campaign_id, amount, impressions, clicks: ads, and the campaign."""
    spent = [("ads", number, 6.0) for number in range(DAYS)]
    spent += [("push", number, 3.0) for number in range(_FIRST, _LAST + 1)]
    rows = pd.DataFrame(spent, columns=["channel", "number", "amount"])
    rows = rows.sort_values(["number", "channel"], ignore_index=True)
    told = {"day": _day(rows["number"]), "campaign_id": _text(rows["channel"] == "push", CAMPAIGN)}
    told |= {"impressions": 200 + rows["number"], "clicks": 10 + rows["number"] % 5}
    return rows.assign(**told)[["day", "channel", "campaign_id", "amount", "impressions", "clicks"]]


def contents() -> pd.DataFrame:
    """One row per piece of content -- content_id, author_id, topic, format, channel, at, day."""
    told = {"topic": ["food", "travel", "food"], "format": ["article", "article", "video"], "channel": "app"}
    frame = pd.DataFrame({"content_id": ["c1", "c2", "c3"], "author_id": ["u02", "u05", "u02"], **told})
    number = pd.Series([0, 7, 14])
    return frame.assign(at=_at(number, 6), day=_day(number))


def _people() -> pd.DataFrame:
    """One row per user with what never changes; odd pairs of users came by ads, every third by an invitation."""
    user = pd.Series(range(USERS))
    signup = (user - 15) * 42 // 45
    drawn = signup < _FIRST
    return pd.DataFrame(
        {
            "user": user,
            "user_id": _id(user),
            "signup": signup,
            "channel": np.where(user // 2 % 2 == 1, "ads", "search"),
            "city": np.array(["Anqing", "Baoji", "Chengde", "Dali", "Ezhou"])[user % 5],
            "inviter": (user - 15.0).where((user % 3 == 0) & (user >= 15)),
            "stays": np.where(user // 2 % 2 == 1, 5 + user * 11 % 40, 12 + user * 17 % 70),
            "drawn": drawn,
            "treated": drawn & (user * 7 % 4 < 2),
        }
    )


def _lived() -> pd.DataFrame:
    """One row per user and active day -- number, hour, bought, lured (by the coupon), amount.

    A user is active on the first day, then on about every second or third day until the stay is over; a few look in
    once more in the last week. Those shown the campaign come more often, and buy more, while it lasts.
    """
    every = _people().merge(pd.DataFrame({"number": range(DAYS)}), how="cross")
    user, number, age = every["user"], every["number"], every["number"] - every["signup"]
    running = every["treated"] & number.between(_FIRST, _LAST)
    chance = (user * user + 3 * number * number + 5 * number * user) % 11
    active = (age >= 0) & (age < every["stays"]) & (chance < 4 + user % 3 - age // 14 + 2 * running)
    back = (number == DAYS - 1 - user % 7) & (user % 9 == 0)
    lured = running & ((user + number) % 3 == 0)
    bought = lured | ((user + 2 * number) % 7 == 0)
    told = {"hour": 9 + (user + number) % 10, "lured": lured, "bought": bought, "amount": 20.0 + 10 * (user % 3)}
    return every.assign(**told, content_id=None, value=np.nan)[active | (age == 0) | back].reset_index(drop=True)


def _events(lived: pd.DataFrame, event: str, minute: int) -> pd.DataFrame:
    placed = lived.assign(event=event, at=_at(lived["number"], lived["hour"], minute), day=_day(lived["number"]))
    campaign = _text(lived["lured"] & (event == "order"), CAMPAIGN)
    named = placed.assign(campaign_id=campaign, channel=None).astype({"user": "int32", "hour": "int8"})
    return named[["user", "at", "day", "hour", "event", "campaign_id", "content_id", "channel", "value"]]


def _placed(user: pd.Series, number: pd.Series, hour: int, **told: object) -> pd.DataFrame:
    return pd.DataFrame({"user": user.astype("int32"), "at": _at(number, hour), "day": _day(number), **told})


def _id(user: pd.Series) -> pd.Series:
    return "u" + user.astype(str).str.zfill(2)


def _text(where: pd.Series, text: str) -> pd.Series:
    return pd.Series([text if one else None for one in where], index=where.index)


def _day(number: pd.Series) -> pd.Series:
    return (pd.Timestamp(DATA_START) + pd.to_timedelta(number, unit="D")).astype("datetime64[s]")


def _at(number: pd.Series, hour: pd.Series | int, minute: int = 0) -> pd.Series:
    return (_day(number) + pd.to_timedelta(hour * 60 + minute, unit="min")).astype("datetime64[us]")
