"""Whom a campaign was for, and whom it was shown to."""

from __future__ import annotations

import ibis
import pandas as pd

from opsbook.analysis.proportion import add_share
from opsbook.mart.tables import Tabular, engine_table

_ = ibis._
FLAG = "in:campaign_audience"
COLUMNS = ["audience", "shown", "share_shown", "share_shown_low", "share_shown_high", "outside", "share_outside"]


def targeted(people: Tabular, members: Tabular, *, exposures_known: bool, min_cell: int = 1) -> pd.DataFrame:
    """How much of the audience was shown the campaign, and how many who were shown it did not belong to it.

    people:  as `segments.people` on the day before the start, with the audience's flag where the file has a rule
    members: as `audience.members`; where exposures are not known taking part stands for being shown
    returns: one row -- audience (users who met the rule), shown (of them), share_shown with Wilson _low and _high,
             outside (shown, but not in the audience, newcomers included), share_outside (of all shown). All but
             audience are missing where one of the groups has users, but fewer than `min_cell`. No row without a rule.

    >>> import pandas as pd
    >>> from opsbook import targeting
    >>> people = pd.DataFrame({"user": range(10), "in:campaign_audience": [True] * 8 + [False] * 2})
    >>> members = pd.DataFrame({"user": [0, 1, 2, 3, 9], "exposed": True, "participated": False})
    >>> told = targeting.targeted(people, members, exposures_known=True)
    >>> print(told[["audience", "shown", "share_shown", "outside", "share_outside"]].to_string(index=False))
     audience  shown  share_shown  outside  share_outside
            8      4          0.5        1            0.2
    """
    people, members = engine_table(people), engine_table(members)
    if FLAG not in people.columns:
        return pd.DataFrame(columns=COLUMNS)
    shown = members.filter(_.exposed if exposures_known else _.participated).select("user")
    meant = people.filter(people[FLAG]).select("user")
    counts = [meant.count(), meant.semi_join(shown, "user").count(), shown.count()]
    audience, reached, whole = (int(count.to_pandas()) for count in counts)
    row = pd.DataFrame({"audience": [audience], "shown": [reached], "outside": [whole - reached]})
    shares = add_share(row, of="shown", out_of="audience", name="share_shown")
    told = shares.assign(share_outside=(whole - reached) / whole if whole else float("nan"))[COLUMNS]
    small = any(0 < group < min_cell for group in (reached, audience - reached, whole - reached))
    return told.assign(**dict.fromkeys(COLUMNS[1:], float("nan"))) if small else told
