"""Units of headline numbers, each with the format in which the page shows it."""

from __future__ import annotations

UNITS = {
    "users": "count",
    "orders": "count",
    "events": "count",
    "buyers": "count",
    "count": "count",
    "share": "percent",
    "points": "signed_points",
    "days": "days",
    "money": "money",
    "ratio": "ratio",
    "return": "percent",
    "number": "number",
}
