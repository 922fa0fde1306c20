"""Which contract tables each mart table is built from; plain names, so that asking costs no engine.

Users named in any table have a row in `users`; what is known of them comes from these three.
"""

from __future__ import annotations

from collections.abc import Mapping

BUILT_FROM: Mapping[str, tuple[str, ...]] = {
    "users": ("users", "events", "orders"),
    "user_days": ("events", "orders"),
    "steps": ("events", "orders"),
    "exits": ("events", "orders"),
    "orders": ("orders",),
    "costs": ("costs",),
    "assignments": ("assignments",),
    "exposures": ("exposures",),
    "contents": ("contents",),
    "redemptions": ("redemptions",),
    "checks": (),
    "about": (),
}
