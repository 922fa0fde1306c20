"""The documents say what the code does."""

import re
from pathlib import Path

import pytest

from opsbook.errors import FAILED, GOOD, LOCKED, REFUSED, UNSETTLED, USAGE
from opsbook.inputs import contract
from opsbook.inputs.run_params import CampaignRun
from opsbook.inputs.workbook import Workbook
from opsbook.inputs.yaml_file import checked, load, read_yaml

HOME = Path(__file__).parents[2]
README = (HOME / "README.md").read_text()
INTRODUCTION = """# The contract

The tables a company may bring, one row per what, and what happens to rows that break a law. Only `events` or
`orders` is obligatory. A user id is an integer or a text. The contract itself prints this page; a test compares.

- `drop`: the row is left out, counted, and weighs on `thresholds.drop_budget`
- `keep`: it stays and is flagged
- `refuse`: the run stops
"""


def contract_page() -> str:
    """The whole of docs/contract.md."""
    tables = [f"\n## {name}\n```\n{contract.describe(name)}```\n" for name in contract.TABLES]
    return INTRODUCTION + "".join(tables)


def test_the_contract_page_is_the_contract():
    """docs/contract.md is what the contract prints of itself."""
    assert (HOME / "docs/contract.md").read_text() == contract_page()


def test_links_in_the_documents_lead_somewhere():
    """Every relative link of every document names a file that is there."""
    for document in [*HOME.glob("*.md"), *(HOME / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), (document.name, target)


def test_the_readmes_workbook_is_a_workbook(tmp_path):
    """The ten lines in the README that map one's own tables are accepted as they stand."""
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.S)
    path = tmp_path / "workbook.yaml"
    path.write_text(text)
    content, lines = read_yaml(path)
    book = checked(Workbook, content, where=path, lines=lines)
    assert len(text.strip().splitlines()) <= 10
    assert set(book.tables) == {"users", "orders"}


def test_the_campaign_file_of_the_documents_is_a_campaign_file(tmp_path):
    """The file in docs/campaigns.md is accepted as it stands, and shows every field a campaign of its own has."""
    (text,) = re.findall(r"```yaml\n(.*?)```", (HOME / "docs/campaigns.md").read_text(), re.S)
    path = tmp_path / "spring_coupons.yaml"
    path.write_text(text)
    run = load(path, CampaignRun)
    assert run.plan.level("revenue") == pytest.approx(3000 * 0.5 * 0.5 * 1.5 * 72)
    assert {
        "plan",
        "audience_rule",
        "channels",
        "variants",
        "guardrails",
        "subsidies",
        "earlier",
    } <= run.model_fields_set


@pytest.mark.parametrize("code", [GOOD, FAILED, USAGE, REFUSED, UNSETTLED, LOCKED])
def test_the_readme_tells_every_exit_code(code):
    """A scheduler's author finds each exit code in the README."""
    assert f"| {code} |" in README
