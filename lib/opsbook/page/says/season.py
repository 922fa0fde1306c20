"""Which festivals lie in the days that a comparison takes for usual."""

from __future__ import annotations

import pandas as pd

from opsbook.inputs.festivals import Festival, festival_runs
from opsbook.page import words
from opsbook.page.words import Sentence


def baseline(curve: pd.DataFrame, calendar: str | None) -> Sentence | None:
    """The festivals of the days before a campaign, and how many of these days they take; None without any.

    curve: `phase_curve.against_baseline`; calendar: country, None where the company has no festivals
    """
    before = curve.loc[curve["phase"] == "before", "day"].dt.date
    if before.empty or not calendar:
        return None
    first, last = before.min(), before.max()
    runs = festival_runs(calendar, first=first, last=last)
    days = int(before.map(lambda day: any(run.start <= day <= run.end for run in runs)).sum())
    named = [_named(run) for run in runs]
    return Sentence("campaign.season.baseline", runs=named, days=days, n=len(before)) if runs else None


def marked(curve: pd.DataFrame, calendar: str | None) -> bool:
    """Whether the chart of these days names festivals: there is a chart, and some fall in its days.

    curve: `phase_curve.against_baseline`; calendar: country, None where the company has no festivals
    """
    if not calendar or curve.empty or not curve["value"].any():
        return False
    days = curve["day"].dt.date
    return bool(festival_runs(calendar, first=days.min(), last=days.max()))


def _named(run: Festival) -> Sentence:
    name = run.name_zh if words.language() == "zh" else run.name
    if run.start == run.end:
        return Sentence("campaign.season.day", name=name, day=run.start)
    return Sentence("campaign.season.run", name=name, start=run.start, end=run.end)
