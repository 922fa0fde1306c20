"""The company's raw files, written chunk by chunk in its own words; columns and types of each stand here."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from opsbook.simulate.content import AUTHORS, BOARDS, FORMATS, TOPICS
from opsbook.simulate.world import (
    ACTIONS,
    ARMS,
    CITY_TIERS,
    ENTRIES,
    PLATFORMS,
    SURFACES,
    ZONE_SECONDS,
    Integers,
    Rows,
    World,
)


class Files:
    """Open writers of one company folder; each path is created at its first rows and grows by row groups."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._open: dict[str, pq.ParquetWriter | pacsv.CSVWriter] = {}
        self._streams: list[pa.NativeFile] = []

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._open.values():
            writer.close()
        for stream in self._streams:
            stream.close()

    def append(self, name: str, rows: pa.Table) -> None:
        """Append rows to a file of the folder, `.parquet`, `.csv` or `.csv.gz`."""
        if name not in self._open:
            self._open[name] = self._writer(name, rows.schema)
        self._open[name].write_table(rows)

    def _writer(self, name: str, schema: pa.Schema) -> pq.ParquetWriter | pacsv.CSVWriter:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".parquet"):
            texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
            return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=texts, store_schema=False)
        stream: pa.NativeFile = pa.OSFile(str(path), "wb")
        self._streams.insert(0, stream)
        if name.endswith(".gz"):
            stream = pa.CompressedOutputStream(stream, "gzip")
            self._streams.insert(0, stream)
        return pacsv.CSVWriter(stream, schema, write_options=pacsv.WriteOptions(quoting_style="needed"))


def users_table(rows: Rows, world: World) -> pa.Table:
    """uid, reg_time (naive local), source, inviter, platform, city_tier."""
    return pa.table(
        {
            "uid": _whole(rows["uid"]),
            "reg_time": local_time(rows["reg_ms"]),
            "source": _text(rows["source"], [c.key for c in world.channels]),
            "inviter": _whole(rows["inviter"]),
            "platform": _text(rows["platform"], PLATFORMS),
            "city_tier": _text(rows["city_tier"], CITY_TIERS),
        }
    )


def events_table(rows: Rows, world: World) -> pa.Table:
    """uid, ts_ms (Unix, UTC), action, campaign, content, entry, points, backfilled_ms (Unix; only of late rows)."""
    return pa.table(
        {
            "uid": _whole(rows["uid"]),
            "ts_ms": pa.array(rows["ts_ms"], pa.int64()),
            "action": _text(rows["action"], ACTIONS),
            "campaign": _text(rows["campaign"], [c.key for c in world.campaigns]),
            "content": _text(rows["content"], content_ids(world)),
            "entry": _text(rows["entry"], ENTRIES),
            "points": pa.array(rows["points"], pa.int32(), mask=rows["points"] == 0),
            "backfilled_ms": _whole(rows["late_ms"]),
        }
    )


def orders_table(rows: Rows, world: World) -> pa.Table:
    """order_no, uid, pay_time (naive local), amount_cents (paid), discount_cents, refund_cents, campaign."""
    return pa.table(
        {
            "order_no": _numbered("S", rows["order"]),
            "uid": _whole(rows["uid"]),
            "pay_time": local_time(rows["paid_ms"]),
            "amount_cents": pa.array(rows["amount_cents"], pa.int64()),
            "discount_cents": pa.array(rows["discount_cents"], pa.int64()),
            "refund_cents": pa.array(rows["refund_cents"], pa.int64()),
            "campaign": _text(rows["campaign"], [c.key for c in world.campaigns]),
        }
    )


def assignments_table(rows: Rows, world: World) -> pa.Table:
    """experiment, uid, arm, assigned_at (instant with zone UTC)."""
    tests = [*(c.key for c in world.campaigns), world.onboarding.key, world.button.key]
    return pa.table(
        {
            "experiment": _text(rows["experiment"], tests),
            "uid": _whole(rows["uid"]),
            "arm": _text(rows["arm"], ARMS),
            "assigned_at": pa.array(rows["ms"], pa.timestamp("ms", tz="UTC")),
        }
    )


def exposures_table(rows: Rows, world: World) -> pa.Table:
    """campaign, uid, shown_at (text: naive local, or UTC ending in +00:00), surface."""
    local = _written(local_time(rows["ms"]))
    instant = pc.binary_join_element_wise(_written(pa.array(rows["ms"], pa.timestamp("ms"))), "+00:00", "")
    return pa.table(
        {
            "campaign": _text(rows["campaign"], [c.key for c in world.campaigns]),
            "uid": _whole(rows["uid"]),
            "shown_at": pc.if_else(pa.array(rows["other_zone"]), instant, local),
            "surface": _text(rows["surface"], SURFACES),
        }
    )


def redemptions_table(rows: Rows, world: World) -> pa.Table:
    """campaign, uid, redeemed_at (text, naive local), cost_yuan."""
    return pa.table(
        {
            "campaign": _text(rows["campaign"], [c.key for c in world.campaigns]),
            "uid": _whole(rows["uid"]),
            "redeemed_at": _written(local_time(rows["ms"])),
            "cost_yuan": pa.array(rows["cost_yuan"], pa.float64()),
        }
    )


def contents_table(rows: Rows, world: World) -> pa.Table:
    """item_id, publish_time (Unix seconds), author, topic, format, board."""
    return pa.table(
        {
            "item_id": pa.array(content_ids(world)),
            "publish_time": pa.array(rows["published_ms"] // 1000, pa.int64()),
            "author": _text(rows["author"], [f"author_{number:03d}" for number in range(AUTHORS)]),
            "topic": _text(rows["topic"], TOPICS),
            "format": _text(rows["format"], FORMATS),
            "board": _text(rows["board"], BOARDS),
        }
    )


def costs_table(rows: Rows, world: World) -> pa.Table:
    """date, source, campaign, spend_yuan, impressions, clicks."""
    return pa.table(
        {
            "date": pa.array(rows["day"].astype("datetime64[D]")),
            "source": _text(rows["source"], [*(c.key for c in world.channels), "push"]),
            "campaign": _text(rows["campaign"], [c.key for c in world.campaigns]),
            "spend_yuan": pa.array(rows["spend_yuan"], pa.float64()),
            "impressions": pa.array(rows["impressions"], pa.int64()),
            "clicks": pa.array(rows["clicks"], pa.int64()),
        }
    )


def content_ids(world: World) -> list[str]:
    """The company's ids of its contents, in order of publication."""
    return [f"c{number:06d}" for number in range(world.contents_per_day * world.days)]


def local_time(unix_ms: npt.NDArray[Any]) -> pa.Array:
    """Naive wall-clock time of the company's zone, to the millisecond."""
    return pa.array(unix_ms.astype(np.int64) + ZONE_SECONDS * 1000, pa.timestamp("ms"))


def _written(time: pa.Array) -> pa.Array:
    return pc.strftime(pc.cast(time, pa.timestamp("s"), safe=False), format="%Y-%m-%d %H:%M:%S")


def _whole(numbers: Integers | npt.NDArray[Any]) -> pa.Array:
    return pa.array(numbers, pa.int64(), mask=numbers < 0)


def _numbered(prefix: str, numbers: npt.NDArray[Any]) -> pa.Array:
    return pc.binary_join_element_wise(prefix, pc.cast(pa.array(numbers, pa.int64()), pa.string()), "")


def _text(codes: npt.NDArray[Any], words: list[str]) -> pa.Array:
    index = pa.array(codes.astype(np.int32), pa.int32(), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(index, pa.array(words, pa.string()))
