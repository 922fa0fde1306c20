"""How much of an error is shown: the operator's sentence, or on request where in the code it came from."""

from __future__ import annotations

import os

TRACEBACK = "OPSBOOK_TRACEBACK"


def wants_traceback() -> bool:
    """Whether the person set OPSBOOK_TRACEBACK to something other than 0."""
    return os.environ.get(TRACEBACK, "0") not in ("", "0")
