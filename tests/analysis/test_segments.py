"""A rule means the same to the engine and to plain Python, and agrees with the stages and RFM groups reports count."""

import ibis
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from opsbook.analysis import rfm, segments, stages
from opsbook.analysis.profile import MEASURES
from opsbook.inputs import periods
from opsbook.inputs.segments import ProfileSettings, Rule, Segment
from opsbook.inputs.workbook import StageRule, Thresholds
from small_company import COMPANIES, START, Company, day

# No shrinking: an example is a rule and a company in words, and each try asks the engine.
PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
FEW = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
MORE = settings(FEW, max_examples=10)
LIMITS = Thresholds(rfm_days=40)
GROUPS = {"social": ["post", "share"]}
CHANNELS = ["ads", "friend", None]
EVENTS = ["post", "share", "read"]
LAST = 45


def users_of(company: Company) -> pd.DataFrame:
    """The company's users with a channel; every third user has none."""
    users = company.users()
    return users.assign(channel=pd.Series([CHANNELS[user % 3] for user in users["user"]], dtype="string")).astype(
        {"life_start": "string"}
    )


def orders_of(company: Company) -> pd.DataFrame:
    """An order of 10 on every third active day, a refund row of its own on every seventh day."""
    rows = [(user, d, 10.0, True) for user, days in company.visits.items() for d in days if d % 3 == 0]
    rows += [(user, d, -4.0, False) for user, days in company.visits.items() for d in days if d % 7 == 0]
    table = pd.DataFrame(rows, columns=["user", "d", "net", "is_purchase"])
    table["day"] = pd.to_datetime([day(d) for d in table["d"]]).astype("datetime64[ns]")
    return table.astype({"user": "int64", "net": "float64", "is_purchase": "bool"})


def steps_of(company: Company) -> pd.DataFrame:
    """One event per user and active day, its name by the day."""
    rows = [(user, d, EVENTS[(user + d) % 3]) for user, days in sorted(company.visits.items()) for d in sorted(days)]
    table = pd.DataFrame(rows, columns=["user", "d", "event"]).astype({"user": "int64", "event": "string"})
    table["day"] = pd.to_datetime([day(d) for d in table["d"]]).astype("datetime64[ns]")
    return table


def everybody(company: Company, named: dict[str, Rule], last: int = LAST, limits: Thresholds = LIMITS):
    tables = (company.user_days(), users_of(company), orders_of(company), steps_of(company))
    asked = {"limits": limits, "event_groups": GROUPS, "as_of": day(last)}
    return segments.people(*tables, segments={name: Segment(rule=rule) for name, rule in named.items()}, **asked)


def chosen(company: Company, rule: Rule, last: int = LAST) -> set[int]:
    people = everybody(company, {"x": rule}, last)
    return set(segments.membership(people, ["x"]).to_pandas()["user"])


def by_hand(company: Company, rule: Rule, user: int, last: int) -> bool:
    """The rule read off plain sets."""
    if rule.all:
        return all(by_hand(company, part, user, last) for part in rule.all)
    if rule.any:
        return any(by_hand(company, part, user, last) for part in rule.any)
    if rule.not_:
        return not by_hand(company, rule.not_, user, last)
    visits = [d for d in company.visits.get(user, ()) if d <= last]
    if rule.attribute:
        value = CHANNELS[user % 3]
        if rule.missing is not None:
            return (value is None) == rule.missing
        return value is not None and value in (rule.in_ or (rule.equals,))
    tenure = last - company.life(user)
    if rule.since == "start_of_life" and rule.at_most is not None and not company.known(user):
        return False
    if rule.since:
        value = tenure if rule.since == "start_of_life" else (last - max(visits) if visits else tenure)
    else:
        recent = [d for d in visits if d > last - rule.within_days]
        if rule.count == "revenue":
            value = sum(10.0 * (d % 3 == 0) - 4.0 * (d % 7 == 0) for d in recent)
        elif rule.count:
            value = sum(d % 3 == 0 for d in recent) if rule.count == "orders" else len(recent)
        else:
            names = [rule.event] if rule.event else GROUPS[rule.event_group]
            value = sum(EVENTS[(user + d) % 3] in names for d in recent)
    return (rule.at_least is None or value >= rule.at_least) and (rule.at_most is None or value <= rule.at_most)


def rule(**given: object) -> Rule:
    return Rule.model_validate(given)


BOUNDS = st.sampled_from([{"at_least": 1}, {"at_least": 3}, {"at_most": 2}, {"at_least": 1, "at_most": 4}])
DAYS = st.sampled_from([3, 14, 60])
COUNTS = st.sampled_from(
    [{"count": "orders"}, {"count": "active_days"}, {"count": "revenue"}, {"event": "read"}, {"event_group": "social"}]
)
LEAVES = st.one_of(
    st.builds(lambda kind, days, bound: rule(**kind, within_days=days, **bound), COUNTS, DAYS, BOUNDS),
    st.builds(
        lambda since, bound, scale: rule(since=since, **{name: scale * value for name, value in bound.items()}),
        st.sampled_from(["last_activity", "start_of_life"]),
        BOUNDS,
        st.sampled_from([1, 10]),
    ),
    st.sampled_from(
        [
            rule(attribute="channel", equals="ads"),
            rule(attribute="channel", **{"in": ["ads", "friend"]}),
            rule(attribute="channel", missing=True),
            rule(attribute="channel", missing=False),
        ]
    ),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: rule(all=parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: rule(any=parts)),
        inner.map(lambda part: rule(**{"not": part})),
    ),
    max_leaves=5,
)


@MORE
@given(COMPANIES, st.lists(RULES, min_size=6, max_size=6), st.sampled_from([5, LAST]))
def test_the_engine_reads_a_rule_as_plain_python_does(company, rules, last):
    """Any tree of conditions holds for the same users in the engine and in a loop over sets."""
    people = everybody(company, {f"r{place}": one for place, one in enumerate(rules)}, last)
    found = segments.membership(people, [f"r{place}" for place in range(len(rules))]).to_pandas()
    alive = {user for user in company.people if company.life(user) <= last}
    for place, one in enumerate(rules):
        expected = {user for user in alive if by_hand(company, one, user, last)}
        assert set(found.loc[found["segment"] == f"r{place}", "user"]) == expected, one


@FEW
@given(COMPANIES, RULES)
def test_what_happens_later_changes_no_membership(company, one):
    """Cutting the data after the day leaves every membership of that day as it was."""
    assert chosen(company, one, 30) == chosen(company.until(30), one, 30)


@FEW
@given(COMPANIES, RULES)
def test_not_is_everybody_else(company, one):
    """A rule and its negation share nobody and leave nobody out, also where values are missing."""
    inside, outside = chosen(company, one), chosen(company, rule(**{"not": one}))
    assert not inside & outside
    assert inside | outside == {user for user in company.people if company.life(user) <= LAST}


STAGE_RULES = (
    StageRule(stage="lost", min_silent_days=21),
    StageRule(stage="introduction", max_tenure_days=9, max_active_days=3),
    StageRule(stage="mature", min_orders=2, max_silent_days=12),
    StageRule(stage="growth"),
)


@FEW
@given(COMPANIES, st.sampled_from([Thresholds(), Thresholds(stages=STAGE_RULES)]))
def test_stages_of_single_users_are_those_the_report_counts(company, limits):
    """Counting users by the stage they stand in gives the stock of `stages`."""
    found = everybody(company, {}, limits=limits).stage.to_pandas().value_counts()
    period = periods.between(day(LAST - 6), day(LAST))
    seen = {"data_start": START, "settled_through": day(59)}
    stock = stages.stage_stock(company.user_days(), users_of(company), rules=limits.stages, periods=[period], **seen)
    for one, users in zip(stock["stage"], stock["users"], strict=True):
        assert found.get(one, 0) == users


@FEW
@given(COMPANIES, st.sampled_from(["median", "mean", "value"]))
def test_rfm_groups_of_single_users_are_those_the_report_counts(company, cut):
    """Counting users by their RFM key gives the groups of `rfm`; users without an order have none."""
    values = {"recency_days": 9, "orders": 2, "revenue": 15.5}
    limits = Thresholds(rfm_days=40, rfm_cut=cut, rfm_values=values if cut == "value" else {})
    found = everybody(company, {}, limits=limits).rfm.to_pandas().value_counts()
    groups = rfm.rfm_groups(orders_of(company), as_of=day(LAST), window_days=40, cut=cut, values=values)
    for key, users in zip(groups["key"], groups["users"], strict=True):
        assert found.get(key, 0) == users


COMPANY = Company({1: frozenset({40, 44}), 2: frozenset({3}), 4: frozenset({45, 46})}, {3: 44, 5: 50})


def test_a_user_may_be_in_several_segments_and_later_users_in_none():
    """Segments overlap; who is born after the day is nobody yet."""
    named = {"alive": rule(since="start_of_life", at_least=0), "ads": rule(attribute="channel", equals="ads")}
    found = segments.membership(everybody(COMPANY, named), list(named)).to_pandas()
    assert sorted(map(tuple, found[["user", "segment"]].to_numpy())) == [
        (1, "alive"),
        (2, "alive"),
        (3, "ads"),
        (3, "alive"),
        (4, "alive"),
    ]


def test_an_event_that_never_happened_is_named():
    """A misspelt event makes an empty segment without an error, so the report names it."""
    one, two = rule(event="read", within_days=3, at_least=1), rule(event="raed", within_days=3, at_least=1)
    named = {"a": Segment(rule=one), "b": Segment(rule=rule(all=[one, two]))}
    assert segments.unseen_events(steps_of(COMPANY), named) == ["raed"]
    assert segments.unseen_events(steps_of(COMPANY), {}) == []


def test_without_segments_there_is_no_membership():
    """A company that named nothing has an empty table, not an error."""
    assert len(segments.membership(everybody(COMPANY, {}), []).to_pandas()) == 0


def test_the_list_for_operations_holds_the_companys_own_ids():
    """One row per user of the segment in the order of ids, with the day and a few facts."""
    users = users_of(COMPANY).assign(user_id=lambda table: "u" + table["user"].astype("string"))
    tables = (COMPANY.user_days(), users, orders_of(COMPANY), steps_of(COMPANY))
    asked = {"segments": {}, "limits": LIMITS, "event_groups": {}, "as_of": day(LAST)}
    people = segments.people(*tables, **asked)
    rows = segments.roster(people, segment=people.stage, as_of=day(LAST)).to_pandas()
    assert list(rows) == segments.ROSTER
    assert list(rows["user_id"]) == ["u1", "u2", "u3", "u4"]
    assert rows["as_of"].astype(str).str[:10].unique().tolist() == [str(day(LAST))]


def test_users_are_split_by_a_segment_of_attributes_only():
    """The curves of notebook 02 get a column that says in or out; an ordinary column stays what it is."""
    named = {"by_ads": Segment(rule=rule(attribute="channel", equals="ads"))}
    split = segments.split_users(users_of(COMPANY), named, by="by_ads").order_by("user").to_pandas()
    assert split["by_ads"].tolist() == ["outside", "outside", "in_segment", "outside", "outside"]
    assert "by_ads" not in segments.split_users(users_of(COMPANY), named, by="channel").columns


@pytest.mark.parametrize(
    ("wanted", "named", "expected"),
    [(None, {}, "mature"), (None, {"a": 1, "b": 2}, "a"), ("b", {"a": 1, "b": 2}, "b"), ("lost", {"a": 1}, "lost")],
)
def test_whom_the_profile_is_about(wanted, named, expected):
    """The named segment or stage, else the first segment, else the mature stage."""
    assert segments.profiled(ProfileSettings(segment=wanted), named) == expected


def test_a_group_is_a_segment_or_a_stage():
    """The profile's flag says who belongs to the segment, or stands in the stage, of that name."""
    people = everybody(COMPANY, {"ads": rule(attribute="channel", equals="ads")})
    by_segment = segments.grouped(people, "ads").filter(ibis._.group).to_pandas()["user"].tolist()
    by_stage = segments.grouped(people, "lost").filter(ibis._.group).to_pandas()["user"].tolist()
    assert (by_segment, by_stage) == ([3], [2])


def test_the_behaviours_that_a_rule_counts_are_named():
    """Orders and active days of a rule, and their like, are no news in its profile; a stage's are its own bounds."""
    both = {"all": [{"count": "orders", "within_days": 90, "at_least": 2}, {"attribute": "channel", "equals": "ads"}]}
    named = {"buyers": Segment(rule=rule(**both)), "ads": Segment(rule=rule(attribute="channel", equals="ads"))}
    assert segments.counted_behaviours("buyers", named) == {"orders_90", "revenue_90"}
    assert segments.counted_behaviours("ads", named) == set()
    assert "active_days_28" in segments.counted_behaviours("mature", named)
    assert set().union(*segments.BEHIND.values()) == set(MEASURES)
