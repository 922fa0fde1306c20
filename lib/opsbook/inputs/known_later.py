"""Attributes that are only known after the fact, such as how long a call lasted: they may not choose or split users.

A long call is one in which somebody was being convinced: picking users by it picks them by the outcome.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.segments import Rule

WHY = "is only known after the fact (known_later of tables.users): choosing users by it chooses them by the outcome"


def later_names(key: str, rule: Rule | None, later: Collection[str]) -> Iterator[str]:
    """A sentence for each condition of the rule that asks for such an attribute."""
    for leaf in rule.leaves if rule else ():
        if leaf.attribute in later:
            yield f"{key}: the attribute `{leaf.attribute}` {WHY}"


def refuse_known_later(run: Any, workbook: Any, *, where: object = "") -> None:
    """Raise ParameterError when a run splits by, explains with or chooses by an attribute known after the fact."""
    later = set(workbook.known_later)
    asked = [getattr(run, "segment", ""), *getattr(run, "covariates", [])]
    found = [f"the attribute `{name}` {WHY}" for name in asked if name in later]
    found += later_names("audience_rule", getattr(run, "audience_rule", None), later)
    if found:
        fix = "use what was known before: an attribute, or behaviour up to the day before the start"
        raise ParameterError("The parameters are not usable", found="; ".join(found), fix=fix, where=str(where))
