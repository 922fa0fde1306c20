"""What was promised of a campaign before it began: outputs/registrations/<company>/<campaign>.json, never rewritten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from opsbook.inputs.run_params import CampaignRun

FOLDER = "registrations"
FIELDS = (
    "start", "end", "after_days", "comparison", "experiment_id", "control", "control_share", "variants", "treated",
    "units", "primary_arms", "monitoring", "primary_metric", "worthwhile_lift", "goals", "guardrails", "audience_rule",
    "participation_events", "conversion_events",
)  # fmt: skip


def promised(campaign: CampaignRun) -> dict[str, Any]:
    """What a campaign's file promises of how it will be judged, as plain values."""
    return campaign.model_dump(mode="json", include=set(FIELDS), exclude_none=True)


def place(home: Path, company_key: str, campaign_id: str) -> Path:
    """The file of one campaign's registrations."""
    return home / "outputs" / FOLDER / company_key / f"{quote(campaign_id, safe='')}.json"


def versions(home: Path, company_key: str, campaign_id: str) -> list[dict[str, Any]]:
    """Every registration, oldest first -- registered_on (day), as_of (last day of data seen), promised."""
    path = place(home, company_key, campaign_id)
    return list(json.loads(path.read_text(encoding="utf-8"))["versions"]) if path.exists() else []


def standing(registered: Sequence[dict[str, Any]], campaign: CampaignRun) -> dict[str, Any] | None:
    """The last registration if it promises what the campaign's file promises today; None where it is another."""
    return registered[-1] if registered and registered[-1]["promised"] == promised(campaign) else None


def in_time(registered: Sequence[dict[str, Any]], start: date | None) -> dict[str, Any] | None:
    """The last registration made before the campaign's first day; None where there is none."""
    early = [version for version in registered if start and version["registered_on"] < start.isoformat()]
    return early[-1] if early else None
