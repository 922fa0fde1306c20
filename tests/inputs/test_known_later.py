"""What is only known after the fact chooses nobody: Bank Marketing's `duration` is refused wherever it would filter."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.known_later import refuse_known_later
from opsbook.inputs.run_params import CampaignRun, RetentionRun
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.inputs.yaml_file import load

BANK = Path(__file__).parents[1] / "companies" / "bank.yaml"
LONG_CALLS = {"attribute": "duration", "in": ["600", "700"]}


@pytest.fixture(scope="module")
def bank() -> Workbook:
    return read_workbook(BANK)


def written(tmp_path: Path, more: str) -> Path:
    path = tmp_path / "workbook.yaml"
    path.write_text(BANK.read_text() + more)
    return path


def test_the_trap_is_real(shared):
    """Of customers called for over five minutes four times as many subscribe: before the call nobody knew."""
    with gzip.open(shared("bank_marketing_full.csv.gz")) as file:
        calls = pd.read_csv(file).drop_duplicates()
    bought = calls["y"].eq("yes").groupby(calls["duration"] > 300).mean()
    assert bought[True] > 4 * bought[False]


def test_it_is_no_attribute_to_split_by(bank):
    """Notebooks that go through all attributes do not see it; the others stay."""
    assert bank.known_later == ["duration"]
    assert "duration" not in bank.attributes
    assert {"job", "channel"} <= set(bank.attributes)


@pytest.mark.parametrize("run", [{"segment": "duration"}, {"covariates": ["channel", "duration"]}])
def test_it_neither_splits_nor_explains_survival(bank, run):
    """As segment or covariate of notebook 02 it is refused with the reason; what was known before is not."""
    with pytest.raises(ParameterError, match="chooses them by the outcome"):
        refuse_known_later(RetentionRun.model_validate(run), bank)
    refuse_known_later(RetentionRun(segment="job", covariates=["marital"]), bank)


def test_it_is_no_audience(bank):
    """A campaign for users with long calls is refused, also deep inside a rule."""
    rule = {"any": [{"attribute": "job", "equals": "student"}, {"not": LONG_CALLS}]}
    with pytest.raises(ParameterError, match=r"audience_rule: the attribute `duration` is only known after"):
        refuse_known_later(CampaignRun.model_validate({"campaign_id": "x", "audience_rule": rule}), bank)


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("segments: {long: {rule: {attribute: duration, in: ['600']}}}\n", "segments.long"),
        ("funnels: [{name: calls, steps: [called, subscribed], window_days: 7, by: [duration]}]\n", "funnels.calls"),
    ],
)
def test_the_workbook_may_not_use_it_either(tmp_path, more, key):
    """A segment or a funnel's breakdown names the key and the attribute."""
    with pytest.raises(ParameterError) as refused:
        load(written(tmp_path, more), Workbook)
    assert key in str(refused.value)
    assert "duration" in str(refused.value)
