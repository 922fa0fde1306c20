"""Builds the mart's `user_days` and `users` from a plain log of (user, day), slowly and in plain sight."""

import numpy as np
import pandas as pd


def user_days(log: pd.DataFrame) -> pd.DataFrame:
    """One row per user and active day with gap_before and gap_after in days."""
    days = log[["user", "day"]].drop_duplicates().sort_values(["user", "day"], ignore_index=True)
    by_user = days.groupby("user")["day"]
    return days.assign(gap_before=by_user.diff().dt.days, gap_after=(by_user.shift(-1) - days["day"]).dt.days)


def users(log: pd.DataFrame, signed_up: dict | None = None, *, data_start: str | None = None, **more) -> pd.DataFrame:
    """One row per user of the log or of signed_up (user -> day), whose life starts there, else when first seen."""
    seen = log.groupby("user")["day"].agg(["min", "max"])
    names = sorted(set(seen.index) | set(signed_up or {}))
    table = pd.DataFrame({"user": pd.Series(names, dtype=log["user"].dtype)}).set_index("user")
    signup = pd.Series({user: pd.Timestamp(day) for user, day in (signed_up or {}).items()}, dtype="datetime64[ns]")
    table["first_active_day"], table["last_active_day"] = seen["min"], seen["max"]
    table["signed_up_day"] = signup.reindex(table.index)
    table["first_day"] = table["signed_up_day"].fillna(table["first_active_day"])
    table["life_start"] = np.where(table["signed_up_day"].notna(), "signup", "first_event")
    start = pd.Timestamp(data_start) if data_start else table["first_day"].min()
    table["entry_day"] = table["first_day"].clip(lower=start)
    return table.assign(channel="unknown").assign(**more).reset_index()
