"""The company's own names, units, zones and ids become the contract's."""

import gzip

import pandas as pd
import pytest

from opsbook.errors import OperatorError, ParameterError

ONE_ORDER = {"order_id": "o1", "user_id": "u1", "paid_at": "2026-01-05 10:00:00", "amount": 5.0}


def orders(tmp_path, frame: pd.DataFrame, **source):
    """Write the frame as Parquet and return the mapping of `orders` to it."""
    frame.to_parquet(tmp_path / "orders.parquet")
    return {"orders": {"path": "orders.parquet"} | source}


def paid_at(tmp_path, workbook, mapped, values, *, zone="UTC", csv=False, **column):
    """The instants that `paid_at` becomes, as text."""
    frame = pd.DataFrame(
        {"order_id": [f"o{i}" for i in range(len(values))], "user_id": "u", "amount": 1.0, "t": values}
    )
    mapping = {"columns": {"paid_at": {"column": "t", **column}}}
    if csv:
        frame.to_csv(tmp_path / "orders.csv", index=False)
        tables = {"orders": {"path": "orders.csv"} | mapping}
    else:
        tables = orders(tmp_path, frame, **mapping)
    read = mapped(workbook(tables, zone=zone))["orders"].sort_values("order_id")
    return read["paid_at"].dt.strftime("%Y-%m-%d %H:%M:%S").tolist()


def test_columns_of_the_contracts_own_name_need_no_mapping(tmp_path, workbook, mapped):
    """A source that uses the contract's names is read without a single mapping line."""
    read = mapped(workbook(orders(tmp_path, pd.DataFrame([ONE_ORDER]))))["orders"]
    assert read[["order_id", "user_id", "amount"]].to_numpy().tolist() == [["o1", "u1", 5.0]]


def test_missing_optional_columns_are_typed_nulls(tmp_path, workbook, mapped):
    """Optional columns that the source lacks are there, typed and empty; tables not given are not."""
    read = mapped(workbook(orders(tmp_path, pd.DataFrame([ONE_ORDER]))))
    assert list(read) == ["orders"]
    assert read["orders"]["discount"].isna().all()
    assert read["orders"]["discount"].dtype == "float64"
    assert pd.api.types.is_datetime64_any_dtype(read["orders"]["arrived_at"])


def test_columns_are_renamed_scaled_and_computed(tmp_path, workbook, mapped, same):
    """A column is renamed, cents become money by division, and SQL may say anything else."""
    frame = pd.DataFrame({"no": [7, 8], "uid": [1, 2], "t": ["2026-01-05"] * 2, "cents": [5241, 100], "off": [1, 2]})
    columns = {
        "order_id": "no",
        "user_id": "uid",
        "paid_at": "t",
        "amount": {"column": "cents", "scale": 0.01},
        "discount": {"sql": "off * 10", "scale": 0.1},
    }
    same(
        mapped(workbook(orders(tmp_path, frame, columns=columns)))["orders"],
        """
        order_id | user_id | paid_at    | amount | discount
        7        | 1       | 2026-01-05 | 52.41  | 1
        8        | 2       | 2026-01-05 | 1      | 2
        """,
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.array([17850, 2]), ["17850", "2"]),
        ([17850.0, 2.0], ["17850", "2"]),
        ([1.5, float("nan")], ["1.5", None]),
        ([" a1 ", "00012"], ["a1", "00012"]),
        (["", "  "], [None, None]),
        (pd.array([9007199254740993, 1], dtype="Int64"), ["9007199254740993", "1"]),
    ],
)
def test_ids_become_text(tmp_path, workbook, mapped, values, expected):
    """Integers and integral floats lose the decimal point, texts their blanks; blank ids are missing."""
    frame = pd.DataFrame({"order_id": ["a", "b"], "user_id": values, "paid_at": "2026-01-05", "amount": 1.0})
    read = mapped(workbook(orders(tmp_path, frame)))["orders"].sort_values("order_id")
    assert [None if pd.isna(value) else value for value in read["user_id"]] == expected


def test_float_ids_in_csv_lose_their_point(tmp_path, workbook, mapped):
    """A CSV that pandas wrote with 17850.0 for 17850 still joins with integers elsewhere."""
    (tmp_path / "orders.csv").write_text(
        "order_id,user_id,paid_at,amount\n1.0,17850.0,2026-01-05,1\n2,007,2026-01-05,1\n"
    )
    read = mapped(workbook({"orders": {"path": "orders.csv"}}))["orders"]
    assert read[["order_id", "user_id"]].to_numpy().tolist() == [["1", "17850"], ["2", "007"]]


def test_naive_times_are_read_in_the_workbooks_zone(tmp_path, workbook, mapped):
    """Ten o'clock in Shanghai is two o'clock UTC."""
    at = [pd.Timestamp("2026-01-05 10:00")]
    assert paid_at(tmp_path, workbook, mapped, at, zone="Asia/Shanghai") == ["2026-01-05 02:00:00"]


def test_a_zone_at_the_column_overrides_the_workbooks(tmp_path, workbook, mapped):
    """A column stored in UTC stays as it is in a workbook of another zone."""
    frame = pd.DataFrame([ONE_ORDER]).assign(paid_at=pd.Timestamp("2026-01-05 10:00"))
    tables = orders(tmp_path, frame, columns={"paid_at": {"column": "paid_at", "zone": "UTC"}})
    read = mapped(workbook(tables, zone="Asia/Shanghai"))["orders"]
    assert read["paid_at"].tolist() == [pd.Timestamp("2026-01-05 10:00")]


def test_stored_offsets_win_over_the_zone(tmp_path, workbook, mapped):
    """Timestamps stored with a zone are instants, whatever the workbook's zone."""
    at = [pd.Timestamp("2026-01-05 10:00", tz="Asia/Shanghai")]
    assert paid_at(tmp_path, workbook, mapped, at, zone="America/New_York") == ["2026-01-05 02:00:00"]


SHANGHAI = {
    "2026-01-05 10:00:00": "2026-01-05 02:00:00",
    "2026-01-05T10:00": "2026-01-05 02:00:00",
    "2026-01-05": "2026-01-04 16:00:00",
    "2026-01-05 10:00:00+08:00": "2026-01-05 02:00:00",
    "2026-01-05T10:00:00+0800": "2026-01-05 02:00:00",
    "2026-01-05 10:00:00.250 +08": "2026-01-05 02:00:00",
    "2026-01-05T10:00:00Z": "2026-01-05 10:00:00",
    "2026-01-05 10:00:00 UTC": "2026-01-05 10:00:00",
    "2026-01-05 10:00:00-05:00": "2026-01-05 15:00:00",
}


def test_text_times_with_offset_are_instants_and_others_in_the_zone(tmp_path, workbook, mapped):
    """A text that names its offset is an instant; one that does not is wall-clock time of the zone."""
    read = paid_at(tmp_path, workbook, mapped, list(SHANGHAI), zone="Asia/Shanghai", csv=True)
    assert dict(zip(SHANGHAI, read, strict=True)) == SHANGHAI


NEW_YORK = {
    "2026-03-08 01:59:59": "2026-03-08 06:59:59",
    "2026-03-08 02:30:00": "2026-03-08 07:30:00",
    "2026-03-08 03:00:00": "2026-03-08 07:00:00",
    "2026-11-01 00:59:59": "2026-11-01 04:59:59",
    "2026-11-01 01:30:00": "2026-11-01 05:30:00",
    "2026-11-01 02:00:00": "2026-11-01 07:00:00",
}


def test_daylight_saving_days_of_new_york(tmp_path, workbook, mapped):
    """On the days the clock jumps, a skipped hour is read as standard time and a doubled hour as its first passing."""
    read = paid_at(tmp_path, workbook, mapped, list(NEW_YORK), zone="America/New_York", csv=True)
    assert dict(zip(NEW_YORK, read, strict=True)) == NEW_YORK


@pytest.mark.parametrize(
    ("value", "unit"),
    [(1767607200, "s"), (1767607200000, "ms"), (1767607200000000, "us"), (1767607200.0, "s"), ("1767607200", "s")],
)
def test_unix_time_in_its_stated_unit(tmp_path, workbook, mapped, value, unit):
    """Unix seconds, milliseconds and microseconds, as integers, floats or text, are the same instant."""
    read = paid_at(tmp_path, workbook, mapped, [value], zone="Asia/Shanghai", unit=unit)
    assert read == ["2026-01-05 10:00:00"]


def test_unix_times_beyond_the_calendar_are_unreadable_not_wrong(tmp_path, workbook, mapped):
    """A Unix time that no calendar holds becomes missing, and the check can still show it."""
    frame = pd.DataFrame([ONE_ORDER]).assign(paid_at=2**63 - 1)
    tables = orders(tmp_path, frame, columns={"paid_at": {"column": "paid_at", "unit": "ms"}})
    read = mapped(workbook(tables))["orders"]
    assert read["paid_at"].isna().all()
    assert read["_raw_paid_at"].tolist() == [str(2**63 - 1)]


def test_a_number_without_unit_is_refused(tmp_path, workbook, mapped):
    """The unit of a Unix time is never guessed from its size."""
    with pytest.raises(ParameterError, match="unit: s"):
        paid_at(tmp_path, workbook, mapped, [1767607200])


def test_text_dates_in_a_stated_form(tmp_path, workbook, mapped):
    """`csv: {dateformat}` reads days first where the company writes them first."""
    (tmp_path / "orders.csv").write_text("order_id,user_id,paid_at,amount\n1,u,05.01.2026 10:00,1\n")
    tables = {"orders": {"path": "orders.csv", "csv": {"dateformat": "%d.%m.%Y %H:%M"}}}
    assert mapped(workbook(tables))["orders"]["paid_at"].tolist() == [pd.Timestamp("2026-01-05 10:00")]


def test_days_of_costs_are_days_of_the_workbooks_zone(tmp_path, workbook, mapped, same):
    """A plain date stays; an instant becomes the day it has in the zone."""
    (tmp_path / "costs.csv").write_text("day,amount\n2026-01-05,1\n2026-01-05T20:00:00Z,2\n2026-01-05 23:00:00,3\n")
    (tmp_path / "orders.csv").write_text("order_id,user_id,paid_at,amount\n1,u,2026-01-05,1\n")
    tables = {"costs": {"path": "costs.csv"}, "orders": {"path": "orders.csv"}}
    same(
        mapped(workbook(tables, zone="Asia/Shanghai"))["costs"],
        """
        day        | amount
        2026-01-05 | 1
        2026-01-06 | 2
        2026-01-05 | 3
        """,
    )


def test_where_keeps_the_rows_it_names(tmp_path, workbook, mapped):
    """`where` is SQL over the source's own columns."""
    frame = pd.DataFrame([ONE_ORDER, ONE_ORDER | {"order_id": "o2"}]).assign(status=["paid", "open"])
    read = mapped(workbook(orders(tmp_path, frame, where="status = 'paid'")))["orders"]
    assert read["order_id"].tolist() == ["o1"]


def test_group_by_makes_one_row_of_many_lines(tmp_path, workbook, mapped, same):
    """Order lines become orders: the key in group_by, everything else an aggregate."""
    frame = pd.DataFrame(
        {
            "basket": [1, 1, 2],
            "who": [9, 9, 9],
            "typed": pd.to_datetime(["2026-01-05 10:00", "2026-01-05 10:01", "2026-01-06 00:00"]),
            "price": [1.5, 2.5, 4.0],
        }
    )
    columns = {
        "order_id": "basket",
        "user_id": {"sql": "max(who)"},
        "paid_at": {"sql": "min(typed)"},
        "amount": {"sql": "sum(price)"},
    }
    read = mapped(workbook(orders(tmp_path, frame, columns=columns, group_by=["order_id"])))["orders"]
    same(
        read.sort_values("order_id"),
        """
        order_id | user_id | paid_at             | amount
        1        | 9       | 2026-01-05 10:00:00 | 4
        2        | 9       | 2026-01-06 00:00:00 | 4
        """,
    )


def test_user_attributes_keep_their_type(tmp_path, workbook, mapped):
    """Attributes and further columns of users stay numbers or texts, under the name the workbook gives them."""
    pd.DataFrame({"user_id": [1], "age": [31], "town": [" Wuhan "]}).to_parquet(tmp_path / "users.parquet")
    pd.DataFrame([ONE_ORDER]).to_parquet(tmp_path / "orders.parquet")
    users = {"path": "users.parquet", "attributes": ["age"], "columns": {"city": "town"}}
    read = mapped(workbook({"users": users, "orders": {"path": "orders.parquet"}}))["users"]
    assert read[["user_id", "age", "city"]].to_numpy().tolist() == [["1", 31, "Wuhan"]]


def test_globs_and_gz_files_are_one_table(tmp_path, workbook, mapped):
    """All files of a glob are one table, compressed or not, also when a later file has a new column."""
    (tmp_path / "2025.csv").write_text("order_id,user_id,paid_at,amount\n1,u,2025-12-31,1\n")
    with gzip.open(tmp_path / "2026.csv.gz", "wt") as file:
        file.write("order_id,user_id,paid_at,amount,discount\n2,u,2026-01-01,1,3\n")
    read = mapped(workbook({"orders": {"path": "202[56].csv*"}}))["orders"].sort_values("order_id")
    assert read["order_id"].tolist() == ["1", "2"]
    assert read["discount"].tolist()[1] == 3


def test_csv_without_header_takes_its_names_from_the_workbook(tmp_path, workbook, mapped):
    """`csv: {names}` names the columns of a file without a header; delimiter and null texts can be told."""
    (tmp_path / "orders.csv").write_text("1;u;2026-01-05;NA\n")
    csv = {"names": ["order_id", "user_id", "paid_at", "amount"], "delim": ";", "nulls": ["NA"]}
    read = mapped(workbook({"orders": {"path": "orders.csv", "csv": csv}}))["orders"]
    assert read["order_id"].tolist() == ["1"]
    assert read["amount"].isna().all()


def test_a_duckdb_file_is_read_and_left_alone(tmp_path, workbook, mapped):
    """Tables of a DuckDB file, also in a schema of its own, are attached read-only."""
    import duckdb

    with duckdb.connect(tmp_path / "shop.duckdb") as shop:
        shop.execute("CREATE SCHEMA sales")
        shop.execute(
            "CREATE TABLE sales.orders AS SELECT 1 order_id, 2 user_id, DATE '2026-01-05' paid_at, 3.50 amount"
        )
    before = (tmp_path / "shop.duckdb").read_bytes()
    read = mapped(workbook({"orders": {"database": "shop.duckdb", "table": "sales.orders"}}))["orders"]
    assert read[["order_id", "user_id", "amount"]].to_numpy().tolist() == [["1", "2", 3.5]]
    assert (tmp_path / "shop.duckdb").read_bytes() == before


def test_a_query_joins_named_files(tmp_path, workbook, mapped):
    """`query` reads the files of `files`, whose names stand in braces, and is mapped like any source."""
    (tmp_path / "paid.csv").write_text("no,uid,t\n1,u,2026-01-05\n")
    (tmp_path / "lines.csv").write_text("no,price\n1,2\n1,3\n")
    source = {
        "files": {"paid": "paid.csv", "lines": "lines.csv"},
        "query": "SELECT no, uid, t, sum(price::DOUBLE) AS amount FROM {paid} JOIN {lines} USING (no) GROUP BY ALL",
        "columns": {"order_id": "no", "user_id": "uid", "paid_at": "t"},
    }
    assert mapped(workbook({"orders": source}))["orders"]["amount"].tolist() == [5.0]


def test_files_of_an_installed_package_are_found_without_importing_it(workbook, mapped, tmp_path):
    """`package:NAME/…` reads inside an installed package; an absent one is named with the way to install it."""
    with pytest.raises(ParameterError, match=r"no_such_package.*not installed"):
        mapped(workbook({"orders": {"path": "package:no_such_package/orders.parquet"}}))
    with pytest.raises(OperatorError, match="No file matches"):
        mapped(workbook({"orders": {"path": "package:holidays/orders.parquet"}}))
