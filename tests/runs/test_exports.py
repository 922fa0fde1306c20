"""Lists of users lie beside a good report, are the same in every run, and are never inside anything else."""

import io
import re

import pandas as pd
import pytest

from opsbook.errors import ParameterError
from opsbook.runs.exports import FOLDER, exported
from opsbook.runs.run import make

WORKBOOK = """\
company: {key: shop, name: Shop}
zone: UTC
data_start: 2026-09-01
as_of: 2026-10-31
tables:
  users: {path: users.csv, attributes: [city]}
  orders: {path: orders.csv}
segments:
  cities: {rule: {attribute: city, equals: a}}
  buyers: {rule: {count: orders, within_days: 30, at_least: 1}}
"""
USERS = "user_id,signed_up_at,channel,city\n" + "".join(
    f"u{place:02d},2026-09-0{1 + place % 9},ads,{'ab'[place % 2]}\n" for place in range(20)
)
ORDERS = "order_id,user_id,paid_at,amount\n" + "".join(
    f"{place},u{place:02d},2026-10-{1 + place:02d},10\n" for place in range(0, 20, 4)
)


@pytest.fixture
def shop(checkout):
    """The small checkout with real tables and two segments."""
    checkout.run_file("workbook", WORKBOOK)
    for name, text in (("users", USERS), ("orders", ORDERS)):
        (checkout.home / f"{name}.csv").write_text(text, encoding="utf-8")
    return checkout


def report(shop, more=""):
    shop.run_file("workbook", WORKBOOK + more)
    return shop.reports("01/monthly")[0]


def test_each_segment_is_a_list_in_two_forms(shop):
    """Parquet and CSV hold the same users, by id, with the day and a few facts."""
    files = exported(report(shop))
    assert sorted(files) == [f"{FOLDER}/{name}.{form}" for name in ("buyers", "cities") for form in ("csv", "parquet")]
    stored = pd.read_parquet(io.BytesIO(files["segments/buyers.parquet"]))
    text = pd.read_csv(io.BytesIO(files["segments/buyers.csv"]))
    assert stored["user_id"].tolist() == text["user_id"].tolist() == ["u04", "u08", "u12", "u16"]
    assert text["as_of"].unique().tolist() == ["2026-10-31"]
    assert text["orders_90"].tolist() == [1] * 4
    assert text["silent_days"].tolist() == [26, 22, 18, 14]


def test_the_same_data_give_the_same_bytes(shop):
    """A list that did not change does not look changed."""
    assert exported(report(shop)) == exported(report(shop))


def test_stages_and_rfm_groups_are_written_on_request(shop):
    """Two further lists, one row per user with the stage, one per buyer with the group."""
    files = exported(report(shop, "exports: {segments: false, stages: true, rfm_groups: true}\n"))
    assert sorted({name.split(".")[0] for name in files}) == ["segments/rfm_groups", "segments/stages"]
    stages = pd.read_csv(io.BytesIO(files["segments/stages.csv"]))
    assert len(stages) == 20
    assert set(stages["segment"]) <= {"introduction", "growth", "mature", "sleeping", "lost"}
    groups = pd.read_csv(io.BytesIO(files["segments/rfm_groups.csv"]))
    assert len(groups) == 5
    assert groups["segment"].str.fullmatch("[HL]{3}").all()


def test_without_segments_or_for_another_notebook_nothing_is_read(checkout):
    """A company that asks for no list pays nothing: its mart is not even opened."""
    assert exported(checkout.reports("01/monthly")[0]) == {}
    assert not (checkout.home / "cache").exists()


def test_a_good_run_carries_its_lists_and_records_them(shop):
    """The lists arrive in the same exchange of folders as the report, and run.json knows their hashes."""
    assert make(shop.job()).status == "good"
    assert (shop.october / "segments/buyers.csv").exists()
    assert '"segments/buyers.csv"' in (shop.october / "run.json").read_text()


def test_a_failed_run_leaves_no_list(shop):
    """Neither beside the old report nor in last-failure/: half a report hands nobody over."""
    shop.notebook("1 / 0")
    assert make(shop.job()).status == "failed"
    assert not list(shop.october.rglob("*buyers*"))


def test_a_list_no_longer_asked_for_disappears_with_the_next_report(shop):
    """The folder is replaced as a whole, so an old list never stands beside a new report."""
    make(shop.job())
    shop.run_file("workbook", WORKBOOK + "exports: {segments: false}\n")
    assert make(shop.job(force=True)).status == "good"
    assert not (shop.october / "segments").exists()


def test_a_segment_of_behaviour_cannot_split_curves_and_no_kernel_starts(shop):
    """`segment: buyers` in notebook 02 is refused when the run is planned, naming file, reason and way out."""
    shop.run_file("02_retention_survival/weekly", "period: 2026-09\nsegment: buyers\n")
    shop.notebook(name="02_retention_survival")
    with pytest.raises(ParameterError, match="immortal time") as refused:
        shop.reports("02")
    assert "weekly.yaml" in str(refused.value)
    assert "landmark" in str(refused.value)
    shop.run_file("02_retention_survival/weekly", "period: 2026-09\nsegment: cities\n")
    assert len(shop.reports("02")) == 1


def test_no_user_id_of_the_demo_is_in_any_report(made):
    """Pages, notebooks, results and tables of the simulated company name none of its 20,000 users; its lists do."""
    ids = set(pd.read_parquet(made.home / "data/demo/users.parquet", columns=["uid"])["uid"].astype(str))
    folder = made.home / "outputs/01_user_lifecycle/monthly/2026-10"
    files = [path for path in folder.rglob("*") if path.suffix in (".html", ".ipynb", ".json", ".csv")]
    words = {path: set(re.findall(r"(?<![\w.])\d{8}(?![\w.])", path.read_text(encoding="utf-8"))) for path in files}
    named = {path.relative_to(folder).as_posix() for path, found in words.items() if found & ids}
    assert {name.split("/")[0] for name in named} == {FOLDER}
