"""At which age users leave: the risk per user and day, and its running sum.

Both read a counted table of durations (see `life_table`).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import chi2

from opsbook.analysis import life_table, survival


def nelson_aalen(durations: pd.DataFrame) -> pd.DataFrame:
    """Cumulative hazard after each day of exit -- the life table with cumulative_hazard and its standard_error.

    source: Nelson 1972, Aalen 1978; sum of d / n with the binomial variance, because days are discrete

    >>> import pandas as pd
    >>> from opsbook import hazard
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [2, 9, 40], "churned": [20, 40, 0]})
    >>> told = hazard.nelson_aalen(durations.assign(censored=[0, 0, 40]))
    >>> print(told[["duration_days", "at_risk", "churned", "cumulative_hazard"]].round(3).to_string(index=False))
     duration_days  at_risk  churned  cumulative_hazard
                 2      100       20                0.2
                 9       80       40                0.7
                40       40        0                0.7
    """
    table = life_table.life_table(durations)
    n, share = table["at_risk"].to_numpy(float), (table["churned"] / table["at_risk"]).to_numpy(float)
    error = np.sqrt(np.cumsum(share * (1 - share) / n))
    return table.assign(cumulative_hazard=np.cumsum(share), standard_error=error)


def hazard(durations: pd.DataFrame, *, every_days: int = 7, horizon_days: int, level: float = 0.95) -> pd.DataFrame:
    """Risk of leaving per user and day, by age in bands of every_days, before day horizon_days.

    returns: one row per band that somebody was watched in -- from_day, to_day, user_days_at_risk, churned,
             hazard_per_day, low, high
    source:  events / user-days at risk with the exact Poisson interval (Garwood 1936)

    >>> import pandas as pd
    >>> from opsbook import hazard
    >>> durations = pd.DataFrame({"entry_days": 0, "duration_days": [3, 10, 14], "churned": [30, 7, 0]})
    >>> told = hazard.hazard(durations.assign(censored=[0, 0, 63]), horizon_days=14)
    >>> print(told.iloc[:, :5].round(4).to_string(index=False))
     from_day  to_day  user_days_at_risk  churned  hazard_per_day
            0       6                610       30          0.0492
            7      13                469        7          0.0149
    """
    curve = survival.survival_curve(durations, horizon_days=horizon_days - 1)
    band = (curve["day"] // every_days * every_days).rename("from_day")
    table = curve.groupby(band)[["at_risk", "churned"]].sum().reset_index()
    table = table[table["at_risk"] > 0].rename(columns={"at_risk": "user_days_at_risk"}).reset_index(drop=True)
    d, exposure, tail = table["churned"], table["user_days_at_risk"], (1 - level) / 2
    low = np.where(d > 0, chi2.ppf(tail, 2 * np.maximum(d, 1)) / 2, 0.0)
    rates = {"hazard_per_day": d / exposure, "low": low / exposure, "high": chi2.isf(tail, 2 * (d + 1)) / 2 / exposure}
    table.insert(1, "to_day", (table["from_day"] + every_days).clip(upper=horizon_days) - 1)
    return table.assign(**rates)
