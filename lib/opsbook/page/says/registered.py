"""Whether a campaign is judged as it was promised before it began."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pandas as pd

from opsbook.page.words import Sentence


def promise(
    table: pd.DataFrame, kept: Mapping[str, Any] | None, registrations: Sequence[Mapping[str, Any]], *, start: date
) -> Sentence:
    """Kept, changed, made too late, or never made.

    table: `registered.compared`; kept: the registration in time, None without one; registrations: all there are
    """
    if kept is None and registrations:
        told = {"day": date.fromisoformat(str(registrations[0]["registered_on"])), "start": start}
        return Sentence("campaign.registered.late", **told)
    if kept is None:
        return Sentence("campaign.registered.none")
    day = date.fromisoformat(str(kept["registered_on"]))
    changed = table.loc[table["changed"], "field"]
    if changed.empty:
        return Sentence("campaign.registered.kept", day=day, n=len(table))
    return Sentence(
        "campaign.registered.changed", day=day, fields=[Sentence(f"campaign.field.{name}") for name in changed]
    )


def short(said: Sentence, *, goals: bool) -> Sentence:
    """The same in three words for the rule of the verdict; nothing where the promise was kept.

    said: `promise`; goals: whether any were set
    """
    case = said.key.rsplit(".", 1)[-1]
    return Sentence(f"campaign.promise.{'late_goals' if case == 'late' and goals else case}")
