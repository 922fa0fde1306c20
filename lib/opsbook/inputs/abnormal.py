"""What makes a participant look abnormal: the rules of the screen, with thresholds that a campaign file may change."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from opsbook.inputs.workbook import Typed

Number = Annotated[int, Field(ge=1)]


class AbnormalRules(Typed):
    """Three rules; a participant who meets `rules_met` of them is listed, fewer are usual."""

    tree_users: Number = Field(6, description="users of one invitation tree who signed up around the campaign")
    tree_days: Number = Field(7, description="sign-ups count from so many days before the start to the end")
    instant_minutes: Annotated[float, Field(gt=0)] = Field(10.0, description="from sign-up to the reward or to joining")
    silent_days: Number = Field(14, description="no active day in so many days after the reward or joining")
    rules_met: Annotated[int, Field(ge=1, le=3)] = Field(2, description="rules a listed participant meets at least")
