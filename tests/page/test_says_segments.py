"""Every sentence about segments, profiles and clusters takes the right case and says the same numbers twice."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from opsbook.analysis.clusters import COLUMNS, Clusters
from opsbook.inputs.segments import Exports, Segment
from opsbook.page import words
from opsbook.page.charts import profile as profile_charts
from opsbook.page.charts import segments as charts
from opsbook.page.says import profile, segments

NAMED = {
    "core": Segment.model_validate({"name_zh": "核心用户", "rule": {"stage": "mature"}}),
    "big_city": Segment.model_validate({"name": "big city", "rule": {"attribute": "channel", "equals": "a"}}),
}


def now(**changed: object) -> pd.DataFrame:
    table = pd.DataFrame({"segment": ["core", "big_city", "everyone"], "users": [120, 300, 1000], "alive_users": 1000})
    for name, value in (("share_of_all", 0.3), ("share_active", 0.5), ("stickiness", 0.21), ("share_paying", 0.4)):
        table = table.assign(**{name: value, f"{name}_low": value - 0.02, f"{name}_high": value + 0.02})
    table = table.assign(active_users=[100, 150, 500], buyers=[50, 60, 200], arpu=[33.5, 12.5, 15.5])
    table = table.assign(arpu_low=table["arpu"] - 2, arpu_high=table["arpu"] + 2, suppressed=False, complete=True)
    return table.assign(**changed)


def returning(differences: tuple[float, float] = (0.3, -0.1), p: float = 0.001, **changed: object) -> pd.DataFrame:
    table = pd.DataFrame({"segment": ["core", "big_city"], "users": [120, 300], "returned": [60, 80]})
    table = table.assign(share_returned=0.4, share_returned_low=0.35, share_returned_high=0.45, rest_users=[880, 700])
    table = table.assign(share_rest=0.2, difference=differences, p_holm=p, tested=2, complete=True)
    table["difference_low"], table["difference_high"] = table["difference"] - 0.05, table["difference"] + 0.05
    return table.assign(**changed)


def campaign(differences: tuple[float, float] = (0.3, 0.1), p: float = 0.001) -> pd.DataFrame:
    table = pd.DataFrame({"segment": ["core", "big_city", "everyone"], "users": [120, 300, 1000]})
    shares = {"share_participants": 0.4, "share_participants_low": 0.35, "share_participants_high": 0.45}
    table = table.assign(base=table["users"], base_participants=40, tested=[2, 2, np.nan], p=p, **shares)
    table["difference"] = [*differences, np.nan]
    table["difference_low"], table["difference_high"] = table["difference"] - 0.05, table["difference"] + 0.05
    return table.assign(p_holm=[p, p, np.nan], suppressed=False)


def traits(tgi: tuple[float, ...] = (150.0, 60.0), p: float = 0.001) -> pd.DataFrame:
    table = pd.DataFrame({"attribute": "channel", "value": ["ads", "unknown"][: len(tgi)], "tgi": tgi})
    table = table.assign(tgi_low=table["tgi"] - 9, tgi_high=table["tgi"] + 9, own_users=77, pooled=False)
    return table.assign(share_group=0.3, share_comparison=0.2, p_bh=p, tested=len(tgi))


def habits(d: float = 1.5, p: float = 0.001) -> pd.DataFrame:
    table = pd.DataFrame({"behaviour": ["orders_90", "silent_days"], "standardised": [d, 0.1], "own_users": 77})
    table = table.assign(standardised_low=table["standardised"] - 0.1, standardised_high=table["standardised"] + 0.1)
    return table.assign(mean_group=4.5, mean_rest=2.25, p_bh=p, tested=2)


def clusters(k: int = 2, agreement: float = 0.97, p: float = 0.05, sampled: int = 1000) -> Clusters:
    rows = [
        (c, 500, 1000, 0.5, 0.47, 0.53, f, d * (1.5 - c), 2.0) for c in (1, 2) for f, d in (("orders", 3), ("x", 1))
    ]
    return Clusters(k, agreement, p, sampled, pd.DataFrame(rows if k else [], columns=COLUMNS))


CORE = {"group": "core", "n": 77, "against": "everyone"}
CASES = {
    "segments.none": lambda: segments.now(now().tail(1), {}),
    "segments.unsettled": lambda: segments.now(now(complete=False), NAMED),
    "segments.few": lambda: segments.now(now(suppressed=[True, True, False]), NAMED),
    "segments.sizes": lambda: segments.now(now(buyers=0), NAMED),
    "segments.known": lambda: segments.now(now(), NAMED),
    "segments.table": lambda: segments.heading(NAMED),
    "segments.unseen": lambda: segments.heading(NAMED, unseen=["pst"]),
    "segments.example": lambda: segments.heading({}),
    "segments.lists": lambda: segments.lists(NAMED, Exports(stages=True)),
    "segment_returns.none": lambda: segments.returning(returning().head(0), {}),
    "segment_returns.unsettled": lambda: segments.returning(returning(complete=False), NAMED),
    "segment_returns.few": lambda: segments.returning(returning(tested=0), NAMED),
    "segment_returns.unclear": lambda: segments.returning(returning(p=0.4), NAMED),
    "segment_returns.more": lambda: segments.returning(returning(), NAMED),
    "segment_returns.less": lambda: segments.returning(returning((0.1, -0.3)), NAMED),
    "campaign.segments.none": lambda: segments.campaign(campaign().tail(1), {}),
    "campaign.segments.few": lambda: segments.campaign(campaign().assign(tested=0), NAMED),
    "campaign.segments.unclear": lambda: segments.campaign(campaign(p=0.3), NAMED),
    "campaign.segments.more": lambda: segments.campaign(campaign(), NAMED),
    "campaign.segments.less": lambda: segments.campaign(campaign((-0.3, 0.1)), NAMED),
    "profile.few": lambda: profile.attributes(traits().head(0), **(CORE | {"n": 9})),
    "profile.none": lambda: profile.attributes(traits().head(0), **CORE),
    "profile.even": lambda: profile.attributes(traits(p=0.5), **CORE),
    "profile.high": lambda: profile.attributes(traits((150.0,)), **CORE),
    "profile.low": lambda: profile.attributes(traits((60.0,)), **CORE),
    "profile.both": lambda: profile.attributes(traits(), **(CORE | {"against": "rest"})),
    "behaviours.few": lambda: profile.behaviours(habits().head(0), group="core"),
    "behaviours.even": lambda: profile.behaviours(habits(p=0.5), group="core"),
    "behaviours.more": lambda: profile.behaviours(habits(), group="core"),
    "behaviours.little": lambda: profile.behaviours(habits(0.1), group="core"),
    "behaviours.less": lambda: profile.behaviours(habits(-1.5), group="core"),
    "clusters.found": lambda: profile.clusters(clusters()),
    "clusters.few": lambda: profile.clusters(clusters(0, np.nan, np.nan, 40)),
    "clusters.unstable": lambda: profile.clusters(clusters(0, 0.4, np.nan)),
    "clusters.one_cloud": lambda: profile.clusters(clusters(0, 0.95, 0.4)),
    "clusters.off": lambda: profile.clusters(clusters(0, np.nan, np.nan, 0)),
}
FORMULA = re.compile(r"\d+ 天|\d+ days?|k-means|[（(]Holm[^)）]*[)）]|5%")


def numbers(text: str) -> Counter[str]:
    """Figures of a sentence, without units and words that differ by language."""
    return Counter(re.findall(r"\d+(?:\.\d+)?", FORMULA.sub("", text).replace(",", "")))


@pytest.mark.parametrize("case", CASES)
def test_every_sentence_has_its_case_and_the_same_numbers_in_both_languages(case):
    """The table decides the case; English and Chinese tell the same figures."""
    key = case if case.startswith("campaign.") else f"lifecycle.{case}"
    with words.speaking("en", currency="CNY"):
        sentence = CASES[case]()
        english = sentence.text()
    with words.speaking("zh", currency="CNY"):
        chinese = CASES[case]().text()
    assert sentence.key == key
    assert numbers(english) == numbers(chinese)
    assert "{" not in english + chinese


def test_every_sentence_of_the_catalogues_is_reached():
    """No case of the catalogue is without a table that leads to it."""
    families = ("segments", "segment_returns", "profile", "behaviours", "clusters")
    known = {key for family in families for key in words.keys(f"lifecycle.{family}.")} | set(
        words.keys("campaign.segments.")
    )
    names = {"everyone", "stages", "rfm_groups", "with_others", "part", "name"}
    reached = {case if case.startswith("campaign.") else f"lifecycle.{case}" for case in CASES}
    assert {key for key in known if key.rsplit(".", 1)[1] not in names} == reached


def test_names_of_segments_and_stages_follow_the_language():
    """A segment has the company's name for it, a stage the catalogue's."""
    with words.speaking("zh"):
        found = [str(segments.name(NAMED, name)) for name in ("core", "big_city", "mature", "everyone")]
    assert found == ["核心用户", "big city", "成熟期", "全体用户"]
    with words.speaking("zh"):
        assert str(segments.split_name(NAMED, "core")) == "是否属于“核心用户”"
    assert segments.split_name(NAMED, "channel") is None


def test_the_table_for_reading_shows_value_and_interval():
    """One line per segment, one cell per measure; what is suppressed stays blank."""
    hidden = now()
    hidden.loc[0, ["users", "share_active", "arpu"]] = np.nan
    read = segments.readable(hidden, NAMED)
    assert str(read.loc[1, "share_active"]) == "50.0% (48.0% to 52.0%)"
    assert read.loc[0, "share_active"] is None
    assert segments.readable(now().tail(1), {}).empty


def test_charts_draw_what_there_is_and_nothing_else():
    """A figure where there are rows, none where there are none."""
    assert profile_charts.tgi(traits()) is not None
    assert profile_charts.tgi(traits().head(0)) is None
    assert profile_charts.behaviours(habits()) is not None
    assert profile_charts.behaviours(habits().head(0)) is None
    assert profile_charts.clusters(clusters()) is not None
    assert profile_charts.clusters(clusters(0)) is None
    assert charts.returning(returning(), NAMED) is not None
    assert charts.returning(returning(complete=False), NAMED) is None
    assert charts.campaign(campaign(), NAMED) is not None
    assert charts.campaign(campaign().tail(1), NAMED) is None


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_what_the_rule_counts_is_no_news(language):
    """A segment of frequent users is frequent: the headline names the farthest behaviour that the rule leaves open."""
    table = habits()
    first, *others = table.sort_values("standardised", key=abs, ascending=False)["behaviour"]
    plain = profile.behaviours(table, group="core").text(language)
    apart = profile.behaviours(table, group="core", counted=[first]).text(language)
    nothing_else = profile.behaviours(table, group="core", counted=[first, *others]).text(language)
    note = words.entry("lifecycle.behaviours_apart.some", language).fill({}, language)
    assert nothing_else == plain
    assert (apart != plain) == bool(others)
    assert apart.startswith(note) == bool(others)
    assert not plain.startswith(note)


def test_tables_name_segments_as_the_company_does():
    """No key of the settings stands where the reader expects a name; everybody is called everybody."""
    words.use("zh")
    shown = segments.by_name(now(), NAMED)["segment"]
    assert [str(name) for name in shown] == ["核心用户", "big city", "全体用户"]


def test_a_company_without_segments_gets_no_table_and_no_list():
    """Then the question goes among those without an answer, instead of three headings over nothing."""
    assert segments.by_name(now().tail(1), {}).empty
    assert segments.lists({}, Exports()) is None
