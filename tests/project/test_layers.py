"""The tree is the data-flow diagram: imports point one way."""

import ast
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "lib" / "opsbook"
LAYERS = ["errors", "inputs", "mart", "analysis", "page", "runs"]
ESTIMATORS = {
    "funnel_events",
    "buyers",
    "suppression",
    "proportion",
    "mantel_haenszel",
    "permutation",
    "early",
    "life_table",
    "survival",
    "survival_time",
    "segment_survival",
    "hazard",
    "multiplicity",
    "cox",
    "cox_likelihood",
    "landmark",
    "means",
    "moments",
    "logrank",
    "competing",
    "gray",
    "srm",
    "standing",
    "segments",
    "likelihood",
    "bg_nbd",
    "gamma_gamma",
    "cohort_models",
    "cohort_window",
    "age_shares",
    "weekly_chain",
    "shapley",
    "experiment",
    "incrementality",
    "sequential",
    "synthetic_control",
    "unit_panel",
    "concordance",
    "aft",
    "churn",
    "time_to_churn",
    "stages",
    "lifetimes",
    "cohorts",
    "retention_events",
    "retention_grid",
    "logistic",
    "ranking",
    "detectable",
    "risk_rows",
    "risk_model",
    "risk_check",
    "risk_value",
    "risk_list",
    "early_warning",
    "pooling",
    "verdict",
}
MODULES = sorted(path for path in LIB.rglob("*.py") if path.name != "__init__.py")


def imported(path: Path) -> set[str]:
    """Dotted opsbook modules a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("opsbook"):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names if alias.name.startswith("opsbook")}
    return names


def layer(dotted: str) -> str:
    return [*dotted.split("."), ""][1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(LIB)))
def test_imports_point_one_way(path):
    """A module imports only from its own layer or one below: inputs, mart, analysis, page, runs."""
    own = path.relative_to(LIB).parts[0].removesuffix(".py")
    if own == "__main__":
        return
    below = {"errors", "simulate"} if own == "simulate" else set(LAYERS[: LAYERS.index(own) + 1])
    allowed = below | ({"simulate", "__version__"} if own == "runs" else set())
    assert {layer(name) for name in imported(path)} <= allowed


@pytest.mark.parametrize("path", sorted((LIB / "analysis").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_analyses_share_nothing_but_named_estimators(path):
    """An analysis imports no other analysis, only estimators that stand below them all."""
    shared = {name.split(".")[2] for name in imported(path) if name.startswith("opsbook.analysis.")}
    named = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "opsbook.analysis"
        for alias in node.names
    }
    assert (shared | named) - {path.stem} <= ESTIMATORS


@pytest.mark.parametrize("path", sorted((LIB / "analysis").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_analyses_touch_no_clock_file_or_environment(path):
    """An analysis is pure: it imports nothing that reads a clock, a file or the environment."""
    lines = path.read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith((">>> ", "... ")))  # `breakdown.now(…)`
    for word in ("import os", "pathlib", ".today(", ".now(", "open(", "np.random.rand", "read_csv", "read_parquet"):
        assert word not in text, f"{word} in {path.name}"
