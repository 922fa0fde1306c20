"""Sentences of notebook 02: every branch in both languages, with equal numbers and no more than its interval."""

import re
from datetime import date
from importlib import resources

import numpy as np
import pandas as pd
import pytest
import yaml

from opsbook.analysis import cox
from opsbook.analysis.churn import Threshold
from opsbook.analysis.logrank import LogRank
from opsbook.analysis.proportion import Estimate
from opsbook.analysis.survival_time import RestrictedMean
from opsbook.analysis.time_to_churn import FATES
from opsbook.inputs.periods import between
from opsbook.page import words
from opsbook.page.charts import retention as charts
from opsbook.page.says import retention as says
from opsbook.page.says import retention_numbers as numbers
from opsbook.page.says import segments as segment_says

NAN = float("nan")
Q3 = between(date(2026, 7, 1), date(2026, 9, 30))
CAUSAL = re.compile(r"\b(cause[sd]?|because of|due to|makes users|drives|impact)\b|导致了|造成|使得用户")


def false_churn(share=0.01, follow=300):
    days = np.arange(1, 100)
    values = np.where(days < 10, 0.5, share)
    table = pd.DataFrame({"threshold_days": days, "gaps": 500, "false_churn": values, "follow_up_days": follow})
    return table.assign(low=values * 0.9, high=values * 1.1)


def fates(**users):
    return pd.DataFrame({"fate": list(FATES), "users": [users.get(name, 0) for name in FATES]})


def line(ages, share=0.4):
    table = pd.DataFrame({"age": ages, "share": share, "users": 900, "cohorts": 4})
    return table.assign(low=share - 0.02, high=share + 0.02, constant_share=share)


def change(**given):
    row = {"age": 30, "start": pd.Timestamp("2026-07-01"), "end": pd.Timestamp("2026-09-30"), "users": 5000}
    row |= {"retained": 1000, "share": 0.20, "low": 0.19, "high": 0.21, "previous_share": 0.25}
    return pd.DataFrame([row | {"change": -0.05, "change_low": -0.07, "change_high": -0.04} | given])


def fitted(**levels):
    rows = [
        {"covariate": "channel", "level": name, "is_reference": b is None, "users": 100, "users_churned": 50}
        | {"coefficient": b or 0.0, "standard_error": NAN if b is None else 0.1, "hazard_ratio": np.exp(b or 0.0)}
        | {
            "low": np.exp((b or 0.0) - 0.2),
            "high": np.exp((b or 0.0) + 0.2),
            "p": NAN if b is None else (1e-6 if abs(b) > 0.3 else 0.5),
        }
        for name, b in levels.items()
    ]
    return cox.CoxFit(pd.DataFrame(rows, columns=cox.COLUMNS), -10.0, -12.0, 400, 200, True)


def checks(p):
    row = {"covariate": "channel", "level": "ads", "split_day": 45.0, "hazard_ratio_early": 2.0}
    return pd.DataFrame([row | {"hazard_ratio_late": 1.1, "p": p, "p_holm": p}])


def constant(p, *, own=None):
    one = p if own is None else own
    rows = {"covariate": ["channel", ""], "chi2": [12.5, 14.0], "degrees": [3, 5], "p": [one, p], "p_holm": [one, NAN]}
    return pd.DataFrame(rows)


MEANS = pd.DataFrame({"channel": ["a", "unknown"], "users": [500, 300], "days": [80.0, 40.5], "horizon_days": 180.0})
ESTIMATE = Estimate(22.0, 20.0, 24.0, 1000)
LATE = Estimate(0.34, 0.33, 0.35, 1000)
TARGET = {"target": 0.1}

BRANCHES = {
    "retention.threshold.given_good": says.threshold(Threshold(21, "given", 10), false_churn(), **TARGET),
    "retention.threshold.given_early": says.threshold(Threshold(5, "given", 10), false_churn(), **TARGET),
    "retention.threshold.given_only": says.threshold(Threshold(5, "given", None), false_churn(0.3), **TARGET),
    "retention.threshold.suggested": says.threshold(Threshold(10, "suggested", 10), false_churn(), **TARGET),
    "retention.threshold.too_long": says.threshold(Threshold(8, "too_long", 10), false_churn(), **TARGET),
    "retention.threshold.none_found": says.threshold(Threshold(30, "none_found", None), false_churn(0.3), **TARGET),
    "retention.threshold.undefined": says.threshold(Threshold(30, "none_found", None), false_churn(0.7), **TARGET),
    "retention.silent_only": says.silent_only(Threshold(30, "none_found", None), false_churn(0.7)),
    "retention.threshold.unknown": says.threshold(Threshold(400, "given", None), false_churn(), **TARGET),
    "retention.false_churn.known": says.false_churn(false_churn().iloc[[6, 29]]),
    "retention.false_churn.empty": says.false_churn(false_churn().iloc[:0]),
    "retention.fates.known": says.fates(fates(gone=50, start_unknown=5), limit=Threshold(21, "given", 14)),
    "retention.coverage": says.coverage(fates(gone=50, start_unknown=90)),
    "retention.fates.empty": says.fates(fates(), limit=Threshold(21, "given", 14)),
    "retention.triangle.week": says.triangle(line([0, 1, 2, 12]), unit="week"),
    "retention.triangle.day": says.triangle(line([0, 1, 2]), unit="day"),
    "retention.triangle.month": says.triangle(line([0, 1, 2]), unit="month"),
    "retention.triangle.week_one": says.triangle(line([0, 1]), unit="week"),
    "retention.triangle.day_one": says.triangle(line([0, 1]), unit="day"),
    "retention.triangle.month_one": says.triangle(line([0, 1]), unit="month"),
    "retention.triangle.empty": says.triangle(line([0]), unit="week"),
    "retention.curve.known": says.retention_curve(line([0, 1, 7, 30]), line([0, 1, 7, 30], 0.6)),
    "retention.curve.empty": says.retention_curve(line([0]), line([0])),
    "retention.verdict.down": says.verdict(change(), period=Q3)[1],
    "retention.verdict.up": says.verdict(change(change=0.05, change_low=0.04, change_high=0.07), period=Q3)[1],
    "retention.verdict.unclear": says.verdict(change(change=0.01, change_low=-0.01, change_high=0.03), period=Q3)[1],
    "retention.verdict.first": says.verdict(
        change(change=NAN, change_low=NAN, change_high=NAN), period=Q3, later=line([1, 30], share=0.9)
    )[1],
    "retention.verdict_later.known": says.verdict(
        change(change=NAN, change_low=NAN, change_high=NAN), period=Q3, later=line([1, 30], share=0.9)
    )[1].values["later"],
    "retention.verdict.empty": says.verdict(change().iloc[:0], period=Q3)[1],
    "retention.rule.known": says.verdict(change(), period=Q3)[2],
    "retention.rule.first": says.verdict(change(change=NAN, change_low=NAN, change_high=NAN), period=Q3)[2],
    "retention.rule.none": says.verdict(change().iloc[:0], period=Q3)[2],
    "retention.stay.known": says.stay(ESTIMATE, LATE, day=90),
    "retention.stay.known_open": says.stay(ESTIMATE._replace(high=NAN), LATE, day=90),
    "retention.stay.first_day": says.stay(Estimate(0.0, NAN, NAN, 1000), LATE, day=90),
    "retention.stay.not_reached": says.stay(Estimate(NAN, NAN, NAN, 1000), LATE, day=90),
    "retention.stay.short": says.stay(Estimate(NAN, NAN, NAN, 9), Estimate(NAN, NAN, NAN, 9), day=90),
    "retention.stay.empty": says.stay(Estimate(NAN, NAN, NAN, 0), Estimate(NAN, NAN, NAN, 0), day=90),
    "retention.mean.known": says.restricted_mean(RestrictedMean(67.5, 66.2, 68.8, 15801, 0.65, 180.0)),
    "retention.mean.empty": says.restricted_mean(RestrictedMean(NAN, NAN, NAN, 0, NAN, 180.0)),
    "retention.second.same": says.second_opinion(1e-15),
    "retention.second.differs": says.second_opinion(0.02),
    "retention.second.none": says.second_opinion(NAN),
    "retention.segments.differ": says.segments(LogRank(850.0, 1, 1e-9, 2, 800), MEANS, by="channel"),
    "retention.segments.unclear": says.segments(LogRank(1.2, 1, 0.27, 2, 800), MEANS, by="channel"),
    "retention.among": segment_says.among(
        says.segments(LogRank(1.2, 1, 0.27, 2, 800), MEANS, by="channel"), landmark_days=14
    ),
    "retention.segments.one": says.segments(LogRank(NAN, 0, NAN, 1, 800), MEANS.head(1), by="household_size"),
    "retention.pairs.known": says.pairs(pd.DataFrame({"p": [0.001, 0.6], "p_holm": [0.002, 0.6]})),
    "retention.pairs.empty": says.pairs(pd.DataFrame({"p": [], "p_holm": []})),
    "retention.leaving.sooner": says.leaving(fitted(organic=None, ads=0.6, search=0.1), landmark_days=14),
    "retention.leaving.later": says.leaving(fitted(organic=None, ads=-0.6, search=0.1), landmark_days=14),
    "retention.leaving.unclear": says.leaving(fitted(organic=None, ads=0.1), landmark_days=14),
    "retention.leaving.empty": says.leaving(fitted(organic=None), landmark_days=14),
    "retention.hazards.hold": says.proportional_hazards(constant(0.6), checks(0.6)),
    "retention.hazards.together": says.proportional_hazards(constant(0.02, own=0.3), checks(0.6)),
    "retention.hazards.broken": says.proportional_hazards(constant(0.001), checks(0.2)),
    "retention.hazards.broken_somewhere": says.proportional_hazards(constant(0.001), checks(NAN)),
    "retention.hazards.empty": says.proportional_hazards(constant(0.6).iloc[:0], checks(NAN)),
    "retention.hazards.all": says.zph_table(constant(0.6))["covariate"].iloc[-1].words,
    "retention.early_late.known": says.early_late(checks(0.001)),
    "retention.early_late.empty": says.early_late(checks(NAN)),
}  # fmt: skip


def figures(text):
    """Numbers of a text in order of size, with Chinese dates and names of languages aside."""
    plain = re.sub(r"\d{4}年\d+月\d+日|\d+ [A-Z][a-z]{2} \d{4}", "", text).replace(",", "")
    return sorted(re.findall(r"\d+(?:\.\d+)?", plain))


@pytest.mark.parametrize("key", BRANCHES)
def test_every_branch_speaks_both_languages_with_equal_numbers(key):
    """The case chosen is the one meant, both languages carry the same numbers, and nothing claims a cause."""
    sentence = BRANCHES[key]
    assert sentence.key == key
    english, chinese = sentence.text("en"), sentence.text("zh")
    assert figures(english) == figures(chinese)
    assert not CAUSAL.search(english)
    assert "{" not in english + chinese


def test_every_sentence_of_the_catalogue_is_a_tested_branch():
    """No computed sentence of this notebook is left without a test."""
    fixed = ("title", "question", "number", "cannot", "how", "chart", "axis", "covariate", "level", "column", "fate")
    fixed += ("term", "definition")
    own = yaml.safe_load((resources.files("opsbook.page") / "catalogue/retention.en.yaml").read_text())
    computed = {key for key in own if key.split(".")[1] not in fixed}
    assert computed == set(BRANCHES)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, "bad"),
        ({"change_high": -0.01}, "warn"),
        ({"change": 0.05, "change_low": 0.04, "change_high": 0.07}, "good"),
        ({"change": 0.01, "change_low": -0.01, "change_high": 0.03}, "neutral"),
        ({"change": NAN, "change_low": NAN, "change_high": NAN}, "unknown"),
    ],
)
def test_the_verdict_needs_an_interval_without_zero(given, status):
    """Better or worse only beyond the interval; a problem only when the fall is certainly more than a tenth."""
    assert says.verdict(change(**given), period=Q3)[0] == status


def test_no_period_no_verdict():
    """Without a complete cell the verdict is that nobody can tell."""
    assert says.verdict(change().iloc[:0], period=Q3)[0] == "unknown"


def test_users_outside_every_curve_are_named_only_when_there_are_any():
    """The list of what cannot be told counts users of unknown start."""
    assert [s.key for s in says.cannot_tell(fates(gone=5))][-1] == "retention.cannot.season"
    assert "7" in says.cannot_tell(fates(gone=5, start_unknown=7))[-1].text("en")


def test_levels_are_named_in_the_language_where_the_catalogue_knows_them():
    """Pooled and unknown levels have words; a company's own levels stay as they are."""
    assert str(says.level("channel", "short_video")) == "short_video"
    assert says.level("channel", "other").text("zh") != says.level("channel", "other").text("en")
    assert says.covariate("household_size") == "household size"


def test_numbers_carry_their_interval_and_their_unit():
    """Every headline number has value, interval, n, unit and method."""
    week = numbers.retained(change(age=7), age=7)
    assert (week["key"], week["value"], week["change"]) == ("day_7", 0.20, -0.05)
    assert numbers.retained(change().iloc[:0], age=7)["value"] is None
    limit = Threshold(21, "given", 14)
    made = [
        numbers.threshold(limit, false_churn()),
        numbers.false_churn(limit, false_churn(), **TARGET),
        numbers.active_at(LATE, day=90),
        numbers.median(ESTIMATE),
        numbers.restricted_mean(RestrictedMean(67.5, 66.2, 68.8, 15801, 0.65, 180.0)),
        numbers.came_back(LATE),
    ]
    assert all({"key", "value", "n", "unit", "method"} <= number.keys() for number in made)
    assert not numbers.median(Estimate(NAN, NAN, NAN, 10))["card"]
    assert numbers.false_churn(Threshold(400, "given", None), false_churn(), **TARGET)["value"] is None


@pytest.mark.parametrize(("back", "undefined"), [(0.03, False), (0.70, True)])
def test_no_card_speaks_of_churn_where_the_word_means_nothing(back, undefined):
    """Where most of the silent return, the cards tell how many do; elsewhere who churned after which silence."""
    limit, found = Threshold(21, "given", 14), false_churn().assign(false_churn=back)
    mean = RestrictedMean(67.5, 66.2, 68.8, 15801, 0.65, 180.0)
    of_churn = [
        numbers.threshold(limit, found),
        numbers.active_at(LATE, day=90, undefined=undefined),
        numbers.median(LATE, undefined=undefined),
        numbers.restricted_mean(mean, undefined=undefined),
    ]
    of_returns = [
        numbers.false_churn(limit, found, **TARGET),
        numbers.came_back(LATE, undefined=undefined),
        numbers.later(line([0, 1, 7, 30]), age=30, undefined=undefined),
    ]
    assert [number["card"] for number in of_churn] == [not undefined] * 4
    assert [number["card"] for number in of_returns] == [undefined] * 3
    assert of_returns[-1]["value"] == 0.4
    assert not numbers.later(line([0, 1]), age=30, undefined=undefined)["card"]


def test_charts_of_nothing_are_none_and_of_something_are_figures():
    """A chart without rows draws nothing; with rows it draws one figure in each language."""
    triangle = pd.DataFrame(
        {"cohort": pd.to_datetime(["2026-07-06"] * 2), "age": [0, 1], "users": 50, "share": [1.0, 0.5]}
    )
    curve = pd.DataFrame(
        {"day": [0, 1, 2], "active": [0.9, 0.5, 0.4], "at_risk": [10, 9, 5], "users": 10, "channel": "a"}
    )
    curve = curve.assign(active_low=curve["active"] - 0.1, active_high=curve["active"] + 0.1)
    drawn = {
        "false_churn": (charts.false_churn, false_churn(), {"chosen_days": 21, "target": 0.1}),
        "triangle": (charts.triangle, triangle, {"unit": "week"}),
        "survival": (charts.survival_curve, curve, {}),
        "segments": (charts.segments, curve, {"by": "channel"}),
        "forest": (charts.forest, fitted(organic=None, ads=0.6).table, {}),
    }
    for language in words.LANGUAGES:
        with words.speaking(language):
            for chart, table, asked in drawn.values():
                assert chart(table, **asked) is not None
                assert chart(table.iloc[:0], **asked) is None
            assert charts.retention_curve(line([0, 1, 7]), line([0, 1, 7], 0.6)) is not None
            assert charts.retention_curve(line([0]), line([0])) is None
    assert charts.forest(fitted(organic=None).table) is None


def test_leaving_is_explained_only_where_the_silent_return():
    """Where most of the silent stay away, the curves of leaving need no second word."""
    assert says.silent_only(Threshold(30, "none_found", None), false_churn(0.3)) is None
