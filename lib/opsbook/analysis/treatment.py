"""Who got a campaign that no lot was drawn for: users by a rule, users who were shown it, or units such as cities.

Never the participants: they chose to take part, mostly when they were about to buy.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
RULED = "in:campaign_treated"


def users(eve: Tabular, reached: Tabular, *, comparison: str, units: object = None) -> ir.Table | None:
    """Everybody known on the eve of the campaign, marked; None where the comparison is not one of marked users.

    eve: `segments.people` of the day before the start, with the flag of the rule where the file has one; reached:
    `audience.members`, whose `exposed` counts for a weighted comparison without a rule
    returns: the rows of eve, in the engine, and treated (bool)

    >>> from opsbook import tiny, treatment
    >>> reached = tiny.exposures[["user"]].assign(exposed=True)
    >>> marked = treatment.users(tiny.users, reached, comparison="weighted").to_pandas()
    >>> print(marked["treated"].value_counts().to_dict(), treatment.users(tiny.users, reached, comparison="holdout"))
    {False: 46, True: 14} None
    """
    eve, reached = engine_table(eve), engine_table(reached)
    if comparison not in ("did", "weighted") or units is not None:
        return None
    if RULED in eve.columns:
        return eve.mutate(treated=eve[RULED])
    shown = reached.filter(_.exposed).select(shown_user=_.user).distinct()
    marked = eve.left_join(shown, eve.user == shown.shown_user)
    return marked.mutate(treated=_.shown_user.notnull()).drop("shown_user")
