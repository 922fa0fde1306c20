"""Sentences of notebook 02 on which segments stay longer, on remedies for hazards that change, and on reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd

from opsbook.analysis import aft, cox_numbers, weighted_tests
from opsbook.analysis.cox import CoxFit
from opsbook.analysis.cox_check import Trust
from opsbook.analysis.segments import OUT
from opsbook.page import words
from opsbook.page.says.retention import CLEAR, covariate, level
from opsbook.page.told import told_column
from opsbook.page.words import Sentence

TERMS = ("against_rest", "weighted_tests", "stratified", "time_ratio", "concordance")
PER = 100
TESTS = {"p_holm": "pvalue", "p": "pvalue"}
WEAK = 0.6  # a concordance below this is better than a coin, yet of no use to pick people by
BOUGHT = "recent_orders"  # the one covariate that users can be led to change
BANDS = dict.fromkeys(["predicted", "observed", "low", "high"], "percent")


def against_rest(table: pd.DataFrame, *, by: str) -> Sentence:
    """Which segments clearly stay longer or shorter than all the others, in days per hundred users."""
    if table.empty or table["p_holm"].isna().all():
        return Sentence("retention.rest.none")
    clear = table[table["p_holm"] < CLEAR]
    told: dict[str, Any] = {"compared": int(table["p_holm"].notna().sum()), "horizon": table["horizon_days"].iloc[0]}
    if clear.empty:
        return Sentence("retention.rest.unclear", **told)
    named = clear[clear["segment"] != OUT] if OUT in set(clear["segment"]) and len(clear) > 1 else clear
    row = named.loc[named["difference"].abs().idxmax()]
    told |= {"segment": level(by, row["segment"]), "clear": len(clear), "hundred": PER, "n": row["users"]}
    ends = sorted((PER * abs(row["low"]), PER * abs(row["high"])))
    told |= {"days": PER * abs(row["difference"]), "low": ends[0], "high": ends[1], "other_n": row["other_users"]}
    return Sentence(f"retention.rest.{'more' if row['difference'] > 0 else 'fewer'}", **told)


def tests(table: pd.DataFrame) -> Sentence:
    """What tests that look early, late or all along say together; the plain log-rank test decides."""
    return Sentence(f"retention.weighted.{weighted_tests.agreement(table)}", tests=len(table))


def test_table(table: pd.DataFrame) -> pd.DataFrame:
    """The tests with their names and weights in words."""
    names = {"test": "retention.weighted_test", "weight_on": "retention.weight_on"}
    cells = {name: [Sentence(f"{key}.{value}") for value in table[name]] for name, key in names.items()}
    return table.assign(**{name: told_column(table[name], told, like=table) for name, told in cells.items()})


def with_numbers(table: pd.DataFrame, found: pd.DataFrame) -> pd.DataFrame:
    """The levels of the model, and after those of a covariate that is a number its ratio per standard deviation more.

    table: `cox.CoxFit.table`; found: `cox_numbers.per_deviation`
    """
    parts = []
    for name, levels in table.groupby("covariate", sort=False):
        own = found[(found["covariate"] == name) & found["hazard_ratio"].notna()]
        told = [words.label("retention.number.level", deviation=value) for value in own["deviation"]]
        extra = own.reindex(columns=table.columns).assign(level=told, is_reference=False)
        parts += [levels] if own.empty else [levels, extra.astype(table.dtypes)]
    return pd.concat(parts, ignore_index=True) if parts else table


def numbers(found: pd.DataFrame) -> Sentence | None:
    """Each number per standard deviation more, and whether its bands tell more than a straight line; None without."""
    known = found[found["hazard_ratio"].notna()]
    if known.empty:
        return None
    parts = [_number(row) for row in known.to_dict("records")]
    told = {"parts": parts, "n": int(known["users"].max())}
    if known["followed"].max() > cox_numbers.MOST:
        return Sentence("retention.numbers.sampled", **told, followed=int(known["followed"].max()))
    return Sentence("retention.numbers.known", **told)


def _number(row: dict[Any, Any]) -> Sentence:
    told = {"name": covariate(row["covariate"])}
    told |= {name: row[name] for name in ("deviation", "hazard_ratio", "low", "high")}
    bands = row["p_bands"] < CLEAR
    if pd.isna(row["p_bands"]):
        return Sentence("retention.number.alone", **told)
    return Sentence(f"retention.number.{'bands' if bands else 'line'}", **told, p=row["p_bands"])


def remedy(strata: str, fit: CoxFit, other: CoxFit) -> Sentence | None:
    """How the other ratios fare when the covariate that breaks the assumption has a risk over time of its own.

    None where no covariate does, or no other is left to compare: then there is no such question.
    """
    if not strata:
        return None
    both = fit.table.merge(other.table, on=["covariate", "level"], suffixes=("", "_strata"))
    known = both[both["standard_error"].notna() & both["standard_error_strata"].notna()]
    if known.empty:
        return None
    moved = (known["hazard_ratio_strata"] / known["hazard_ratio"] - 1).abs().max()
    return Sentence("retention.remedy.known", name=covariate(strata), compared=len(known), moved=moved, n=other.n)


def remedy_table(strata: str, other: CoxFit) -> dict[str, Any]:
    """The stratified model for the fold; nothing where no covariate needs strata, for it is the same model then."""
    return {"table": other.table, "how": "retention.how.remedy"} if strata else {}


def time_ratios(table: pd.DataFrame) -> Sentence:
    """Whether two models of time tell the same levels apart in the same direction."""
    if table.empty:
        return Sentence("retention.aft.none")
    same, either = aft.agree(table)
    if not either:
        return Sentence("retention.aft.unclear", levels=table["level"].nunique())
    return Sentence(f"retention.aft.{'same' if same == either else 'differ'}", same=same, either=either)


def trust(found: Trust, *, within_days: int) -> Sentence:
    """Whether the model may be used on later users for ranking, for levels, or for neither."""
    if found.case == "few":
        return Sentence("retention.trust.few")
    told = {"days": within_days, "c": found.ranking.value, "c_low": found.ranking.low, "c_high": found.ranking.high}
    told |= {"predicted": found.predicted, "observed": found.observed.value, "n": found.observed.n}
    told |= {"low": found.observed.low, "high": found.observed.high}
    weak = found.case in ("both", "ranking") and found.ranking.value < WEAK
    return Sentence(f"retention.trust.{'weak' if weak else found.case}", **told)


def seeds(table: pd.DataFrame) -> Sentence:
    """In how many stages something clearly goes with leaving."""
    if table.empty:
        return Sentence("retention.seeds.none")
    asked = table[table["case"] != "few"]
    clear = int((table["case"] == "clear").sum())
    case = "none" if asked.empty else "clear" if clear else "unclear"
    return Sentence(f"retention.seeds.{case}", clear=clear, asked=len(asked), n=int(table["users"].sum()))


def seed_table(table: pd.DataFrame) -> pd.DataFrame:
    """The seed of an action list in words: stage, users, what goes with leaving, and what to try."""
    rows = [_seed(row) for row in table.to_dict("records")]
    names = ["stage", "users", "churned", "goes_with", "hazard_ratio", "low", "high", "try"]
    return pd.DataFrame(rows, columns=names)


def _seed(row: dict[Any, Any]) -> list[Any]:
    head = [Sentence(f"common.stage.{row['stage']}"), row["users"], row["churned"]]
    numbers = [row["hazard_ratio"], row["low"], row["high"]]
    if row["case"] != "clear":
        return [*head, Sentence(f"retention.seed.{row['case']}"), *numbers, ""]
    told = {"name": covariate(row["covariate"]), "level": level(row["covariate"], row["level"])}
    told |= {"base": level(row["covariate"], row["reference"])}
    sooner = "sooner" if row["hazard_ratio"] > 1 else "later"
    return [
        *head,
        Sentence(f"retention.seed.{sooner}", **told),
        *numbers,
        Sentence(f"retention.seed_try.{_try(row, sooner)}", **told),
    ]


def _try(row: dict[Any, Any], sooner: str) -> str:
    """What to try first: help at the start, an offer later on; nobody can be led to another channel."""
    if sooner == "sooner":
        return "first_obstacle" if row["stage"] == "introduction" else "keep"
    return "lead" if row["covariate"] == BOUGHT else "learn"
