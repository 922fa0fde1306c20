"""The peak day and the campaigns beside it, in both languages with equal numbers."""

import re
from datetime import date
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.workbook import Incident
from opsbook.page import theme, words
from opsbook.page.charts import campaign as charts
from opsbook.page.says import campaign as says

DATES = {"campaign_id": "a", "start": "2026-03-02", "end": "2026-03-08"}


def hours(usual: float) -> pd.DataFrame:
    """A day with most at nine and furthest above the usual at twenty."""
    value, before = np.ones(24), np.full(24, usual)
    value[[9, 20]], before[9] = [30, 25], 20 * usual
    told = {"day": pd.Timestamp("2026-03-02"), "hour": range(24), "value": value, "usual": before}
    return pd.DataFrame(told | {"low": before, "high": before, "usual_days": 4})


@pytest.mark.parametrize(("usual", "key"), [(1.0, "usual"), (np.nan, "alone"), (0.0, "alone")])
@pytest.mark.parametrize("event", ["order", None])
def test_the_peak_with_and_without_days_to_compare_with(usual, key, event):
    """Hour of most and hour furthest above the usual; without earlier days only the first."""
    said = says.peak_hours(hours(usual), event=event)
    assert said.key == f"campaign.peak.{key}"
    assert numbers(said.text("en")) == numbers(said.text("zh"))
    assert "09:00" in said.text("en")
    assert ("20:00" in said.text("en")) == (key == "usual")
    assert says.peak_hours(hours(1.0).iloc[:0], event=event) is None


def test_other_campaigns_are_counted_and_named():
    """Those of the same days are told apart from those before and after; the chart names the longest."""
    others = [{"campaign_id": "b", "start": "2026-03-07", "end": "2026-03-20", "name": "Bee", "name_zh": "蜂"},
              {"campaign_id": "c", "start": "2026-02-20", "end": "2026-02-21"}]  # fmt: skip
    run = CampaignRun.model_validate(DATES | {"others": others})
    assert (
        says.others(run, festivals=True)
        .text("en")
        .startswith("2 other campaigns are known for the days shown (1 of them")
    )
    with words.speaking("zh"):
        assert "蜂" in says.others(run, festivals=True).text()
    theme.use("en", "#2f5d8a")
    assert charts.peak_hours(hours(1.0)) is not None
    assert charts.peak_hours(hours(1.0).iloc[:0]) is None
    many = run.others * 5
    crowded = CampaignRun.model_validate(DATES | {"others": others * 5})
    assert "among them" in says.others(crowded, festivals=True).text("en")
    assert says.others(crowded, festivals=True).text("zh").count("等。") == 1
    assert len(charts._longest(many)) == charts.NAMED_OTHERS
    assert {other.campaign_id for other in charts._longest(many)} == {"b"}


@pytest.mark.parametrize(("festivals", "key"), [(True, "none_festivals"), (False, "none")])
def test_festivals_are_called_marked_only_where_the_chart_marks_some(festivals, key):
    """Without another campaign the sentence points to the festivals of the chart, if there are any."""
    said = says.others(CampaignRun.model_validate(DATES), festivals=festivals)
    assert said.key == f"campaign.others.{key}"
    assert ("festivals are marked" in said.text("en"), "节日" in said.text("zh")) == (festivals, festivals)


def numbers(text: str) -> list[str]:
    text = re.sub(r"2 Mar 2026|2026年3月2日", "DAY", text)
    return sorted(re.findall(r"[+−]?\d+(?:[.:]\d+)?×?", text))


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_names_of_days_do_not_touch_each_other(language):
    """Campaigns and festivals of neighbouring days stand on as many lines as it takes."""
    days = pd.date_range("2017-10-01", periods=91)
    curve = pd.DataFrame({"day": days, "phase": ["campaign"] * 91, "value": 300.0, "expected": 300.0})
    others = [
        Incident(
            start=date(2017, 11, 15 + k), end=date(2017, 12, 5 + k), name=f"Campaign {k} (Type C)", name_zh="优惠券活动"
        )
        for k in range(3)
    ]
    with words.speaking(language):
        theme.use(language)
        drawn = charts.phase_curve(
            curve.assign(low=200.0, high=400.0), metric="orders", incidents=others, calendar="US"
        )
    drawn.draw_without_rendering()
    named = [text.get_window_extent() for text in drawn.axes[0].texts if text.get_text()]
    assert len(named) > 6
    assert not any(one.overlaps(other) for one, other in combinations(named, 2))


def closing(value: float = 0.0) -> pd.DataFrame:
    """A campaign whose orders fall to nothing on Christmas Day, near the right edge of the plot."""
    days = pd.date_range("2017-10-01", "2017-12-31")
    curve = pd.DataFrame({"day": days, "phase": "campaign", "value": 300.0, "expected": 300.0, "low": 200.0})
    return curve.assign(value=curve["value"].mask(days == "2017-12-25", value), high=400.0)


def test_names_of_days_stand_in_the_plot_and_off_the_line():
    """A name beside a day on which the curve falls to nothing is not crossed by it."""
    with words.speaking("en"):
        theme.use("en")
        drawn = charts.phase_curve(closing(), metric="orders", calendar="US")
    drawn.draw_without_rendering()
    ax = drawn.axes[0]
    named = {text.get_text(): text.get_window_extent() for text in ax.texts if text.get_text()}
    assert "Christmas Day" in named
    curves = [line.get_transform().transform_path(line.get_path()) for line in ax.lines]
    at_foot = [box for text, box in named.items() if text != "campaign"]
    assert all(ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1 for box in at_foot)
    assert not any(curve.intersects_bbox(box, filled=False) for curve in curves for box in at_foot)


def test_the_bars_at_the_foot_are_explained_where_there_are_any():
    """Without a festival, incident or other campaign no bar is drawn and none is explained."""
    assert charts.phases_how(closing(), calendar="US") == "campaign.how.phases_marked"
    assert charts.phases_how(closing()) == "campaign.how.phases"
    assert charts.phases_how(closing().head(0), calendar="US") == "campaign.how.phases"
