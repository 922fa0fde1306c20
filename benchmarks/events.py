"""Millions of app events, streamed to Parquet by the engine: nothing large ever sits in Python."""

from __future__ import annotations

from pathlib import Path

import duckdb

FIRST_DAY = "2025-10-01"
DAYS = 365
EVENTS_PER_USER = 20

# Chance comes from hashes of the row number, so the file is the same on every machine and needs no state.
_UNIT = "(hash({0}) % 1000003) / 1000003.0"
USERS = f"""
    SELECT i AS user_id,
           TIMESTAMP '{FIRST_DAY}' + INTERVAL 1 SECOND * CAST(86400 * {DAYS} * {_UNIT.format("i * 7 + 1")} AS BIGINT)
               AS signed_up_at,
           ['organic', 'search', 'ads', 'video', 'invite'][1 + CAST(hash(i * 7 + 2) % 5 AS INTEGER)] AS channel,
           ['ios', 'android', 'web'][1 + CAST(hash(i * 7 + 3) % 3 AS INTEGER)] AS platform
    FROM range({{users}}) t(i)
"""
# Days since signup fall off exponentially with a user's own scale; a power of a uniform makes heavy users; three events
# share one visit. About a tenth falls after the last day and is left out, so a ninth more is drawn.
EVENTS = f"""
    SELECT i, CAST(floor({{users}} * pow({_UNIT.format("(i // 3) * 13 + 1")}, 1.5)) AS BIGINT) AS user_id,
           -ln(1 - 0.9999 * {_UNIT.format("(i // 3) * 13 + 2")}) AS decay, {_UNIT.format("i * 13 + 3")} AS clock,
           CAST(hash(i * 13 + 4) % 100 AS INTEGER) AS draw
    FROM range({{drawn}}) t(i)
"""
STREAM = """
    SELECT e.user_id,
           u.signed_up_at + INTERVAL 1 SECOND * CAST(86400 * (visit_day + e.clock) AS BIGINT) AS occurred_at,
           CASE WHEN draw < 45 THEN 'open' WHEN draw < 75 THEN 'view' WHEN draw < 90 THEN 'read'
                WHEN draw < 97 THEN 'cart' ELSE 'buy' END AS event,
           e.i, e.draw
    FROM (SELECT *, floor(decay * (5 + user_id % 60)) AS visit_day FROM ({events})) e JOIN users u USING (user_id)
    WHERE occurred_at < TIMESTAMP '{first}' + INTERVAL {days} DAY
"""
ORDERS = """
    SELECT i AS order_id, user_id, occurred_at AS paid_at,
           round(exp(3.5 + 0.9 * sqrt(-2 * ln(1e-9 + {a})) * cos(2 * pi() * {b})), 2) AS amount
    FROM stream WHERE event = 'buy'
"""


def write_company(folder: Path, *, events: int) -> Path:
    """Write users, events and orders of about `events` events below the folder; an existing set is kept."""
    target = folder / f"{events}"
    if (target / "done").exists():
        return target
    target.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute(f"SET memory_limit = '4GB'; SET temp_directory = '{target / 'spill'}'")
    con.execute("SET preserve_insertion_order = false")
    users = max(100, events // EVENTS_PER_USER)
    con.execute(f"CREATE TABLE users AS {USERS.format(users=users)}")
    stream = STREAM.format(events=EVENTS.format(users=users, drawn=events * 10 // 8), first=FIRST_DAY, days=DAYS)
    con.execute(f"CREATE VIEW stream AS {stream}")
    orders = ORDERS.format(a=_UNIT.format("i * 13 + 5"), b=_UNIT.format("i * 13 + 6"))
    for name, query in {
        "users": "FROM users",
        "events": "SELECT user_id, occurred_at, event FROM stream WHERE event <> 'buy'",
        "orders": orders,
    }.items():
        con.execute(f"COPY ({query}) TO '{target / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    (target / "done").touch()
    return target
