"""Sample-ratio mismatch stops the verdict."""

import pytest
from scipy import stats

from opsbook.analysis import srm


def outcome(table, text, **plan):
    """The test's outcome for arms typed by hand."""
    return srm.check(srm.sample_ratio(table(text), control="control", **plan))


def test_arms_as_planned_are_healthy(table):
    """An 80/20 split that came out as 4,010 to 990 is chance."""
    found = outcome(table, "variant | users\ncontrol | 990\ntreatment | 4010", control_share=0.2)
    assert found.status == "healthy"
    assert found.p == pytest.approx(stats.chisquare([990, 4010], [1000, 4000]).pvalue)


def test_arms_off_plan_are_a_mismatch(table):
    """An 80/20 plan that came out as 4,300 to 700 is not chance: p < 0.001."""
    found = outcome(table, "variant | users\ncontrol | 700\ntreatment | 4300", control_share=0.2)
    assert found.status == "mismatch"
    assert found.p < 0.001


def test_shares_are_shown_beside_the_plan(table, same):
    """Each variant carries its planned users and share; several treatments share the rest equally."""
    same(
        srm.sample_ratio(table("variant | users\nb | 30\ncontrol | 40\na | 30"), control="control", control_share=0.5),
        """
        variant | users | expected | share | expected_share
        a       | 30    | 25       | 0.3   | 0.25
        b       | 30    | 25       | 0.3   | 0.25
        control | 40    | 50       | 0.4   | 0.5
        """,
    )


def test_unknown_plan_is_not_tested(table):
    """Without a planned share nobody can say that the arms are right."""
    assert outcome(table, "variant | users\ncontrol | 7\nt | 3", control_share=None).status == "untested"


def test_missing_control_is_not_healthy(table):
    """An experiment of which one arm is missing is untested, never healthy."""
    assert outcome(table, "variant | users\nt | 300", control_share=0.2).status == "untested"


def test_control_that_should_not_exist_is_a_mismatch(table):
    """Users in an arm that was planned to be empty are a mismatch, not a division by zero."""
    assert outcome(table, "variant | users\ncontrol | 5\nt | 300", control_share=0.0).status == "mismatch"


def test_nobody_assigned_is_untested(table):
    """An empty experiment has no sample ratio."""
    assert outcome(table, "variant | users", control_share=0.2).status == "untested"


PLANS = [(0.2, "holdout", 0.2), (0.2, "ab", 0.2), (None, "ab", 0.25), (None, "holdout", None)]


@pytest.mark.parametrize(("written", "comparison", "planned"), PLANS)
def test_planned_share(written, comparison, planned):
    """What is written counts; an A/B test without a word means equal arms; a holdout without a word is unknown."""
    assert srm.planned_share(written, comparison=comparison, variants=4) == planned


def test_arms_of_unequal_planned_shares_are_held_against_their_own(table):
    """Three arms planned 20, 20 and 60 % are healthy as planned and a mismatch where one of them is empty."""
    shares = {"control": 0.2, "a": 0.2, "b": 0.6}
    arms = table("variant | users\ncontrol | 200\na | 210\nb | 590")
    ratio = srm.sample_ratio(arms, control="control", control_share=0.2, shares=shares)
    assert ratio["expected"].tolist() == pytest.approx([200, 600, 200])
    assert srm.check(ratio).status == "healthy"
    missing = srm.sample_ratio(arms.iloc[:2], control="control", control_share=0.2, shares=shares)
    assert missing["users"].tolist() == [210, 0, 200]
    assert srm.check(missing).status == "mismatch"


def test_an_arm_that_was_not_planned_is_a_mismatch(table):
    """Users in an arm that the plan does not name break it; nobody assigned at all is no experiment."""
    arms = table("variant | users\ncontrol | 500\na | 480\nx | 20")
    ratio = srm.sample_ratio(arms, control="control", control_share=0.5, shares={"control": 0.5, "a": 0.5})
    assert srm.check(ratio).status == "mismatch"
    nobody = srm.sample_ratio(arms.iloc[:0], control="control", control_share=0.5, shares={"control": 0.5, "a": 0.5})
    assert srm.check(nobody).status == "untested"
