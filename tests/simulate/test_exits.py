"""Records of users who left by a road: as many as planted, on the day they are gone, nothing else moves."""

from dataclasses import replace

import pandas as pd
import pytest

from opsbook.analysis.proportion import wilson
from opsbook.simulate import write_company
from opsbook.simulate.exits import ROADS, exit_truth
from opsbook.simulate.world import World


def records(company) -> pd.DataFrame:
    events = company.raw("events")
    return events[events["action"].isin(ROADS.values())]


def test_the_truth_counts_every_record(company):
    """One record per user at most, and by road as many as truth.json says."""
    found = records(company)
    assert not found["uid"].duplicated().any()
    counted = found["action"].value_counts().reindex(list(ROADS.values()), fill_value=0)
    assert dict(zip(ROADS, counted, strict=True)) == company.truth["exits"]["recorded"]


def test_nobody_is_active_from_the_day_of_the_record_on(company):
    """An exit is recorded on the first day on which the user is gone."""
    last = company.days().groupby("uid")["day"].max()
    found = records(company).set_index("uid")["at"].dt.normalize()
    both = pd.concat([found, last], axis=1, join="inner")
    assert (both["at"] > both["day"]).all()
    assert len(both) > 100


def test_only_bonus_hunters_are_banned(demo):
    """Every banned account is one of the hunters, found out within ten days; not all of them are."""
    banned = records(demo).query("action == 'ban'").set_index("uid")["at"]
    hunters = set(demo.truth["bonus_hunters"])
    assert set(banned.index) < hunters
    signed_up = demo.clean("users").drop_duplicates("uid").set_index("uid")["at"].reindex(banned.index)
    assert (banned.dt.normalize() - signed_up.dt.normalize()).dt.days.between(1, World().ban_within_days).all()


def test_records_move_no_other_draw(tmp_path, company, monkeypatch):
    """A company where nobody leaves a record has the same rows in every other file, and the same other events."""
    world = World()
    channels = tuple(replace(c, unsubscribed_share=0.0) for c in world.channels)
    silent = replace(world, channels=channels, refunded_share=0.0, banned_hunters_share=0.0)
    monkeypatch.setattr("opsbook.simulate.company.describe", lambda **told: {})  # its large sample is another matter
    write_company(tmp_path / "demo", users=3000, seed=5, world=silent)
    for file in sorted(company.folder.rglob("*")):
        twin = tmp_path / "demo" / file.relative_to(company.folder)
        if file.parent.name == "events":
            own = pd.read_parquet(file)
            own = own[~own["action"].isin(ROADS.values())].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, pd.read_parquet(twin), check_categorical=False)
        elif file.is_file() and file.name != "truth.json":
            assert file.read_bytes() == twin.read_bytes(), file.name


@pytest.mark.parametrize("road", ["unsubscribed", "refunded"])
def test_the_planted_share_of_leavers_is_recovered(demo, road):
    """Among users who can be seen to have left, each road's share has a 99.9 % interval over what was planted."""
    users = demo.clean("users").drop_duplicates("uid").set_index("uid")
    last = demo.days().groupby("uid")["day"].max().reindex(users.index)
    gone = users[(last < "2026-04-01") & (users["at"] >= "2025-09-01")]  # seven months of silence: no break is so long
    left = records(demo).set_index("uid")["action"].reindex(gone.index)
    planted = demo.truth["exits"]["cause_specific_hazard_over_hazard_of_leaving"][road]
    for channel, share in planted.items():
        own = left[gone["source"] == channel]
        told = wilson(int((own == ROADS[road]).sum()), len(own), level=0.999)
        assert told.low <= share <= told.high, channel


def test_the_expected_shares_add_up_with_those_still_there():
    """By channel and over all: the roads rise with age and never pass what can be gone."""
    for told in (exit_truth(World())["incidence"][name] for name in ("all", "organic", "short_video")):
        assert all(line == sorted(line) for line in told.values())
        assert 0 < sum(line[-1] for line in told.values()) < 1
