"""Chart of notebook 03 about the gap to the plan."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from opsbook.analysis.plan_gap import total
from opsbook.page import theme, words
from opsbook.page.charts.waterfall import waterfall
from opsbook.page.says.plan_gap import KINDS, is_clear, moving


def gap(parts: pd.DataFrame, *, levels: Sequence[str]) -> Figure | None:
    """A waterfall from the plan to what came, one bar per factor of the funnel in its order."""
    if parts.empty or parts["low"].isna().any():
        return None
    shown, (start, end, _) = moving(parts), total(parts)
    money = KINDS.get(levels[-1]) == "money"
    metric = words.label(f"campaign.plan_metric.{levels[-1]}")
    cells = shown[["part", "low", "high"]].to_dict("records")
    texts = [words.label("campaign.plan_part.count", **{str(k): v for k, v in cell.items()}) for cell in cells]
    fig, ax = waterfall(
        shown[["part", "low", "high"]].assign(clear=is_clear(shown["low"], shown["high"])),
        start=start,
        end=end,
        names=[words.label(f"campaign.plan_factor.{factor}") for factor in shown["factor"]],
        ends=(words.label("campaign.plan_chart.plan"), words.label("campaign.plan_chart.actual")),
        texts=[words.show(start, "count"), *texts, words.show(end, "count")],
        axis=words.label(
            f"campaign.plan_axis.{'money' if money else 'count'}", metric=metric, currency=words.currency()
        ),
    )
    theme.count_axis(ax, axis="x")
    return fig
