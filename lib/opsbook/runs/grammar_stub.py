"""Leave out a grammar compiler that costs 0.7 s of every import of the notebook format and that nobody here uses.

jsonschema takes `rfc3987_syntax` when it is installed (JupyterLab brings it) to check the format of
addresses; a None in its place counts as "not installed". Only for this command's own processes.
"""

from __future__ import annotations

import sys

NAME = "rfc3987_syntax"


def install() -> None:
    """Make the grammar count as not installed, unless someone has imported it already."""
    sys.modules.setdefault(NAME, None)  # type: ignore[arg-type] # None means not installed


def remove() -> None:
    """Take the stub away again, for a kernel that was forked from a process that had it."""
    if NAME in sys.modules and sys.modules[NAME] is None:
        del sys.modules[NAME]
