"""The demo company's parameter files fit their models, its tables and its world."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from opsbook.inputs.run_params import RUNS
from opsbook.inputs.workbook import read_workbook
from opsbook.inputs.yaml_file import load
from opsbook.simulate.world import ACTIONS, CAMPAIGNS, SURFACES, World

PARAMS = Path(__file__).parents[2] / "params"
FILES = sorted(file for notebook in RUNS for file in (PARAMS / notebook).glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_run_file_is_valid(file):
    """Each file has the keys and types of its notebook's model."""
    load(file, RUNS[file.parent.name])


def test_the_workbook_names_columns_that_exist(company):
    """Every mapped column stands in the written table."""
    workbook = read_workbook(PARAMS / "workbook.yaml")
    for table, source in workbook.tables.items():
        name = source.path.removeprefix("data/demo/").replace("*", "2026-01")
        file = company.folder / name
        columns = pd.read_parquet(file).columns if name.endswith("parquet") else pd.read_csv(file, nrows=1).columns
        named = [c if isinstance(c, str) else c.column for c in source.columns.values()]
        assert {column for column in [*named, *source.attributes] if column} <= set(columns), table


def test_the_workbook_describes_the_simulated_world():
    """Dates, zone, incident and events are those of the simulation."""
    workbook, world = read_workbook(PARAMS / "workbook.yaml"), World()
    assert (workbook.data_start, workbook.as_of) == (world.data_start, world.as_of)
    assert [incident.start for incident in workbook.incidents] == [world.incident]
    grouped = {event for events in workbook.event_groups.values() for event in events}
    assert grouped <= {*ACTIONS, "order"}


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.key)
def test_campaign_files_tell_the_simulated_campaigns(campaign):
    """Dates, holdout and control share are those the company was simulated with; phases lie inside."""
    run = load(PARAMS / "03_campaign_review" / f"{campaign.key}.yaml", RUNS["03_campaign_review"])
    assert (run.campaign_id, run.experiment_id) == (campaign.key, campaign.key)
    assert (run.start, run.end, run.after_days) == (campaign.start, campaign.end, campaign.after_days)
    assert run.control_share == campaign.planned_control_share
    assert all(run.start <= phase.start <= phase.end <= run.end for phase in run.phases)
    assert run.end < date(2026, 10, 31)


PLANNED_JOINING = {"spring_coupons": -1, "mid_year_618": 0, "checkin_challenge": 1, "autumn_lottery": 1}


@pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda campaign: campaign.key)
def test_plans_lie_below_at_or_above_what_was_simulated(campaign):
    """Each plan is of the simulated campaign, names its surfaces, and errs about the share that joins as its report is
    to find: too low in spring, right in June, too high for the challenge and the lottery.
    """
    run = load(PARAMS / "03_campaign_review" / f"{campaign.key}.yaml", RUNS["03_campaign_review"])
    error = run.plan.participation_rate - campaign.join_share
    assert (error > 0.02) - (error < -0.02) == PLANNED_JOINING[campaign.key]
    assert sorted(run.channels) == sorted(SURFACES) == sorted(run.plan.by_channel)
    (subsidy,) = run.subsidies
    assert subsidy.face_value == campaign.reward_yuan
    assert run.audience_rule.at_most == World().eligible_days - 1
