"""From words to reports: names, periods, languages, parameters; nothing is started here."""

from dataclasses import replace
from datetime import date

import pytest

from opsbook.errors import NotSettled, ParameterError
from opsbook.runs.plan import find_runs
from opsbook.runs.settled import objection

CAMPAIGN = "start: 2026-10-01\nend: 2026-10-07\nname: 国庆\ngoals:\n  - metric: new_users\n    target: 100\n"


def labels(reports):
    return [(report.run, report.period.label) for report in reports]


def test_without_a_target_every_run_of_the_company_is_planned(checkout):
    """No target means all runs of the default company, each over its own last complete period."""
    assert labels(checkout.reports()) == [("monthly", "2026-10"), ("weekly", "2026-W43")]


@pytest.mark.parametrize("target", ["01/monthly", "lifecycle/month", "01_user_lifecycle/monthly.yaml"])
def test_notebook_and_run_may_be_abbreviated(checkout, target):
    """A number, a part of the name or the file name find the run."""
    assert labels(checkout.reports(target)) == [("monthly", "2026-10")]


@pytest.mark.parametrize(("target", "near"), [("01_user_lifecycel", "01_user_lifecycle"), ("01/montly", "monthly")])
def test_a_misspelt_target_is_answered_with_the_nearest_name(checkout, target, near):
    """An unknown notebook or run is a parameter error that proposes the name that was meant."""
    with pytest.raises(ParameterError, match=f"did you mean {near}"):
        checkout.reports(target)


def test_an_abbreviation_of_several_runs_is_refused(checkout):
    """A word that could mean two runs is never guessed."""
    with pytest.raises(ParameterError, match="could be several"):
        checkout.reports("01/ly")


def test_a_backfill_plans_every_complete_period_of_the_kind(checkout):
    """--from and --to give the months that lie whole inside the span, oldest first, none after as_of."""
    reports = checkout.reports("01/monthly", start=date(2026, 7, 15), end=date(2026, 12, 31))
    assert labels(reports) == [("monthly", "2026-08"), ("monthly", "2026-09"), ("monthly", "2026-10")]


def test_a_period_without_a_run_picks_the_runs_of_its_kind(checkout):
    """`--period 2026-09` alone makes the monthly report, not a month in the weekly folder."""
    assert labels(checkout.reports(period="2026-09")) == [("monthly", "2026-09")]


@pytest.mark.parametrize(
    "wish",
    [
        {"period": "2026_09"},
        {"period": "2026-09", "start": date(2026, 9, 1)},
        {"end": date(2026, 9, 1)},
        {"settings": ("perod=2026-09",)},
        {"settings": ("history=many",)},
        {"settings": ("history",)},
        {"settings": ("company=other",)},
        {"companies": ("shopp",)},
    ],
)
def test_a_wish_that_cannot_be_meant_is_refused(checkout, wish):
    """A period, setting or company that does not exist, or a contradiction, is a parameter error."""
    with pytest.raises(ParameterError):
        checkout.reports("01/monthly", **wish)


def test_a_misspelt_key_in_a_run_file_names_file_line_and_the_key_that_was_meant(checkout):
    """The error for `histroy:` says which file, which line, and proposes `history`."""
    path = checkout.run_file("01_user_lifecycle/monthly", "period: last-month\nhistroy: 3\n")
    with pytest.raises(ParameterError, match=r"`histroy` \(line 2\) is not a known key, did you mean history") as told:
        checkout.reports()
    assert str(path) in str(told.value)


def test_a_setting_wins_over_the_file_and_the_option_over_both(checkout):
    """--set changes one parameter of the file; --as-of and --period win over what the file says."""
    (report,) = checkout.reports(
        "01/weekly", settings=("history=7",), as_of=date(2026, 9, 30), period="2026-09", languages=("zh",)
    )
    assert report.parameters == {
        "company": "",
        "period": "2026-09",
        "language": "zh",
        "as_of": "2026-09-30",
        "owner": "",
        "decision": "",
        "history": 7,
        "targets": {},
    }


def test_yesterday_in_the_workbooks_zone_is_the_default_as_of(checkout):
    """Without any as_of the last complete day is yesterday by the clock in the workbook's zone."""
    checkout.run_file("workbook", "company: {key: s, name: S}\nzone: Asia/Shanghai\ntables: {events: {path: a}}\n")
    (report,) = checkout.reports("01/monthly")
    assert (report.as_of, report.as_of_stated) == (date(2026, 11, 1), False)


def test_a_folder_that_names_no_notebook_is_refused(checkout):
    """A misspelt folder in params/ must not be passed over in silence."""
    checkout.run_file("01_user_lifecycel/monthly", "period: last-month\n")
    with pytest.raises(ParameterError, match="did you mean 01_user_lifecycle"):
        checkout.reports()


def test_a_notebook_whose_parameter_cell_differs_from_the_model_is_refused(checkout):
    """A parameter that the cell misspells would silently keep its default, so nothing runs."""
    path = checkout.home / "notebooks" / "01_user_lifecycle.ipynb"
    path.write_text(path.read_text(encoding="utf-8").replace("period =", "perod ="), encoding="utf-8")
    with pytest.raises(ParameterError, match=r"`perod` is no parameter.*`period` is missing"):
        checkout.reports()


def test_output_folders_name_company_notebook_run_period_and_other_language(checkout):
    """The default company and the house language are left out of the path; others are named."""
    checkout.company("other")
    checkout.run_file("other/01_user_lifecycle/monthly", "period: last-month\n")
    reports = checkout.reports("01/monthly", companies=("all",), languages=("all",))
    assert [report.name for report in reports] == [
        "01_user_lifecycle/monthly/2026-10",
        "01_user_lifecycle/monthly/2026-10.zh",
        "other/01_user_lifecycle/monthly/2026-10",
        "other/01_user_lifecycle/monthly/2026-10.zh",
    ]


def test_a_campaign_is_named_after_its_own_days(checkout):
    """A campaign's period is its start and end; its parameters keep their lists and their Chinese."""
    checkout.notebook(name="03_campaign_review")
    checkout.run_file("03_campaign_review/golden_week", CAMPAIGN)
    (report,) = checkout.reports("03")
    assert report.period.label == "2026-10-01_2026-10-07"
    assert report.parameters["goals"] == [
        {"metric": "new_users", "target": 100.0, "direction": "higher", "weight": 1.0}
    ]
    assert (report.parameters["name"], report.parameters["period"], report.parameters["budget"]) == ("国庆", "", "")


def test_a_campaign_outside_the_data_is_a_parameter_error(checkout):
    """A campaign that ended before the first day of data cannot be reviewed, now or later."""
    checkout.notebook(name="03_campaign_review")
    checkout.run_file("03_campaign_review/golden_week", CAMPAIGN)
    (report,) = checkout.reports("03")
    found = objection(report, data_start=date(2026, 10, 8), data_through=date(2026, 10, 31))
    assert isinstance(found, ParameterError)


def test_a_campaign_that_began_before_the_data_is_reviewed(checkout):
    """A campaign of which the data hold a part is reviewed; the notebook says what it cannot tell."""
    checkout.notebook(name="03_campaign_review")
    checkout.run_file("03_campaign_review/golden_week", CAMPAIGN)
    (report,) = checkout.reports("03")
    assert objection(report, data_start=date(2026, 10, 2), data_through=date(2026, 10, 31)) is None


def test_a_running_campaign_is_reviewed_only_when_as_of_is_stated(checkout):
    """Unattended, a campaign waits for its end; with a stated as_of it is reviewed while it runs."""
    checkout.notebook(name="03_campaign_review")
    checkout.run_file("03_campaign_review/golden_week", CAMPAIGN)
    (report,) = checkout.reports("03")
    through = {"data_start": date(2026, 8, 1), "data_through": date(2026, 10, 3)}
    stated, unstated = (replace(report, as_of=date(2026, 10, 3), as_of_stated=told) for told in (True, False))
    assert objection(stated, **through) is None
    assert isinstance(objection(unstated, **through), NotSettled)


def test_a_period_that_is_not_over_or_not_settled_waits(checkout):
    """Data must reach the end of the period plus the settling days, unless a stated as_of vouches for them."""
    (report,) = checkout.reports("01/monthly", period="2026-11")
    found = objection(report, data_start=date(2026, 8, 1), data_through=date(2026, 10, 31))
    assert isinstance(found, NotSettled)


def test_a_stated_as_of_vouches_for_a_silent_last_day(checkout):
    """A shop without an event on the last day of the month is settled when the operator states as_of."""
    (report,) = checkout.reports("01/monthly")
    assert objection(report, data_start=date(2026, 8, 1), data_through=date(2026, 10, 29)) is None
    assert objection(report, data_start=date(2026, 8, 1), data_through=date(2026, 9, 29)) is not None


def test_a_company_without_runs_is_told_how_to_write_one(checkout):
    """A new company has a workbook and no run files: the error says which file to write."""
    with pytest.raises(ParameterError, match="no runs yet"):
        find_runs([], "01_user_lifecycle")
