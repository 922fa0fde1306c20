"""Users at risk beside the report: contact, holdout, and a register that the campaign review reads again."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis import experiment, incrementality, srm
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.workbook import read_workbook
from opsbook.inputs.yaml_file import checked, read_yaml
from opsbook.mart.build import ensure_mart
from opsbook.runs import draws
from opsbook.runs.exports import exported
from opsbook.runs.run import Job, make

WORKBOOK = """\
company: {key: shop, name: Shop}
zone: Asia/Shanghai
data_start: 2026-01-01
as_of: AS_OF
tables:
  users: {path: users.csv}
  events: {path: events.csv}
thresholds: {churn_after_days: 10}
early_warning: {within_days: 7, capacity: 150, holdout_share: 0.3, value_days: 20}
"""
RUN = "02_retention_survival/weekly"
DRAWN, LATER = "2026-06-30", "2026-07-31"
EXPERIMENT = "at_risk_weekly_20260630"


def log(seed: int = 4, users: int = 1200, last: int = 211) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Users and events: everybody comes on some days and leaves at some time."""
    random = np.random.default_rng(seed)
    begin = random.integers(0, 190, users)
    ends = begin + random.geometric(0.012, users)
    visit = random.choice([0.25, 0.6], users)
    rows = [
        (f"u{user:04d}", day)
        for user in range(users)
        for day in range(begin[user], min(ends[user], last) + 1)
        if day == begin[user] or random.random() < visit[user]
    ]
    events = pd.DataFrame(rows, columns=["user_id", "number"])
    first = pd.Timestamp("2026-01-01")
    events["occurred_at"] = (first + pd.to_timedelta(events.pop("number"), unit="D")).astype(str) + " 12:00:00"
    signed = (first + pd.to_timedelta(begin, unit="D")).astype(str)
    people = pd.DataFrame({"user_id": [f"u{user:04d}" for user in range(users)], "signed_up_at": signed})
    return people.assign(channel="a"), events.assign(event="open")


@pytest.fixture(scope="module")
def data() -> tuple[pd.DataFrame, pd.DataFrame]:
    return log()


@pytest.fixture
def shop(checkout, data):
    """The small checkout with a company of 1,200 users and notebook 02."""
    for name, table in zip(("users", "events"), data, strict=True):
        table.to_csv(checkout.home / f"{name}.csv", index=False)
    checkout.run_file(RUN, "period: 2026-05\n")
    checkout.notebook(name="02_retention_survival")
    return checkout


def report(shop, as_of=DRAWN, more=""):
    shop.run_file("workbook", WORKBOOK.replace("AS_OF", as_of) + more)
    return shop.reports("02/weekly")[0]


def made(shop, as_of=DRAWN, more=""):
    found = report(shop, as_of, more)
    assert make(Job(found, {"code": as_of + more}, {"rows": {}})).status == "good"
    return found


def table(files, name):
    return pd.read_parquet(io.BytesIO(files[f"at_risk/{name}.parquet"]))


def test_the_list_is_parted_into_contact_and_holdout(shop):
    """Both arms together are the ranked list; the assignments have the contract's columns; every file is there."""
    files = exported(report(shop))
    assert sorted(files) == sorted(
        [f"at_risk/{name}.{form}" for name in ("contact", "holdout", "assignments") for form in ("csv", "parquet")]
        + ["at_risk/experiment.json", "at_risk/review.yaml"]
    )
    contact, holdout, rows = (table(files, name) for name in ("contact", "holdout", "assignments"))
    assert set(contact["variant"]) == {"treatment"}
    assert set(holdout["variant"]) == {"control"}
    assert sorted([*contact["rank"], *holdout["rank"]]) == list(range(1, 151))
    assert list(rows) == ["experiment_id", "user_id", "variant", "assigned_at"]
    assert sorted(rows["user_id"]) == sorted([*contact["user_id"], *holdout["user_id"]])
    assert rows["assigned_at"].unique().tolist() == ["2026-07-01T00:00:00+08:00"]
    assert 25 <= len(holdout) <= 65


def test_the_register_says_who_drew_what_and_when_it_is_read_out(shop):
    """Experiment, day, salt id, capacity, share, model, baseline, smallest detectable fall and read-out day."""
    told = json.loads(exported(report(shop))["at_risk/experiment.json"])
    assert told["experiment_id"] == EXPERIMENT
    assert (told["as_of"], told["first_day"], told["last_day"]) == (DRAWN, "2026-07-01", "2026-07-07")
    assert (told["read_out"], told["after_days"]) == ("2026-07-17", 10)
    assert (told["capacity"], told["listed"], told["treatment"] + told["control"]) == (150, 150, 150)
    assert 0 < told["detectable_fall"] <= told["baseline"] < 1
    assert "20260101" not in told["salt_id"]


def test_the_same_data_give_the_same_bytes_also_after_they_were_registered(shop):
    """A report made again draws the same users into the same arms and changes nothing in the register."""
    first = exported(report(shop))
    made(shop)
    assert exported(report(shop)) == first


def test_a_run_may_have_its_own_capacity(shop):
    """`capacity` of the run's file goes before that of the workbook."""
    shop.run_file(RUN, "period: 2026-05\ncapacity: 40\n")
    assert len(table(exported(report(shop)), "assignments")) == 40


def test_whoever_is_in_a_running_list_is_not_drawn_again(shop):
    """A week later nobody of either arm is drawn; after the read-out, or with no rest asked for, they may be."""
    made(shop)
    earlier = set(table(exported(report(shop)), "assignments")["user_id"])
    week_later = set(table(exported(report(shop, "2026-07-07")), "assignments")["user_id"])
    assert len(week_later) == 150
    assert not week_later & earlier
    no_rest = "early_warning: {within_days: 7, capacity: 150, holdout_share: 0.3, value_days: 20, cooling_days: 0}\n"
    shop.run_file("workbook", WORKBOOK.replace("AS_OF", "2026-07-07").rsplit("early_warning", 1)[0] + no_rest)
    assert set(table(exported(shop.reports("02/weekly")[0]), "assignments")["user_id"]) & earlier
    assert not draws.resting(shop.home, "shop", as_of=pd.Timestamp("2026-07-18").date(), cooling_days=None)


def test_the_register_outlives_the_report_and_keeps_registered_arms(shop):
    """A longer list of the same day keeps every earlier user and arm, and adds the new ones."""
    made(shop)
    before = draws.registered(shop.home, "shop", EXPERIMENT)
    shop.run_file(RUN, "period: 2026-05\ncapacity: 200\n")
    assert make(Job(report(shop), {"code": "longer list"}, {"rows": {}})).status == "good"
    after = draws.registered(shop.home, "shop", EXPERIMENT)
    assert len(before) == 150
    assert len(after) == 200
    assert before.items() <= after.items()


def test_no_list_where_it_is_switched_off_or_cannot_be_made(shop):
    """`at_risk: false`, or data too short to check a model: no file and nothing registered."""
    assert exported(report(shop, more="exports: {at_risk: false}\n")) == {}
    assert exported(report(shop, "2026-01-20")) == {}
    made(shop, "2026-01-20")
    assert not (shop.home / "outputs/draws").exists()


def test_no_list_where_most_of_the_silent_return(shop):
    """What the page does not call at risk is not handed out as a list either, and no experiment is registered."""
    shop.run_file(RUN, "period: 2026-05\nchurn_after_days: 2\n")
    assert exported(report(shop)) == {}
    made(shop)
    assert not (shop.home / "outputs/draws").exists()


def test_user_ids_are_in_the_lists_alone(shop):
    """Neither the page nor the notebook nor the results name a user."""
    folder = made(shop).folder.place
    named = set()
    for path in folder.rglob("*"):
        if path.suffix in (".html", ".ipynb", ".json", ".csv") and "u00" in path.read_text(encoding="utf-8"):
            named.add(path.relative_to(folder).parts[0])
    assert named == {"at_risk"}


def test_the_campaign_review_reads_the_registered_arms(shop, data):
    """From the list to the verdict's numbers: arms, sample ratio and increments are those of the registered users."""
    made(shop)
    arms = draws.registered(shop.home, "shop", EXPERIMENT)
    read = "  assignments: {path: 'outputs/draws/shop/*/assignments.parquet'}\nthresholds"
    shop.run_file("workbook", WORKBOOK.replace("AS_OF", LATER).replace("thresholds", read))
    content, lines = read_yaml(shop.home / "outputs/draws/shop" / EXPERIMENT / "review.yaml")
    run = checked(CampaignRun, content, where="review.yaml", lines=lines)
    mart = ensure_mart(read_workbook(shop.home / "params/workbook.yaml"), home=shop.home)
    found = experiment.arms(mart.assignments, mart.exposures, experiment_id=run.experiment_id, campaign_id="")
    counted = pd.Series(arms).value_counts()
    assert found.set_index("variant")["users"].to_dict() == counted.to_dict()
    ratio = srm.sample_ratio(found, control=run.control, control_share=run.control_share)
    assert srm.check(ratio).status == "healthy"
    span = {"start": run.start, "end": run.end, "after_days": run.after_days}
    trial = {"experiment_id": run.experiment_id, "control": run.control}
    moments = experiment.arm_moments(experiment.units(mart.assignments, mart.user_days, **trial, **span))
    table = incrementality.increments(moments)
    row = table[(table["metric"] == "active_days") & (table["window"] == "net") & (table["method"] == "plain")].iloc[0]
    events = data[1].assign(day=pd.to_datetime(data[1]["occurred_at"]).dt.normalize())
    inside = events[events["day"].between("2026-07-01", "2026-07-17")].drop_duplicates(["user_id", "day"])
    visits = inside["user_id"].value_counts().reindex(list(arms), fill_value=0)
    mean = visits.groupby(pd.Series(arms)).mean()
    assert row["treated"] == pytest.approx(mean["treatment"])
    assert row["control"] == pytest.approx(mean["control"])
