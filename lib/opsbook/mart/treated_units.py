"""Whether the cities, regions or channels that a campaign's file calls treated are in the data at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs.comparison import Units
from opsbook.inputs.yaml_file import Place, located
from opsbook.mart.mart import Mart

PLACE = ("units", "treated")
EXAMPLES = 5


def refuse_missing_units(
    run: Any, mart: Mart, *, lines: Mapping[Place, int] | None = None, where: str | Path = ""
) -> None:
    """Raise ParameterError, with its line, counts and first examples, for treated units that no user belongs to.

    Refused too: a file that leaves no unit to compare with.
    """
    units: Units | None = getattr(run, "units", None)
    if units is None:
        return
    known = _users_of(mart, units.attribute)
    if says := _trouble(units, known):
        examples = ", ".join(f"{name} ({users} users)" for name, users in list(known.items())[:EXAMPLES])
        raise ParameterError(
            "The parameters are not usable",
            found=f"{located(PLACE, lines or {})}: {says}; {len(known)} values of `{units.attribute}` in the data: "
            f"{examples}{' …' if len(known) > EXAMPLES else ''}",
            where=where,
        )


def _users_of(mart: Mart, attribute: str) -> dict[str, int]:
    """Users per value of the attribute, most users first."""
    users = mart.users
    counted = users.group_by(name=users[attribute].cast("string")).agg(users=users.count()).to_pandas()
    known = counted.dropna(subset=["name"]).sort_values(["users", "name"], ascending=[False, True])
    return dict(zip(known["name"].astype(str), known["users"].astype(int), strict=True))


def _trouble(units: Units, known: Mapping[str, int]) -> str:
    missing = [name for name in units.treated if name not in known]
    if missing:
        shown = ", ".join(repr(name) for name in missing[:EXAMPLES])
        return f"{len(missing)} of {len(units.treated)} treated units have no user: {shown}"
    return "" if set(known) - set(units.treated) else "every unit is treated, so none is left to compare with"
