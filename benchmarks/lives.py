"""A million users with durations in whole days, ten discrete covariates and late entries, written by the engine."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

# How many levels each covariate has; chance makes the first one frequent and the last one rare.
COVARIATES = {
    "channel": 5,
    "platform": 3,
    "country": 4,
    "gender": 3,
    "age_band": 5,
    "device": 3,
    "invited": 2,
    "early_order": 2,
    "early_days": 5,
    "weekday": 7,
}
CAUSES = ("silent", "unsubscribed", "refunded")
_UNIT = "(hash(i * 31 + {0}) % 1000003) / 1000003.0"
_LEVELS = ", ".join(
    f"CAST(floor({size} * pow({_UNIT.format(place)}, 1.6)) AS INTEGER) AS n{place}"
    for place, size in enumerate(COVARIATES.values())
)
_SCORE = " + ".join(f"{0.25 - 0.05 * place} * n{place}" for place in range(len(COVARIATES)))
_NAMES = ", ".join(f"chr(97 + n{place}) AS {name}" for place, name in enumerate(COVARIATES))
LIVES = f"""
    WITH levels AS (SELECT i, {_LEVELS} FROM range({{users}}) t(i)),
    lives AS (
        SELECT *, -ln(1 - 0.999999 * {_UNIT.format(20)}) * 90 * exp(-({_SCORE})) AS life,
               CAST(30 + hash(i * 31 + 21) % 335 AS INTEGER) AS watched
        FROM levels),
    days AS (
        SELECT *, CAST(least(floor(life), watched) AS INTEGER) AS duration_days, life < watched AS left_us FROM lives)
    SELECT CASE WHEN hash(i * 31 + 22) % 10 = 0
                THEN CAST(least(hash(i * 31 + 23) % 60, greatest(duration_days - 1, 0)) AS INTEGER) ELSE 0
           END AS entry_days,
           duration_days, CAST(left_us AS INTEGER) AS churned,
           CASE WHEN left_us THEN CAST(1 + hash(i * 31 + 24) % {len(CAUSES)} AS INTEGER) ELSE 0 END AS cause,
           {_NAMES}
    FROM days
"""


def write_lives(folder: Path, *, users: int) -> Path:
    """Write lives.parquet, one row per user, and the same as whole numbers, one file per column, for R."""
    target = folder / f"lives-{users}"
    if (target / "done").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute(f"COPY ({LIVES.format(users=users)}) TO '{target}/lives.parquet' (FORMAT parquet, COMPRESSION zstd)")
    rows = read_lives(target)
    for name in rows:
        column = rows[name].cat.codes if name in COVARIATES else rows[name]
        column.to_numpy("<i4").tofile(target / f"{name}.int")
    (target / "done").touch()
    return target


def read_lives(folder: Path) -> pd.DataFrame:
    """One row per user -- entry_days, duration_days, churned, cause (0: none), the covariates as categories."""
    rows = pd.read_parquet(folder / "lives.parquet")
    kinds = {name: pd.CategoricalDtype([chr(97 + level) for level in range(n)]) for name, n in COVARIATES.items()}
    return rows.astype(kinds)
