"""The simulated company plants bonus hunters in one campaign: the screen lists all of them and nobody else."""

import pandas as pd
import pytest

REPORTS = {
    "spring_coupons": "2026-03-09_2026-03-22",
    "mid_year_618": "2026-06-05_2026-06-18",
    "checkin_challenge": "2026-07-27_2026-08-09",
    "autumn_lottery": "2026-09-14_2026-09-27",
}


def report(made, name):
    return made.home / "outputs/03_campaign_review" / name / REPORTS[name]


def test_every_planted_hunter_is_listed_and_nobody_else(made):
    """Recall and precision are one: the list beside the report holds exactly the planted accounts."""
    listed = pd.read_csv(report(made, "autumn_lottery") / "abnormal/abnormal.csv")
    planted = {str(user) for user in made.truth["bonus_hunters"]}
    assert set(listed["user_id"].astype(str)) == planted
    assert (listed["active_days_after"] == 0).all()


@pytest.mark.parametrize("name", [name for name in REPORTS if name != "autumn_lottery"])
def test_campaigns_without_hunters_list_nobody(made, name):
    """Two thousand honest participants each, and no list."""
    assert not (report(made, name) / "abnormal").exists()


def test_no_user_id_reaches_the_page_or_its_tables(made):
    """Neither the page nor a saved table names a listed user; only the list beside them does."""
    folder = report(made, "autumn_lottery")
    ids = pd.read_csv(folder / "abnormal/abnormal.csv")["user_id"].astype(str)
    texts = [folder / "report.html", folder / "results.json", *(folder / "tables").glob("*.csv")]
    assert not [path.name for path in texts if any(user in path.read_text() for user in ids)]


def test_the_effect_is_the_same_for_all_groups_as_planted(made):
    """The campaigns lift everybody alike, and no split of any of them is called different."""
    for name in ("spring_coupons", "mid_year_618", "checkin_challenge"):
        groups = pd.read_csv(report(made, name) / "tables/effect_groups.csv")
        assert len(groups) >= 15
        assert (groups["p_split"] > 0.05).all(), name


def test_the_pull_forward_ledger_covers_what_was_planted(made):
    """Net and the days after hold the planted effect of the assigned treated users; the printed lines add up."""
    for name in ("spring_coupons", "mid_year_618", "checkin_challenge"):
        lines = pd.read_csv(report(made, name) / "tables/pull_forward.csv").set_index("entry")
        truth = made.truth["campaigns"][name]
        effect, users = truth["effect_per_assigned_user"]["orders"], truth["assigned_treatment"]
        for line, true in (("later", effect["added_after"]), ("net", effect["net"])):
            assert lines.loc[line, "low"] <= true * users <= lines.loc[line, "high"], (name, line)
        assert lines["total"].drop("net").sum() == lines.loc["net", "total"]
