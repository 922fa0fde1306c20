"""Every analysis function works alone, on a plain pandas table: its docstring shows it, and the example runs."""

import ast
import doctest
import importlib
from pathlib import Path

import pandas as pd
import pytest

FILES = sorted((Path(__file__).parents[2] / "lib" / "opsbook" / "analysis").glob("[a-z]*.py"))
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
SILENT = [
    "aarrr",
    "abnormal",
    "acquired",
    "acquisition",
    "action_sheet",
    "activity",
    "aft",
    "age_shares",
    "aha",
    "anyway",
    "attainment",
    "attribution",
    "audience",
    "bayes",
    "before_after",
    "bg_nbd",
    "breakdown",
    "buyers",
    "campaign_days",
    "channel_mix",
    "churn",
    "clusters",
    "cohort_models",
    "cohort_trend",
    "cohorts",
    "competing",
    "concordance",
    "conversion_time",
    "coupons",
    "cox",
    "cox_check",
    "cox_likelihood",
    "cox_numbers",
    "cox_zph",
    "customer_value",
    "delivery",
    "detectable",
    "drivers",
    "early",
    "early_warning",
    "effect_groups",
    "estimates",
    "experiment",
    "funnel_events",
    "funnel_modes",
    "funnel_rates",
    "funnel_trend",
    "funnels",
    "gamma_gamma",
    "gray",
    "growth",
    "guardrail",
    "incrementality",
    "intensity",
    "interrupted",
    "intervention",
    "landmark",
    "last_time",
    "levers",
    "lifetime_change",
    "lifetime_holdout",
    "lifetimes",
    "likelihood",
    "logistic",
    "logrank",
    "looks",
    "ltv",
    "mantel_haenszel",
    "margins",
    "mean_differences",
    "means",
    "memory",
    "moments",
    "money",
    "multiplicity",
    "pace",
    "paid_back",
    "payback",
    "permutation",
    "persistence",
    "phase_curve",
    "plan_gap",
    "pooling",
    "profile",
    "proportion",
    "pull_forward",
    "purchase_patterns",
    "quasi_experiment",
    "ranking",
    "realistic",
    "referral",
]


def public_functions(path: Path) -> dict[str, str]:
    """Name and docstring of every function of a module that others may call."""
    functions = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)]
    return {one.name: ast.get_docstring(one) or "" for one in functions if not one.name.startswith("_")}


@pytest.fixture(autouse=True)
def _wide_tables():
    """A table prints the same on every machine."""
    with pd.option_context("display.width", 200, "display.max_columns", 30, "display.max_rows", 60):
        yield


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_public_function_shows_an_example(path):
    """The docstring of every public function holds an example."""
    if path.stem not in SILENT:
        assert [name for name, told in public_functions(path).items() if ">>>" not in told] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_example_runs_and_prints_what_it_says(path, monkeypatch, tmp_path):
    """The examples of a module print what they say, without a warning, a file or the network."""
    module = importlib.import_module(f"opsbook.analysis.{path.stem}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.socket.connect", _no_network)
    found = doctest.testmod(module, optionflags=LOOSE)
    assert found.failed == 0
    assert list(tmp_path.iterdir()) == []


def test_no_silent_module_has_all_its_examples():
    """A module whose functions all have examples leaves the list of those without."""
    told = {path.stem for path in FILES if all(">>>" in text for text in public_functions(path).values())}
    assert sorted(set(SILENT) & told) == []


def _no_network(*_args):
    raise AssertionError("an example reached for the network")
