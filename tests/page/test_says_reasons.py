"""Sentences on who stays longer, on remedies and on reasons by stage: every branch, both languages, equal numbers."""

import re
from importlib import resources

import pandas as pd
import pytest
import yaml

from opsbook.analysis.cox import COLUMNS, CoxFit
from opsbook.analysis.cox_check import NOTHING, Trust
from opsbook.analysis.proportion import Estimate
from opsbook.page import theme, words
from opsbook.page.charts import reasons as charts
from opsbook.page.says import reasons as says

NAN = float("nan")
CAUSAL = re.compile(r"\b(causes|caused|because of|due to|impact)\b|导致了|造成|使得用户")
REST = pd.DataFrame({"segment": ["ads", "web"], "users": [500, 300], "other_users": [300, 500], "horizon_days": 180.0})
REST = REST.assign(difference=[-9.0, 9.0], low=[-12.0, 6.0], high=[-6.0, 12.0], p_holm=0.001)
TESTS = pd.DataFrame({"test": ["log_rank", "peto", "gehan", "tarone_ware", "late"],
                      "weight_on": ["all_along", "early", "early", "early", "late"]})  # fmt: skip
RATIOS = pd.DataFrame(
    {"model": ["weibull", "log_logistic"], "covariate": "x", "level": "yes", "time_ratio": [2.0, 1.9]}
)
SEEDS = pd.DataFrame({"stage": ["growth", "mature"], "users": [300, 900], "churned": [90, 80], "covariate": "channel",
                      "level": "ads", "reference": "web", "hazard_ratio": [1.6, 0.6], "low": 0.5,
                      "high": 2.0, "case": "clear"})  # fmt: skip


def rest(**changed):
    return says.against_rest(REST.assign(**changed), by="channel")


def weighed(*p):
    return says.tests(TESTS.assign(p=p))


def fitted(ratio, error=0.1):
    table = pd.DataFrame({"covariate": ["x"], "level": ["yes"], "hazard_ratio": [ratio], "standard_error": [error]})
    return CoxFit(table, -1.0, -2.0, 800, 300, True)


def ratios(*p):
    return says.time_ratios(RATIOS.assign(p=p))


def trust(case, c=0.62):
    ranking, observed = Estimate(c, c - 0.04, c + 0.04, 900), Estimate(0.31, 0.28, 0.34, 900)
    return says.trust(Trust(ranking, 0.3, observed, case), within_days=60)


def seed(case, ratio=1.6, part=3, **given):
    return says.seed_table(SEEDS.head(1).assign(case=case, hazard_ratio=ratio, **given)).iloc[0, part]


def number(p_bands, users=900, followed=1_000):
    row = {"covariate": "age", "users": users, "users_churned": 300, "followed": followed, "deviation": 12.5}
    row |= {"coefficient": 0.2, "standard_error": 0.05, "hazard_ratio": 1.22, "low": 1.1, "high": 1.35, "p": 0.001}
    return pd.DataFrame([row | {"p_bands": p_bands}])


def part(p_bands):
    return says.numbers(number(p_bands)).values["parts"][0]


BRANCHES = {
    "numbers.known": says.numbers(number(0.4)),
    "numbers.sampled": says.numbers(number(0.001, users=20_000, followed=40_000)),
    "number.line": part(0.4),
    "number.bands": part(0.001),
    "number.alone": part(NAN),
    "number.level": words.Sentence("retention.number.level", deviation=12.5),
    "rest.more": rest(difference=[-3.0, 9.0]),
    "rest.fewer": rest(difference=[-9.0, 3.0]),
    "rest.unclear": rest(p_holm=0.4),
    "rest.none": says.against_rest(REST.iloc[:0], by="channel"),
    "weighted.all": weighed(0.01, 0.01, 0.01, 0.01, 0.01),
    "weighted.none": weighed(0.5, 0.5, 0.5, 0.5, 0.5),
    "weighted.early": weighed(0.01, 0.01, 0.01, 0.01, 0.5),
    "weighted.late": weighed(0.2, 0.5, 0.5, 0.5, 0.01),
    "weighted.mixed": weighed(0.01, 0.5, 0.01, 0.01, 0.5),
    "remedy.known": says.remedy("channel", fitted(2.0), fitted(1.8)),
    "aft.same": ratios(0.01, 0.01),
    "aft.differ": ratios(0.01, 0.5),
    "aft.unclear": ratios(0.5, 0.5),
    "aft.none": says.time_ratios(RATIOS.iloc[:0]),
    "trust.both": trust("both"),
    "trust.ranking": trust("ranking"),
    "trust.weak": trust("ranking", c=0.555),
    "trust.none": trust("none"),
    "trust.few": says.trust(Trust(NOTHING, NAN, NOTHING, "few"), within_days=60),
    "seeds.clear": says.seeds(SEEDS),
    "seeds.unclear": says.seeds(SEEDS.assign(case="unclear")),
    "seeds.none": says.seeds(SEEDS.iloc[:0]),
    "seed.sooner": seed("clear"),
    "seed.later": seed("clear", ratio=0.6),
    "seed.unclear": seed("unclear"),
    "seed.few": seed("few"),
    "seed_try.first_obstacle": seed("clear", part=7, stage="introduction"),
    "seed_try.keep": seed("clear", part=7),
    "seed_try.lead": seed("clear", ratio=0.6, part=7, covariate="recent_orders"),
    "seed_try.learn": seed("clear", ratio=0.6, part=7),
} | {f"weighted_test.{name}": words.Sentence(f"retention.weighted_test.{name}") for name in TESTS["test"]}
BRANCHES |= {f"weight_on.{name}": words.Sentence(f"retention.weight_on.{name}") for name in set(TESTS["weight_on"])}


@pytest.mark.parametrize("key", sorted(BRANCHES))
def test_every_branch_speaks_both_languages_with_equal_numbers(key):
    """The case chosen is the one meant, both languages carry the same numbers, nothing claims a cause."""
    sentence = BRANCHES[key]
    assert sentence.key == f"retention.{key}"
    english, chinese = sentence.text("en"), sentence.text("zh")
    numbers = [sorted(re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", text)) for text in (english, chinese)]
    assert numbers[0] == numbers[1]
    assert not CAUSAL.search(english + chinese)
    assert "nan" not in (english + chinese).lower().split()


def test_no_sentence_is_left_without_a_test():
    """Every computed sentence of the catalogue is a branch above."""
    own = yaml.safe_load((resources.files("opsbook.page") / "catalogue/retention.reasons.en.yaml").read_text())
    fixed = ("how", "axis", "column", "term", "definition", "covariate", "level")
    assert {key.removeprefix("retention.") for key in own if key.split(".")[1] not in fixed} == set(BRANCHES)


def test_a_number_stands_below_its_bands():
    """The ratio per standard deviation follows the covariate's levels; without numbers nothing is added or said."""
    table = pd.DataFrame(columns=COLUMNS, data=[["age", "≤ 30", True, 9, 4, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]] * 2)
    table = pd.concat([table, table.assign(covariate="channel")], ignore_index=True)
    shown = says.with_numbers(table, number(0.4))
    assert shown["covariate"].tolist() == ["age", "age", "age", "channel", "channel"]
    assert shown.loc[2, ["hazard_ratio", "is_reference", "users"]].tolist() == [1.22, False, 900]
    pd.testing.assert_frame_equal(says.with_numbers(table, number(0.4).iloc[:0]), table)
    assert says.numbers(number(0.4).iloc[:0]) is None


def test_the_stratified_table_is_left_out_where_nothing_needs_strata():
    """Without strata it would repeat the forest plot."""
    assert says.remedy("", fitted(2.0), fitted(2.0)) is None
    assert says.remedy("channel", fitted(2.0, NAN), fitted(1.8)) is None
    assert says.remedy_table("", fitted(2.0)) == {}
    assert len(says.remedy_table("channel", fitted(2.0))["table"]) == 1


def test_of_a_segment_and_everybody_else_the_segment_is_named():
    """Two mirrored rows: the sentence speaks of the segment."""
    two = REST.assign(segment=["outside", "in_segment"], difference=[-9.0, 9.0])
    assert says.against_rest(two, by="core").key == "retention.rest.more"


def test_tables_are_in_words():
    """Tests and seeds have names a reader knows; every term is defined."""
    assert says.test_table(TESTS.assign(p=0.1))["test"].map(lambda cell: cell.words.text("zh")).str.len().min() > 3
    assert says.seed_table(SEEDS)["users"].tolist() == [300, 900]
    assert all(words.find(f"retention.definition.{term}") for term in says.TERMS)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_chart_draws_two_segments_or_nothing(language):
    """Each segment has its line, in both languages; one alone is not drawn."""
    words.use(language)
    theme.use(language, "#2f5d8a")
    assert charts.against_rest(REST, by="channel") is not None
    assert charts.against_rest(REST.head(1), by="channel") is None
