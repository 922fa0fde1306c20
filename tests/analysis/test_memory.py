"""The campaign memory averages what may be averaged, ranks what is known, and says where a campaign stands."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import memory, money
from opsbook.analysis.pooling import pooled
from opsbook.analysis.verdict import Evidence, Span, Verdict
from opsbook.inputs.memory import COLUMNS, typed

START = {"spring": "2026-03-01", "summer": "2026-06-01", "autumn": "2026-09-01"}


def campaigns(text: str) -> pd.DataFrame:
    """Rows of the memory: name, type, channels, grade, effect and half its interval, over (or not)."""
    lines = [line.split() for line in text.strip().splitlines()]
    rows = [
        {"company": "c", "campaign_id": name, "name": name, "type": kind, "channels": channels, "grade": grade,
         "primary_metric": "orders", "start": START.get(name, f"2026-01-{place + 1:02}"), "end": "2026-01-31",
         "reviewed_through": "2026-10-31", "after_complete": over == "over", "relative": float(effect),
         "relative_low": float(effect) - float(half), "relative_high": float(effect) + float(half)}
        for place, (name, kind, channels, grade, effect, half, over) in enumerate(lines)
    ]  # fmt: skip
    return typed(pd.DataFrame(rows))


SIX = campaigns(
    """
    a  promotion  push|mail  A   0.10  0.05  over
    b  promotion  push       A   0.12  0.04  over
    c  lottery    mail       B   0.02  0.06  over
    d  promotion  push       A   0.08  0.05  over
    e  lottery    push       A  -0.03  0.04  over
    f  promotion  push       D   0.90  0.01  over
    """
)


def this(effect: float, half: float = 0.03, kind: str = "promotion") -> pd.DataFrame:
    return campaigns(f"now {kind} push A {effect} {half} over")


def test_only_trustworthy_finished_effects_of_the_metric_count():
    """Grades C to E, reviews before the after-period is over and other metrics are listed, never averaged."""
    rows = campaigns(
        """
        good    promotion push A 0.1 0.1 over
        quasi   promotion push B 0.1 0.1 over
        before  promotion push D 0.1 0.1 over
        early   promotion push A 0.1 0.1 open
        nothing promotion push A nan nan over
        """
    )
    assert memory.measured(rows, metric="orders")["campaign_id"].tolist() == ["good", "quasi"]
    assert memory.measured(rows, metric="revenue").empty


def test_typical_effects_are_pooled_by_type_and_channel():
    """Three promotions pool as `pooling.pooled` says; two lotteries are too few; all five foretell a sixth."""
    found = memory.typical(SIX, this(0.1)).set_index(["kind", "group"])
    own = pooled(memory.measured(SIX[SIX["type"] == "promotion"], metric="orders"))
    assert found.loc[("type", "promotion"), "campaigns"] == 3
    assert found.loc[("type", "promotion"), "typical"] == pytest.approx(own.typical.value)
    assert np.isnan(found.loc[("type", "promotion"), "new_low"])
    assert found.loc[("channel", "push"), "campaigns"] == 4
    assert found.loc[("all", "all"), "new_low"] < found.loc[("all", "all"), "low"]
    few = memory.typical(SIX, this(0.1, kind="lottery")).set_index("kind")
    assert few.loc["type", "campaigns"] == 2
    assert np.isnan(few.loc["type", "typical"])


@pytest.mark.parametrize(("effect", "place"), [(0.05, "within"), (0.9, "above"), (-0.9, "below")])
def test_a_campaign_stands_where_its_interval_lies(effect, place):
    """Above or below only when the whole interval is beyond what a further campaign should do."""
    group = memory.expected(memory.typical(SIX, this(effect, kind="lottery")))
    assert group["kind"] == "all"
    assert memory.standing(this(effect, kind="lottery"), group) == place
    assert memory.standing(this(effect).assign(grade="E"), group) == "unknown"
    assert memory.standing(this(effect), None) == "unknown"


def test_a_campaigns_own_type_is_expected_before_all():
    """With enough of its type, other types say nothing more."""
    assert memory.expected(memory.typical(SIX, this(0.1)))["kind"] == "type"
    assert memory.expected(memory.typical(SIX.iloc[:2], this(0.1))) is None


def test_the_order_is_that_of_the_shrunken_effects_and_unknown_ones_come_last():
    """A vague large effect is drawn to the rest and ranks behind a sure one that is nearly as large."""
    rows = campaigns(
        """
        sure    promotion push A  0.30 0.02 over
        vague   promotion push A  0.34 0.60 over
        middle  promotion push A  0.15 0.02 over
        low     promotion push A  0.02 0.02 over
        broken  promotion push E  nan  nan  over
        """
    )
    found = memory.ranked(rows, metric="orders")
    assert found["campaign_id"].tolist() == ["sure", "vague", "middle", "low", "broken"]
    assert found["rank"].tolist()[:4] == [1, 2, 3, 4]
    assert np.isnan(found["rank"].iloc[4])
    assert found["shrunk"].iloc[1] < 0.3


def test_a_campaign_reviewed_again_is_not_counted_twice():
    """The row of this review replaces an earlier one of the same campaign."""
    again = memory.joined(SIX, campaigns("a promotion push A 0.5 0.1 over"))
    assert len(again) == len(SIX)
    assert again.set_index("campaign_id").loc["a", "relative"] == 0.5
    assert len(memory.joined(SIX.iloc[:0], this(0.1))) == 1


def test_a_row_holds_what_the_review_found():
    """Texts, days, the net effect with its interval, its total, what was attained, spent and earned."""
    told = {"company": "c", "campaign_id": "x", "name": "X", "name_zh": "", "type": "promotion", "channels": ["a", "b"],
            "start": date(2026, 3, 1), "end": date(2026, 3, 7), "comparison": "ab", "primary_metric": "orders",
            "attainment": 0.9, "participants": 50}  # fmt: skip
    facts = Evidence("ab", net=Span(1, 0, 2), net_relative=Span(0.2, 0.1, 0.3))
    net = pd.DataFrame({"window": ["during", "net"], "treated_users": [80, 80], "total": [5.0, 7.0],
                        "total_low": [1.0, 2.0], "total_high": [9.0, 12.0]})  # fmt: skip
    returns = money.returns(gross_revenue=100.0, incremental=money.Amount(50, 20, 80), margin=0.5, cost=10.0)
    kept = memory.row(told, facts, Verdict("keep", "works_and_pays", "A"), net=net, returns=returns,
                      reviewed_through=date(2026, 4, 30))  # fmt: skip
    row = kept.iloc[0]
    assert list(kept.columns) == COLUMNS
    assert (row["channels"], row["users"], row["total"], row["relative_low"]) == ("a|b", 80, 7.0, 0.1)
    assert (row["cost"], row["conclusion"], row["grade"]) == (10.0, "keep", "A")
    assert row["roi"] == pytest.approx(1.5)
    assert row["end"] == pd.Timestamp("2026-03-07")
    without = memory.row(told, Evidence("before_after"), Verdict("undecidable", "no_comparison", "E"),
                         net=net.iloc[:0], returns=returns, reviewed_through=date(2026, 4, 30))  # fmt: skip
    assert without[["users", "relative", "total"]].isna().all(axis=None)
