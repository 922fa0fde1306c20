"""Textbook survival sets as counted tables, and rows drawn at random for laws and second opinions."""

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

LAWS = settings(max_examples=20, deadline=None)
SIX_MP = [(t, 1) for t in (6, 6, 6, 7, 10, 13, 16, 22, 23)] + [
    (t, 0) for t in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)
]
PLACEBO = [(t, 1) for t in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]


def from_rows(days, churned, *, entry=None, **columns) -> pd.DataFrame:
    """One row per user as a counted table."""
    churned = np.asarray(churned).astype("int64")
    table = pd.DataFrame({"duration_days": np.asarray(days), "churned": churned, "censored": 1 - churned, **columns})
    return table if entry is None else table.assign(entry_days=np.asarray(entry))


def counted(rows: pd.DataFrame) -> pd.DataFrame:
    """The same users counted: one row per combination of everything but the counts."""
    keys = [name for name in rows if name not in ("churned", "censored")]
    return rows.groupby(keys)[["churned", "censored"]].sum().reset_index()


def leukaemia() -> pd.DataFrame:
    """Freireich's two arms, 21 patients each."""
    both = [(*pair, "6-MP") for pair in SIX_MP] + [(*pair, "placebo") for pair in PLACEBO]
    days, churned, arm = zip(*both, strict=True)
    return from_rows(days, churned, arm=list(arm))


def lung(path) -> pd.DataFrame:
    """NCCTG lung cancer, 228 patients."""
    raw = pd.read_csv(path)
    return from_rows(raw["time"], raw["status"] == 2, sex=raw["sex"].astype(str))


def oulad(registration, courses) -> pd.DataFrame:
    """Open University registrations: day of withdrawal or length of the course, whichever is first, after day 0."""
    rows = pd.read_csv(registration).merge(pd.read_csv(courses), on=["code_module", "code_presentation"])
    left = rows["date_unregistration"] <= rows["module_presentation_length"]
    rows = rows.assign(left=left, t=rows["date_unregistration"].where(left, rows["module_presentation_length"]))
    return rows[rows["t"] > 0].reset_index(drop=True)


@st.composite
def users(draw, *, late=False, least=2):
    """Up to forty users with whole-day durations, some censored, some entering late, in up to three segments."""
    size = draw(st.integers(least, 40))
    days = draw(st.lists(st.integers(0, 25), min_size=size, max_size=size))
    churned = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    segment = draw(st.lists(st.sampled_from("abc"), min_size=size, max_size=size))
    entry = [draw(st.integers(0, max(day - 1, 0))) if late else 0 for day in days]
    return from_rows(days, churned, entry=entry, segment=segment)
