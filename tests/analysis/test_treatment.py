"""Who got a campaign that no lot was drawn for."""

import pandas as pd
import pytest

from opsbook.analysis import treatment
from opsbook.mart.tables import engine_table

EVE = pd.DataFrame({"user": [1, 2, 3], "in:campaign_treated": [True, False, True]})
REACHED = engine_table(pd.DataFrame({"user": [2, 3], "exposed": [True, False], "participated": [True, True]}))


def marked(eve, comparison, units=None):
    found = treatment.users(engine_table(eve), REACHED, comparison=comparison, units=units)
    return None if found is None else found.order_by("user").to_pandas()["treated"].tolist()


def test_the_rule_decides_where_there_is_one():
    """Users for whom the rule held on the eve are the treated."""
    assert marked(EVE, "did") == [True, False, True]


def test_without_a_rule_those_who_were_shown_it_are_treated_and_never_the_participants():
    """Being shown it counts; a participant who was not shown it does not."""
    assert marked(EVE[["user"]], "weighted") == [False, True, False]


@pytest.mark.parametrize(("comparison", "units"), [("holdout", None), ("before_after", None), ("did", object())])
def test_other_comparisons_mark_nobody(comparison, units):
    """A lot, before/after, or whole units have no marked users."""
    assert marked(EVE, comparison, units) is None
