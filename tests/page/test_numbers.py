import numpy as np
import pytest

from opsbook.errors import OperatorError
from opsbook.page import desk, words
from opsbook.page.numbers import UNITS, number

BARE = dict.fromkeys(["low", "high", "n", "previous", "change", "change_low", "change_high", "target"])


def made(value, unit="users", **told):
    return number("actives", "Active users", value, unit=unit, method="count", **(BARE | told))


def test_the_change_of_a_count_is_a_share_of_the_previous_value():
    """110 after 100 is up 10 %."""
    assert made(110, previous=100).change == pytest.approx(0.10)
    assert made(110, previous=100).card()["change"] == "up 10.0% on the previous period"


def test_the_change_of_a_share_is_a_difference():
    """41 % after 40 % is up one point, not 2.5 %."""
    assert made(0.41, unit="share", previous=0.40).change == pytest.approx(0.01)
    assert made(0.41, unit="share", previous=0.40).card()["change"] == "up 1.0 points on the previous period"


def test_a_change_whose_interval_covers_zero_is_not_called_up():
    """Words never claim more than the interval."""
    card = made(110, previous=100, change_low=-0.02, change_high=0.2).card()
    assert (card["direction"], card["change"]) == ("unclear", "no clear change (+10.0%)")


def test_a_large_change_of_a_handful_is_not_called_no_change():
    """Six after eleven: nobody can tell, and nobody is told that nothing happened."""
    card = made(6, previous=11, change_low=-0.8, change_high=0.475).card()
    assert (card["direction"], card["change"]) == ("open", "−45.5%, too few to tell")


def test_a_change_judged_by_earlier_ones_is_told_as_usual():
    """A month that grows as the months before is not called unchanged; one that grows beyond them is up."""
    card = made(5785, previous=5527, change_low=-0.017, change_high=0.115, usual=True).card()
    assert card["change"] == "+4.7%, within the usual fluctuation"
    wide = made(130_000, previous=100_000, change_low=-0.1, change_high=0.8, usual=True).card()
    assert wide["change"] == "+30.0%, within the usual fluctuation"
    assert made(6500, previous=5527, change_low=0.1, change_high=0.25, usual=True).card()["direction"] == "up"


def test_a_further_number_must_be_clear_among_several():
    """What a 95 % interval calls up by a hair is chance among six numbers; what lies far from zero still rises."""
    near, far = {"change_low": 0.001, "change_high": 0.199}, {"change_low": 0.06, "change_high": 0.14}
    assert made(110, previous=100, **near).direction() == "up"
    card = made(110, previous=100, **near, further=True).card()
    assert (card["direction"], card["change"]) == ("alone", "+10.0%, may be chance")
    assert made(110, previous=100, **far, further=True).direction() == "up"


def test_further_numbers_rarely_rise_by_chance():
    """Five numbers without any change: in 95 of 100 reports or more none is called up or down."""
    draws = np.random.default_rng(3).normal(size=(2000, 5))
    shown = [
        [made(1, change=z, change_low=z - 1.96, change_high=z + 1.96, further=True).direction() for z in row]
        for row in draws
    ]
    alarms = np.mean([bool({"up", "down"} & set(row)) for row in shown])
    assert 0.03 < alarms < 0.06


def test_nothing_is_compared_with_nothing():
    """A previous value of 0 or none gives no change."""
    assert made(5, previous=0).card()["change"] == ""
    assert made(5).card()["direction"] == ""


def test_a_fall_is_told_without_a_second_minus():
    """Down 5 %, not down −5 %."""
    assert made(95, previous=100).card()["change"] == "down 5.0% on the previous period"


def test_chinese_compares_with_the_field_s_own_word():
    """环比 is the word for against the previous period."""
    words.use("zh")
    assert made(95, previous=100).card()["change"] == "环比下降 5.0%"


def test_an_unknown_unit_lists_the_known_ones():
    """A misspelt unit is refused."""
    with pytest.raises(OperatorError, match="use one of users"):
        made(5, unit="user")


@pytest.mark.parametrize("unit", sorted(UNITS))
@pytest.mark.parametrize("value", [0, 1.5, None, float("nan")])
def test_every_unit_shows_every_value(unit, value):
    """Zero, fractions and missing values make a card in every unit; JSON gets null for what is missing."""
    shown = made(value, unit=unit, low=value, high=value, previous=value, target=value)
    assert shown.card()["value"]
    assert shown.result()["value"] in (value, None)


@pytest.mark.parametrize(
    ("counted", "n", "english", "chinese"),
    [
        ("goals", 1, "1 goal", "1 个目标"),
        ("goals_with_cost", 3, "3 goals, cost included", "3 个目标（含成本）"),
        ("expenses", 3, "3 expenses", "共 3 笔费用"),
        ("silences", 12, "n = 12 silences", "n = 12 段沉默期"),
        ("expenses_open", 2, "2 expenses; others planned are not booked", "已入账 2 笔，另有预算未入账"),
        ("groups", 3, "n = 3 users in the two groups", "n = 3 人（两组合计）"),
        ("", 3, "n = 3 users", "n = 3 人"),
    ],
)
def test_a_card_says_what_was_counted(counted, n, english, chinese):
    """Three goals stand as 3 goals, n without a noun is users, and results.json knows nothing of the noun."""
    shown = made(0.9, unit="share", n=n, counted=counted)
    for language, told in (("en", english), ("zh", chinese)):
        with words.speaking(language):
            assert shown.card()["n"] == told
    assert not {"counted", "no_effect"} & set(shown.result())


def test_reaching_all_goals_still_says_of_how_many():
    """2 of 2 goals: the count stays, though it equals the value; a plain count of users is not told twice."""
    assert made(2, n=2, counted="of_goals").card()["n"] == "of 2"
    assert made(2, n=2).card()["n"] == ""


def test_a_change_that_is_no_effect_has_neither_arrow_nor_colour():
    """Before and after alone is told signed, as no effect, and points nowhere."""
    shown = made(110, previous=100, no_effect=True)
    assert shown.card()["direction"] == ""
    assert shown.card()["change"] == "+10.0% against as many days before; no proof of an effect"
    assert "▲" not in desk.number(shown.card())
    with words.speaking("zh"):
        assert shown.card()["change"] == "比活动前同样天数 +10.0%，不能算效果"


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        (0.826, "1.4 points below the target 84.0%", "低于目标 84.0% 1.4 个百分点"),
        (0.857, "1.7 points above the target 84.0%", "高于目标 84.0% 1.7 个百分点"),
        (0.8396, "target 84.0%", "目标 84.0%"),
    ],
)
def test_a_share_stands_beside_its_target_in_points(value, english, chinese):
    """98 % of a target of 84 % sounds like nearly there: the gap is told, and on which side, not whether it is good."""
    for language, told in (("en", english), ("zh", chinese)):
        with words.speaking(language):
            assert made(value, unit="share", target=0.84).card()["target"] == told
