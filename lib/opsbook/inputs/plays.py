"""What a company does with each RFM group: the suggested play, who owns it, and how many contacts it may take."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RfmKey = Literal["HHH", "LHH", "HLH", "LLH", "HHL", "LHL", "HLL", "LLL"]


class Play(BaseModel):
    """One line of `plays` in the workbook; what is left out is the report's suggestion."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    play: str | None = Field(None, description="what to do with the group; none = the report's suggestion")
    play_zh: str | None = Field(None, description="the same in Chinese reports; none = `play`")
    owner: str | None = Field(None, description="team or person who does it")
    owner_zh: str | None = None
    contacts: Annotated[int, Field(ge=0)] | None = Field(
        None, description="contact budget: messages, calls and coupons the whole group may get in a period"
    )


Plays = dict[RfmKey, Play]
