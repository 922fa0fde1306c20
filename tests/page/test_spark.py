"""The line the size of a word: laws of the picture for whatever values come, and its words in both languages."""

import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.page import words
from opsbook.page.spark import DRAWN, spark
from opsbook.page.trend import trend, trend_sentence

WIDTH, HEIGHT = 160, 36
NUMBER = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0, 1)
POINTS = st.lists(st.tuples(st.text(max_size=8), NUMBER, NUMBER, NUMBER), max_size=40)
SHARES = st.lists(st.tuples(st.just("2026-W43: 12.1%"), *[st.floats(0, 1)] * 3), min_size=1, max_size=60)


def plain(*values):
    """Points without names and intervals."""
    return [("", value, None, None) for value in values]


def drawn(points, **more):
    """The picture as XML, with its label read back."""
    return ElementTree.fromstring(spark(points, label="A & B", **more))


def places(path):
    """Every place a path comes to, per subpath, from its steps."""
    found = []
    for start, steps in re.findall(r"M([\d. -]+)l?([^Mzh]*)", path):
        x, y = map(int, start.split())
        run = [(x, y)]
        numbers = [int(one) for one in re.findall(r"-?\d+", steps)]
        for across, down in zip(numbers[::2], numbers[1::2], strict=True):
            x, y = x + across, y + down
            run.append((x, y))
        found.append(run)
    return found


def path_of(picture, kind):
    """The path of a class, "" where there is none."""
    return next((one.get("d") for one in picture if one.get("class") == kind), "")


@given(POINTS, st.none() | NUMBER)
def test_whatever_comes_lies_inside_the_box(points, target):
    """Every place of line, band, target and dots lies inside the picture; nothing known draws nothing."""
    known = [value for _, value, *_ in points[-DRAWN:] if value is not None and math.isfinite(value)]
    if not known:
        assert spark(points, label="", target=target) == ""
        return
    picture = drawn([(re.sub(r"[^ -~]", "", name), *rest) for name, *rest in points], target=target)
    assert picture.get("viewBox") == f"0 0 {2 * WIDTH} {2 * HEIGHT}"
    all_places = [place for one in picture if one.get("d") for run in places(one.get("d")) for place in run]
    all_places += [(int(one.get("cx")), int(one.get("cy"))) for one in picture if one.get("cx")]
    assert all(5 <= x <= 2 * WIDTH - 5 and 5 <= y <= 2 * HEIGHT - 5 for x, y in all_places)


@given(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=DRAWN))
def test_each_known_value_is_drawn_once_and_a_missing_one_is_a_gap(values):
    """The line has as many places as values are known, and one part per stretch without a gap."""
    if not any(value is not None for value in values):
        return
    parts = places(path_of(drawn(plain(*values)), "line"))
    stretches = re.findall("x+", "".join("-" if value is None else "x" for value in values))
    assert [len(part) for part in parts] == [len(stretch) for stretch in stretches]


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=DRAWN))
def test_higher_is_never_drawn_lower(values):
    """The order of values is the order of heights, up to the half pixel they are rounded to."""
    (line,) = places(path_of(drawn(plain(*values)), "line"))
    pairs = sorted(zip(values, [-y for _, y in line], strict=True))
    assert [height for _, height in pairs] == sorted(height for _, height in pairs)
    assert [x for x, _ in line] == sorted(x for x, _ in line)


@given(st.floats(-1e300, 1e300), st.integers(1, DRAWN))
def test_a_constant_stands_in_the_middle_without_marks_of_low_and_high(value, times):
    """Where nothing changes, nothing is lowest or highest."""
    picture = drawn(plain(*[value] * times))
    (line,) = places(path_of(picture, "line"))
    assert {y for _, y in line} == {HEIGHT}
    assert [one.get("class") for one in picture if one.get("cx")] == ["last"]


@given(SHARES)
def test_it_weighs_little_and_is_the_same_twice(points):
    """A line of shares with intervals, names, a target and a sentence for a label stays under 1.2 KB."""
    made = spark(points, label="26 periods, from 12.1% (2026-W18) to 13.0% (2026-W43)", target=0.5)
    assert len(made.encode()) < 1200
    assert made == spark(points, label="26 periods, from 12.1% (2026-W18) to 13.0% (2026-W43)", target=0.5)


def test_dots_stand_at_the_lowest_the_highest_and_the_last_value():
    """Each dot carries the name of its point, which a browser shows on hovering."""
    picture = drawn(
        [("a", 2.0, None, None), ("b", 1.0, None, None), ("c", 3.0, None, None), ("d & e", 2.5, None, None)]
    )
    named = {one.get("class"): one.findtext("title") for one in picture if one.get("cx")}
    assert named == {"low": "b", "high": "c", "last": "d & e"}


def test_the_band_reaches_from_low_to_high_end():
    """The interval's ends are drawn where line and target of the same values stand."""
    points = [("", 2.0, 1.0, 3.0), ("", 2.0, 1.0, 3.0), ("", 2.0, None, 3.0)]
    (band,) = places(path_of(drawn(points), "band"))
    line, _ = places(path_of(drawn(plain(1.0, 3.0)), "line"))[0]
    assert len(band) == 4
    assert {y for _, y in band} == {line[1], 2 * HEIGHT - line[1]}


def test_an_interval_that_stands_alone_can_be_seen():
    """One point with an interval between gaps has a band of some width."""
    (band,) = places(path_of(drawn([("", None, 1.0, 2.0), ("", 1.5, 1.0, 2.0), ("", 1.5, None, None)]), "band"))
    assert max(x for x, _ in band) - min(x for x, _ in band) == 6


def test_the_target_widens_the_scale():
    """A target above all values is inside the picture, and the line then lies below it."""
    picture = drawn(plain(1.0, 2.0), target=10.0)
    (goal,), (line,) = places(path_of(picture, "target")), places(path_of(picture, "line"))
    assert goal[0][1] < min(y for _, y in line)


def test_the_picture_asks_for_nothing_and_names_nothing():
    """No id, style or address that could clash or be refused; the label is escaped and heard as one picture."""
    made = spark([("<b>", 1.0, 0.0, 2.0), ("", 2.0, None, None)], label='"<b>"')
    assert not re.search(r"\sid=|\sstyle=|//|<b>", made)
    assert ElementTree.fromstring(made).get("aria-label") == '"<b>"'
    assert ElementTree.fromstring(made).get("role") == "img"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "2 periods, from 12.1% (2026-04) to 13.0% (2026-06)"),
        ("zh", "2 期，从 12.1%（2026-04）到 13.0%（2026-06）"),
    ],
)
def test_the_label_tells_first_and_last_value(language, told):
    """The sentence counts the periods that have a value and formats them as the unit's readers expect."""
    points = [("2026-04", 0.121, None, None), ("2026-05", None, None, None), ("2026-06", 0.13, 0.12, 0.14)]
    with words.speaking(language):
        assert f'aria-label="{told}"' in trend(points, unit="share")


def test_a_number_that_was_never_known_has_no_trend():
    """Without any value there is neither picture nor sentence; one value is told as one."""
    assert trend([("2026-04", None, None, None)], unit="share") == ""
    assert trend_sentence([], unit="share") is None
    assert trend_sentence([("2026-04", 5.0, None, None)], unit="users").text() == "1 period: 5 (2026-04)"
