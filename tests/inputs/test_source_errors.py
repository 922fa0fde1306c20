"""What cannot be read is named: what was asked, what was found, what to do, which file."""

import pandas as pd
import pytest

from opsbook.errors import DataRefused, OperatorError, ParameterError

FRAME = pd.DataFrame({"order_id": [1], "user_id": [1], "paid_at": ["2026-01-05"], "amount": [2.0]})


def refusal(tmp_path, workbook, mapped, source, error=ParameterError, frame=FRAME, table="orders"):
    """The text of the error that reading the source raises."""
    frame.to_parquet(tmp_path / "orders.parquet")
    tables = {"orders": {"path": "orders.parquet"}} | {table: {"path": "orders.parquet"} | source}
    with pytest.raises(error) as raised:
        mapped(workbook(tables))
    return str(raised.value)


def test_a_misspelt_source_column_is_named_with_the_near_one(tmp_path, workbook, mapped):
    """A column that the source lacks names the key, the file and the nearest column."""
    said = refusal(tmp_path, workbook, mapped, {"columns": {"amount": "amuont"}})
    assert "`tables.orders.columns.amount` names the column `amuont`" in said
    assert "did you mean amount?" in said
    assert "orders.parquet" in said


def test_an_unknown_contract_column_is_named_with_the_near_one(tmp_path, workbook, mapped):
    """A key under `columns` that the contract does not know is refused with the nearest one it knows."""
    said = refusal(tmp_path, workbook, mapped, {"columns": {"payed_at": "paid_at"}})
    assert "`tables.orders.columns.payed_at` is not a column of the contract" in said
    assert "did you mean paid_at" in said


def test_a_required_column_without_origin_is_named(tmp_path, workbook, mapped):
    """A required column that neither the mapping nor the source has is named with what the source has."""
    said = refusal(tmp_path, workbook, mapped, {}, frame=FRAME.rename(columns={"amount": "price"}))
    assert "must say where amount come from" in said
    assert "price" in said


def test_a_misspelt_attribute_is_named(tmp_path, workbook, mapped):
    """An attribute that the source lacks is refused; attributes of other tables than users are, too."""
    said = refusal(tmp_path, workbook, mapped, {"attributes": ["amout"]}, table="users")
    assert "`tables.users.attributes` names the column `amout`" in said
    assert "did you mean amount?" in said
    assert "only users have attributes" in refusal(tmp_path, workbook, mapped, {"attributes": ["amount"]})


def test_a_plain_column_in_a_grouped_source_needs_an_aggregate(tmp_path, workbook, mapped):
    """With group_by, a plain column says which aggregate to write."""
    source = {"columns": {"order_id": "order_id", "amount": "amount"}, "group_by": ["order_id"]}
    said = refusal(tmp_path, workbook, mapped, source)
    assert "`tables.orders.columns.amount` needs an aggregate" in said
    assert "min(amount)" in said


def test_group_by_names_only_mapped_columns(tmp_path, workbook, mapped):
    """group_by names contract columns that `columns` maps."""
    said = refusal(tmp_path, workbook, mapped, {"columns": {"order_id": "order_id"}, "group_by": ["order"]})
    assert "group_by` names `order`" in said
    assert "did you mean order_id?" in said


def test_sql_that_the_engine_refuses_is_explained(tmp_path, workbook, mapped):
    """SQL in the mapping that cannot be run repeats the engine's words and the source's columns."""
    said = refusal(tmp_path, workbook, mapped, {"columns": {"amount": {"sql": "pirce * 2"}}})
    assert "SQL in `tables.orders`" in said
    assert "pirce" in said
    assert "the source has order_id, user_id, paid_at, amount" in said


def test_sql_that_fails_on_a_value_is_explained(tmp_path, workbook, mapped):
    """SQL that is sound but fails on a row says on which value."""
    frame = FRAME.assign(amount="ten")
    source = {"columns": {"order_id": "order_id", "user_id": {"sql": "min(user_id)"}}, "group_by": ["order_id"]}
    source["columns"] |= {"paid_at": {"sql": "min(paid_at)"}, "amount": {"sql": "sum(amount::INTEGER)"}}
    said = refusal(tmp_path, workbook, mapped, source, frame=frame, error=DataRefused)
    assert "The table orders cannot be read" in said
    assert "'ten'" in said


def test_attributes_may_not_take_the_name_of_something_derived(tmp_path, workbook, mapped):
    """An attribute called first_day or _age would hide what is derived, so another name is asked for."""
    for name in ("first_day", "_age"):
        said = refusal(tmp_path, workbook, mapped, {"columns": {name: "amount"}}, table="users")
        assert f"cannot have an attribute named `{name}`" in said


def test_a_glob_without_match_says_what_is_there(tmp_path, workbook, mapped):
    """A path that matches nothing says what the folder holds and what is near."""
    said = refusal(tmp_path, workbook, mapped, {"path": "order.parquet"})
    assert "No file matches `order.parquet`" in said
    assert "did you mean orders.parquet?" in said


def test_an_unreadable_file_is_named(tmp_path, workbook, mapped):
    """A file that is no Parquet although its name says so is named with the engine's words."""
    (tmp_path / "broken.parquet").write_bytes(b"not parquet at all")
    said = refusal(tmp_path, workbook, mapped, {"path": "broken.parquet"}, error=DataRefused)
    assert "`broken.parquet` cannot be read" in said
    assert "No magic bytes" in said


def test_exit_codes_tell_a_wrong_workbook_from_wrong_data(tmp_path, workbook, mapped):
    """A path that matches nothing is a parameter error (2), a file that cannot be read refused data (3)."""
    (tmp_path / "broken.parquet").write_bytes(b"not parquet at all")
    codes = []
    for path in ("gone.parquet", "broken.parquet"):
        with pytest.raises(OperatorError) as raised:
            mapped(workbook({"orders": {"path": path}}))
        codes.append(raised.value.exit_code)
    assert codes == [2, 3]


def test_a_file_of_another_kind_is_refused(tmp_path, workbook, mapped):
    """A spreadsheet is refused with the kinds that are read."""
    (tmp_path / "orders.xlsx").write_bytes(b"x")
    assert "neither Parquet nor CSV" in refusal(tmp_path, workbook, mapped, {"path": "orders.xlsx"})


def test_parquet_and_csv_do_not_mix_in_one_glob(tmp_path, workbook, mapped):
    """One glob is one kind of file."""
    (tmp_path / "orders.csv").write_text("a\n1\n")
    assert "Parquet and CSV" in refusal(tmp_path, workbook, mapped, {"path": "orders.*"})


def test_a_missing_table_of_a_duckdb_file_is_named_with_the_near_one(tmp_path, workbook, mapped):
    """A table that the database lacks is named with the nearest one; a missing file and a broken one are named."""
    import duckdb

    with duckdb.connect(tmp_path / "shop.duckdb") as shop:
        shop.execute("CREATE TABLE orders AS SELECT 1 AS a")
    (tmp_path / "broken.duckdb").write_bytes(b"x" * 5000)
    for database, words in [
        ("shop.duckdb", "did you mean orders?"),
        ("gone.duckdb", "There is no DuckDB file"),
        ("broken.duckdb", "cannot be read"),
    ]:
        with pytest.raises(OperatorError, match=words.replace("?", r"\?")):
            mapped(workbook({"orders": {"database": database, "table": "order"}}))


def test_a_query_that_names_no_file_is_refused(tmp_path, workbook, mapped):
    """A name in braces that `files` does not have, and SQL that cannot be run, are parameter errors."""
    (tmp_path / "a.csv").write_text("x\n1\n")
    for query, words in [("SELECT * FROM {lines}", "names a file"), ("SELECT y FROM {a}", "cannot be run")]:
        with pytest.raises(ParameterError, match=words):
            mapped(workbook({"orders": {"query": query, "files": {"a": "a.csv"}}}))
