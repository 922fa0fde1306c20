"""The `opsbook` command with a stand-in for the data: its tests are about running, not about marts."""

import os
from datetime import date

from opsbook.errors import DataRefused
from opsbook.runs import data, fingerprints
from opsbook.runs.cli import main


def ready(workbook, *, home, as_of):
    """Data from August to October 2026; refused when OPSBOOK_TEST_REFUSE is set."""
    if os.environ.get("OPSBOOK_TEST_REFUSE"):
        raise DataRefused("The data cannot be used", found="a law is broken")
    given = (home / "data.txt").read_text(encoding="utf-8")
    return data.Data(date(2026, 8, 1), date(2026, 10, 31), {"sources": {"events": given}, "rows": {"events": 3}})


data.ready = ready
fingerprints.code = lambda: "the code of these tests"

if __name__ == "__main__":
    main()
