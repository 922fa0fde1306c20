"""Whether a campaign is judged as it was promised to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

COLUMNS = ["field", "registered", "now", "changed"]


def compared(registered: Mapping[str, Any] | None, now: Mapping[str, Any]) -> pd.DataFrame:
    """Each promise beside what the campaign's file says today.

    registered: what was promised, None when nothing was; now: the same of today's file
    returns:    one row per field -- field, registered, now (as text), changed (bool); no rows without a registration

    >>> from opsbook import registered
    >>> promised, today = {"target": 1500, "channels": ["push"]}, {"target": 1200, "channels": ["push"]}
    >>> print(registered.compared(promised, today).to_string(index=False))
       field registered  now  changed
      target       1500 1200     True
    channels       push push    False
    """
    if registered is None:
        return pd.DataFrame(columns=COLUMNS)
    fields = [*registered, *(name for name in now if name not in registered)]
    rows = [[name, _text(registered.get(name)), _text(now.get(name))] for name in fields]
    told = pd.DataFrame(rows, columns=COLUMNS[:3])
    return told.assign(changed=told["registered"] != told["now"])[COLUMNS]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{name} = {_text(part)}" for name, part in value.items() if part not in (None, "", [], {}))
    if isinstance(value, list | tuple):
        return ", ".join(_text(part) for part in value)
    return "" if value is None else str(value)
