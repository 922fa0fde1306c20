"""Treated units that nobody belongs to are refused with line, counts and first examples before anything is compared."""

from types import SimpleNamespace

import pandas as pd
import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.comparison import Units
from opsbook.mart.tables import engine_table
from opsbook.mart.treated_units import refuse_missing_units

USERS = pd.DataFrame({"user": range(6), "city": ["Lyon", "Lyon", "Lyon", "Nice", "Nice", None]})
MART = SimpleNamespace(users=engine_table(USERS))


def refuse(*treated):
    run = SimpleNamespace(units=Units(attribute="city", treated=list(treated)))
    refuse_missing_units(run, MART, lines={("units", "treated"): 7}, where="spring.yaml")


def test_units_in_the_data_are_accepted():
    """Known cities with others left to compare with raise nothing; nor does a campaign without units."""
    refuse("Nice")
    refuse_missing_units(SimpleNamespace(units=None), MART)


@pytest.mark.parametrize(
    ("treated", "said"),
    [
        (["Nizza", "Nice"], "1 of 2 treated units have no user: 'Nizza'"),
        (["Nice", "Lyon"], "every unit is treated, so none is left to compare with"),
    ],
)
def test_units_that_cannot_be_compared_are_refused(treated, said):
    """The error names the line, how many are missing, and the largest units that are there; exit code 2."""
    with pytest.raises(ParameterError) as raised:
        refuse(*treated)
    told = str(raised.value)
    assert raised.value.exit_code == 2
    assert "`units.treated` (line 7)" in told
    assert said in told
    assert "2 values of `city` in the data: Lyon (3 users), Nice (2 users)" in told
