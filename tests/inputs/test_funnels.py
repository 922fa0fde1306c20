"""Funnels in the workbook: short forms and groups; settings that contradict each other are refused by name."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from opsbook.inputs.funnels import Funnel, default_funnel, expanded


def funnel(**options):
    """A funnel of three steps, changed."""
    return Funnel.model_validate({"name": "f", "steps": ["view", "cart", "order"]} | options)


def test_a_step_is_an_event_a_group_or_any_of_several():
    """A plain text, `event` and `any_of` name a step; a group of the workbook stands for its events."""
    given = funnel(steps=["view", {"event": "shopping", "name": "shops"}, {"any_of": ["order", "book"]}])
    (whole,) = expanded([given], {"shopping": ["cart", "wish"]})
    assert whole.names == ("view", "shops", "order / book")
    assert [whole.events(k) for k in (1, 2, 3)] == [("view",), ("cart", "wish"), ("order", "book")]


def test_spans_are_written_with_their_unit():
    """`within` reads minutes, hours, days and weeks, and never exceeds the window."""
    given = funnel(steps=["view", {"event": "cart", "within": "90 minutes"}, {"event": "order", "within": "2 weeks"}])
    assert given.within(2) == timedelta(minutes=90)
    assert given.within(3) == timedelta(days=7)


def test_sign_up_is_the_first_name():
    """With `entry: signup` the sign-up stands before the first event."""
    assert funnel(entry="signup").names == ("sign_up", "view", "cart", "order")
    assert funnel(entry="signup").events(1) == ()


def test_exclusion_applies_between_its_two_steps():
    """Events excluded after the cart do not matter on the way to the cart."""
    given = funnel(exclude=["quit", {"event": "refund", "after": "cart"}])
    assert [given.excluded(k) for k in (2, 3)] == [("quit",), ("quit", "refund")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": ["view"]}, "at least two steps"),
        ({"steps": ["view", "view"]}, "different names"),
        ({"steps": ["view", {"event": "cart", "optional": "true"}]}, "last step cannot be optional"),
        ({"steps": [{"event": "view", "within": "1 day"}, "cart"]}, "no step before it"),
        ({"steps": ["view", {"event": "cart", "within": "soon"}]}, "a number and a unit"),
        ({"steps": ["a", {"event": "b", "within": "1 day"}], "mode": "any_order"}, "need an order"),
        ({"exclude": ["quit"], "mode": "strict"}, "mean nothing there"),
        ({"exclude": [{"event": "quit", "after": "carts"}]}, "names carts"),
        ({"exclude": [{"event": "quit", "after": "order", "before": "cart"}]}, "ends before it begins"),
        ({"exclude": [{"event": "quit", "after": "view"}], "mode": "any_order"}, "cannot lie between"),
        ({"hold": "price"}, "campaign_id"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options, message):
    """What cannot be meant is refused with the name of the step or setting."""
    with pytest.raises(ValidationError, match=message):
        funnel(**options)


def test_steps_may_not_share_an_event():
    """An event of two steps, also by way of a group, is refused: one event cannot be both."""
    with pytest.raises(ValueError, match="share the event cart"):
        expanded([funnel(steps=["shopping", "cart"])], {"shopping": ["view", "cart"]})
    with pytest.raises(ValueError, match="different names"):
        expanded([funnel(), funnel()], {})


def test_default_follows_the_groups_in_their_order():
    """Without a definition the event groups follow each other, without repeats; one is no funnel."""
    found = default_funnel({"view": ["pv"], "again": ["pv", "fav"], "intent": ["cart"], "purchase": ["buy"]})
    assert found is not None
    assert found.names == ("view", "intent", "purchase")
    assert default_funnel({"view": ["pv"]}) is None
