"""Segments in workbook.yaml: a rule is a tree of typed conditions, and every mistake is one readable error."""

import re
from pathlib import Path

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.segments import Segment, at_start, refuse_later_segment
from opsbook.inputs.workbook import read_workbook

WORKBOOK = """\
company: {key: a, name: A}
tables:
  users: {path: users.csv, attributes: [city_tier]}
  events: {path: events.csv}
event_groups: {reading: [read]}
"""


def read(tmp_path, more):
    path = tmp_path / "workbook.yaml"
    path.write_text(WORKBOOK + more, encoding="utf-8")
    return read_workbook(path)


def with_rule(rule):
    return f"segments:\n  core:\n    rule: {rule}\n"


@pytest.mark.parametrize(
    "rule",
    [
        "{attribute: city_tier, equals: NO}",
        "{attribute: channel, in: [a, b]}",
        "{attribute: channel, missing: true}",
        "{count: orders, within_days: 90, at_least: 2}",
        "{event: read, within_days: 7, at_most: 0}",
        "{event_group: reading, within_days: 7, at_least: 1, at_most: 3}",
        "{since: last_activity, at_least: 7}",
        "{stage: mature}",
        "{rfm: [HHH, HLH]}",
        "{all: [{stage: [mature]}, {any: [{rfm: HHH}, {not: {attribute: channel, equals: a}}]}]}",
    ],
)
def test_every_kind_of_condition_can_be_written(tmp_path, rule):
    """Attributes, counts, silence, age, stage and RFM group, joined by all, any and not."""
    assert list(read(tmp_path, with_rule(rule)).segments) == ["core"]


def test_words_stay_text(tmp_path):
    """`NO` and `001` are texts of the company, not false and one."""
    rule = read(tmp_path, with_rule("{attribute: city_tier, in: [NO, 001]}")).segments["core"].rule
    assert rule.in_ == ("NO", "001")


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{attribut: channel}", ["segments.core.rule.attribut", "did you mean attribute?"]),
        ("{attribute: channl, equals: a}", ["segments.core", "'channl' does not exist", "did you mean channel?"]),
        ("{attribute: channel}", ["segments.core.rule", "exactly one of `equals`, `in`, `missing`"]),
        ("{attribute: channel, equals: a, within_days: 3}", ["`within_days` does not belong to `attribute`"]),
        ("{event_group: readin, within_days: 3, at_least: 1}", ["'readin' does not exist", "did you mean reading?"]),
        ("{count: orders, at_least: 1}", ["`count` needs `within_days`"]),
        ("{count: orders, within_days: 9}", ["`count` needs `at_least` or `at_most`"]),
        ("{count: order, within_days: 9, at_least: 1}", ["segments.core.rule.count", "'orders'"]),
        ("{stage: matur}", ["segments.core.rule.stage", "did you mean mature?"]),
        ("{rfm: [HXH]}", ["segments.core.rule.rfm", "'HXH' does not exist"]),
        ("{stage: mature, rfm: HHH}", ["exactly one of", "found stage, rfm"]),
        ("{}", ["exactly one of", "found none"]),
        ("{all: []}", ["segments.core.rule.all"]),
        ("{all: [{not: {stge: mature}}]}", ["rule.all.0.not.stge", "did you mean stage?"]),
        ("{event: read, within_days: x, at_least: 1}", ["segments.core.rule.within_days", "(line 8)"]),
        ("{sql: 'drop table users'}", ["segments.core.rule.sql", "is not a known key"]),
    ],
)
def test_mistakes_name_key_expectation_and_the_nearest_word(tmp_path, rule, words):
    """An operator reads which key is wrong, what was expected, and what was probably meant."""
    with pytest.raises(ParameterError) as raised:
        read(tmp_path, with_rule(rule))
    for word in words:
        assert word in str(raised.value)


@pytest.mark.parametrize("name", ["Core", "core-users", "mature", "everyone", "channel", "city_tier", "核心"])
def test_a_segment_may_not_take_a_name_that_stands_for_something_else(tmp_path, name):
    """The key names files and columns: attributes, stages and the words for everybody are taken."""
    with pytest.raises(ParameterError, match=f"segments.{name}"):
        read(tmp_path, f"segments:\n  {name}:\n    rule: {{stage: mature}}\n")


def test_the_profiled_segment_must_exist(tmp_path):
    """A profile of nobody is refused with the nearest name."""
    with pytest.raises(ParameterError, match="did you mean core"):
        read(tmp_path, with_rule("{stage: mature}") + "profile: {segment: cor}\n")


def test_names_fall_back_from_chinese_to_english_to_the_key():
    """A report never lacks a name for a segment."""
    bare, named = (Segment.model_validate({"rule": {"stage": "mature"}} | more) for more in ({}, {"name_zh": "核心"}))
    assert (bare.label("my_core", "zh"), named.label("my_core", "zh"), named.label("my_core", "en")) == (
        "my core",
        "核心",
        "my core",
    )


@pytest.mark.parametrize(
    ("rule", "refused"),
    [
        ({"attribute": "channel", "equals": "a"}, False),
        (
            {"any": [{"attribute": "channel", "equals": "a"}, {"not": {"attribute": "channel", "missing": "true"}}]},
            False,
        ),
        ({"stage": "mature"}, True),
        (
            {"all": [{"attribute": "channel", "equals": "a"}, {"count": "orders", "within_days": 9, "at_least": 1}]},
            True,
        ),
        ({"since": "start_of_life", "at_most": 9}, True),
    ],
)
def test_only_attributes_may_split_survival_curves(rule, refused):
    """A segment that users come to belong to later is refused as immortal time, naming the landmark as the way."""
    segments = {"core": Segment.model_validate({"rule": rule})}
    if not refused:
        return refuse_later_segment(segments, "core")
    with pytest.raises(ParameterError, match="immortal time") as raised:
        refuse_later_segment(segments, "core")
    assert "segment_landmark_days: 14" in str(raised.value)
    return refuse_later_segment(segments, "core", landmark_days=14)


def test_sections_from_the_first_day_on_split_by_channel_where_the_segment_is_known_later():
    """A segment of attributes and a plain column stay; one of behaviour gives way to the channel."""
    rules = {"core": {"stage": "mature"}, "paid": {"attribute": "channel", "equals": "ads"}}
    named = {key: Segment.model_validate({"rule": rule}) for key, rule in rules.items()}
    assert [at_start(named, name) for name in ("core", "paid", "platform")] == ["channel", "paid", "platform"]


def test_every_yaml_of_the_segments_page_is_accepted(tmp_path):
    """What docs/segments.md shows can be copied into a workbook as it stands."""
    page = (Path(__file__).parents[2] / "docs/segments.md").read_text(encoding="utf-8")
    book = read(tmp_path, "".join(re.findall(r"```yaml\n(.*?)```", page, re.S)))
    assert list(book.segments) == ["paying_core", "big_city"]
    rules = [
        rule for line in re.findall(r"^\| (`\{.*?) \|", page, re.M) for rule in re.findall(r"`(\{[^…]*?\})`", line)
    ]
    assert len(rules) == 8
    for rule in rules:
        assert read(tmp_path, with_rule(rule)).segments
