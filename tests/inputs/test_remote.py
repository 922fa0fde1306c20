"""Tables behind a URL are streamed in; their credentials never show."""

import logging
import sqlite3
import traceback

import pytest

from opsbook.errors import OperatorError, ParameterError
from opsbook.inputs import remote, sources
from opsbook.inputs.workbook import Source

SECRET = "hunter2/geheim@:%"


@pytest.fixture
def shop(tmp_path):
    """A SQLite file with an orders table of one wide row."""
    path = tmp_path / "shop.sqlite"
    with sqlite3.connect(path) as con:
        con.execute("CREATE TABLE orders (no INTEGER, user_id TEXT, paid_at TEXT, amount REAL, unused TEXT)")
        con.executemany("INSERT INTO orders VALUES (?, 'u', '2026-01-05 10:00:00', 2.5, 'x')", [(1,), (2,)])
    con.close()
    return path


def test_an_ibis_backend_is_streamed_into_the_engine(shop, workbook, mapped):
    """A table behind a URL is read like any other, with the part after ${…} from the environment."""
    source = {"url": "sqlite://${SHOP}", "table": "orders", "columns": {"order_id": "no"}}
    read = mapped(workbook({"orders": source}), environ={"SHOP": str(shop)})["orders"].sort_values("order_id")
    assert read[["order_id", "user_id", "amount"]].to_numpy().tolist() == [["1", "u", 2.5], ["2", "u", 2.5]]


def test_only_needed_columns_travel(shop, workbook, tmp_path):
    """Plain mappings fetch only the columns they name; a misspelt one is refused before anything is fetched."""
    source = Source(url="sqlite://${SHOP}", table="orders", columns={"order_id": "no"})
    con = sources.open_engine(workbook({"orders": source}), home=tmp_path)
    sources.contract_tables(workbook({"orders": source}), home=tmp_path, con=con, environ={"SHOP": str(shop)})
    assert "unused" not in con.table("raw_orders").columns
    wrong = workbook({"orders": {"url": "sqlite://${SHOP}", "table": "orders", "columns": {"order_id": "noo"}}})
    with pytest.raises(ParameterError, match="did you mean no"):
        sources.contract_tables(wrong, home=tmp_path, con=con, environ={"SHOP": str(shop)})


@pytest.mark.parametrize(
    "url",
    [
        "postgres://reader:${PASSWORD}@localhost:1/shop",
        "no_such_backend://reader:${PASSWORD}@localhost/shop",
        "sqlite:///no/such/folder/${PASSWORD}.sqlite",
        "duckdb:///no/such/folder/${PASSWORD}.duckdb",
    ],
)
def test_a_credential_never_shows(url, workbook, mapped, caplog, capfd):
    """Whatever fails, neither error, traceback, log nor output holds the credential in any writing."""
    caplog.set_level(logging.DEBUG)
    book = workbook({"orders": {"url": url, "table": "orders"}})
    with pytest.raises(OperatorError) as raised:
        mapped(book, environ={"PASSWORD": SECRET})
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value) + caplog.text + repr(book)
    shown += "".join(capfd.readouterr())
    assert "hunter2" not in shown
    assert "geheim" not in shown
    assert raised.value.__context__ is None
    assert "${PASSWORD}" in str(raised.value)


def test_failing_halfway_hides_the_credential(shop, workbook, mapped, tmp_path):
    """A table that breaks while it is read hides the credential as well."""
    broken = tmp_path / "hunter2.sqlite"
    broken.write_bytes(shop.read_bytes()[:5000] + b"\0" * 3000)
    with pytest.raises(OperatorError) as raised:
        mapped(
            workbook({"orders": {"url": f"sqlite://{tmp_path}/${{NAME}}.sqlite", "table": "orders"}}),
            environ={"NAME": "hunter2"},
        )
    assert "hunter2" not in str(raised.value)


def test_a_missing_variable_is_named(workbook, mapped):
    """A ${NAME} that the environment does not hold is named, and nothing is connected."""
    with pytest.raises(OperatorError, match="PASSWORD is not set"):
        mapped(workbook({"orders": {"url": "postgres://a:${PASSWORD}@h/d", "table": "orders"}}), environ={})


def test_a_password_written_into_the_workbook_is_refused_unseen(workbook, mapped):
    """A password in the file is refused without repeating it."""
    with pytest.raises(ParameterError, match="A password stands in the workbook") as raised:
        mapped(workbook({"orders": {"url": "postgres://a:hunter2@h/d", "table": "orders"}}), environ={})
    assert "hunter2" not in str(raised.value)


def test_hiding_knows_every_writing_of_a_credential():
    """A credential is hidden plain, percent-encoded and escaped; longer ones first, empty ones not at all."""
    hidden = remote.hide("a%20b | a+b | a b | ab | x", {"LONG": "a b", "EMPTY": "", "SHORT": "ab"})
    assert hidden == "${LONG} | ${LONG} | ${LONG} | ${SHORT} | x"
