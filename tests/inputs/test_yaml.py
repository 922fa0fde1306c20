"""Parameter files: every mistake is one readable error with file, line, key and a suggestion."""

import pytest

from opsbook.errors import ParameterError
from opsbook.inputs.run_params import RUNS
from opsbook.inputs.workbook import read_workbook
from opsbook.inputs.yaml_file import load, read_yaml

WORKBOOK = """\
company: {key: a, name: A}
tables:
  orders:
    path: orders.csv
"""


def write(tmp_path, text, name="workbook.yaml"):
    """The text as a file."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def refusal(tmp_path, more):
    """The error of a workbook with more lines."""
    with pytest.raises(ParameterError) as raised:
        read_workbook(write(tmp_path, WORKBOOK + more))
    return str(raised.value)


def run_refusal(tmp_path, notebook, text):
    """The error of a run file."""
    with pytest.raises(ParameterError) as raised:
        load(write(tmp_path, text, "run.yaml"), RUNS[notebook])
    return str(raised.value)


def test_a_small_workbook_is_enough(tmp_path):
    """Company and one table are all that must be said."""
    book = read_workbook(write(tmp_path, WORKBOOK))
    assert (book.zone, book.currency, book.thresholds.drop_budget) == ("Asia/Shanghai", "CNY", 0.05)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("zoen: UTC\n", ["`zoen` (line 5) is not a known key", "did you mean zone?"]),
        ("thresholds:\n  min_cells: 5\n", ["`thresholds.min_cells` (line 6)", "did you mean min_cell?"]),
        ("zone: Asia/Shanghay\n", ["`zone` (line 5)", "unknown time zone", "did you mean Asia/Shanghai"]),
        ("currency: yuan\n", ["`currency` (line 5)", "found 'yuan'"]),
        ("language: de\n", ["`language` (line 5)", "'en' or 'zh'", "found 'de'"]),
        ("data_start: 2026-02-30\n", ["`data_start` (line 5)", "found '2026-02-30'"]),
        ("thresholds: {drop_budget: lots}\n", ["`thresholds.drop_budget` (line 5)", "found 'lots'"]),
        ("thresholds: {drop_budget: 5}\n", ["`thresholds.drop_budget` (line 5)", "less than or equal to 1"]),
        ("event_groups: {my events: [a]}\n", ["`event_groups` (line 5)", "letters, digits and _"]),
        ("thresholds:\n  rfm_cut: value\n", ["rfm_cut: value needs rfm_values"]),
        ("thresholds:\n  stages: [{stage: lost, min_silent_days: 9}]\n", ["last stage rule must have no bounds"]),
        ("incidents:\n  - {start: 2026-05-12, name: x}\n", ["`incidents.0.end` (line 6)", "Field required"]),
    ],
)
def test_a_mistake_in_the_workbook_names_line_key_and_remedy(tmp_path, lines, words):
    """Unknown keys, wrong types and impossible values say where they stand and what was meant."""
    said = refusal(tmp_path, lines)
    assert [word for word in [*words, "workbook.yaml"] if word not in said] == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "{path: a.csv, database: b.duckdb, table: t}",
            "exactly one of path, database, url, query (found path, database)",
        ),
        ("{columns: {}}", "exactly one of path, database, url, query (found none)"),
        ("{url: 'sqlite://x'}", "a database or url needs `table`"),
        ("{query: SELECT 1}", "`query` and `files` belong together"),
        ("{path: a.csv, csv: {delimiter: x}}", "did you mean delim?"),
        ("{path: a.csv, columns: {amount: {column: a, sql: b}}}", "give either `column` or `sql`"),
        ("{path: a.csv, columns: {paid_at: {column: a, zone: Mars}}}", "unknown time zone"),
        ("{path: a.csv, columns: {paid_at: {column: a, unit: h}}}", "'s', 'ms' or 'us'"),
        ("{pth: a.csv}", "did you mean path?"),
    ],
)
def test_a_mistake_in_a_mapping_is_explained(tmp_path, source, words):
    """A source with two places, none, or a misspelt option says what is expected."""
    assert words in refusal(tmp_path, f"  costs: {source}\n")


def test_an_unknown_table_is_named_with_the_near_one(tmp_path):
    """A table that the contract does not know is refused with those it knows."""
    said = refusal(tmp_path, "  order:\n    path: x.csv\n")
    assert "`tables.order" in said
    assert "'orders'" in said


def test_a_company_without_activity_is_refused(tmp_path):
    """Without events or orders nobody is ever active, so one of them must be there."""
    text = "company: {key: a, name: A}\ntables:\n  users: {path: u.csv}\n"
    with pytest.raises(ParameterError, match="tables must name `events` or `orders`"):
        read_workbook(write(tmp_path, text))


@pytest.mark.parametrize(
    ("notebook", "text", "words"),
    [
        ("01_user_lifecycle", "perod: 2026-02\n", ["`perod` (line 1) is not a known key", "did you mean period?"]),
        ("01_user_lifecycle", "history: many\n", ["`history` (line 1)", "found 'many'"]),
        ("01_user_lifecycle", "history: 1\n", ["`history` (line 1)", "greater than or equal to 2"]),
        ("02_retention_survival", "cohort: year\n", ["`cohort` (line 1)", "'day', 'week' or 'month'"]),
        (
            "03_campaign_review",
            "start: 2026-03-22\nend: 2026-03-09\n",
            ["the campaign ends (2026-03-09) before it starts (2026-03-22)"],
        ),
        ("03_campaign_review", "comparison: holdout\n", ["comparison: holdout needs experiment_id"]),
        (
            "03_campaign_review",
            "phases:\n  - {name: burst, start: 2026-03-09, end: 2026-03-01}\n",
            ["the phase burst ends before it starts"],
        ),
        (
            "03_campaign_review",
            "goals:\n  - {metric: revenu, target: 3}\n",
            ["`goals.0.metric` (line 2)", "'revenue'", "found 'revenu'"],
        ),
        (
            "03_campaign_review",
            "goals:\n  - {metric: cost, targt: 3}\n",
            ["`goals.0.targt` (line 2)", "did you mean target?"],
        ),
    ],
)
def test_a_mistake_in_a_run_file_names_line_key_and_remedy(tmp_path, notebook, text, words):
    """A misspelt or impossible parameter of a run never runs: it names the line, the key and what was meant."""
    said = run_refusal(tmp_path, notebook, text)
    assert [word for word in [*words, "run.yaml"] if word not in said] == []


def test_several_mistakes_come_in_one_error(tmp_path):
    """All mistakes of a file are told at once."""
    said = refusal(tmp_path, "zoen: UTC\ncurrency: yuan\n")
    assert "zoen" in said
    assert "currency" in said


def test_scalars_are_text_until_the_model_types_them(tmp_path):
    """NO, 001, 2026_10 and bare dates stay what was written; only nothing, ~ and null are nothing."""
    content, lines = read_yaml(
        write(tmp_path, "a: NO\nb: 001\nc: 2026_10\nd: 2026-01-01\ne:\nf: ~\ng: 'null'\nh: [on]\n")
    )
    assert content == {
        "a": "NO",
        "b": "001",
        "c": "2026_10",
        "d": "2026-01-01",
        "e": None,
        "f": None,
        "g": "null",
        "h": ["on"],
    }
    assert lines[("d",)] == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: 1\na: 2\n", r"`a` stands twice \(line 2\)"),
        ("a: [1\n", "not valid YAML"),
        ("- 1\n", "must hold `key: value` lines"),
        ("a: !!python/object/apply:os.getcwd []\n", None),
    ],
)
def test_files_that_are_no_parameters_are_refused(tmp_path, text, words):
    """Keys given twice, broken YAML and lists are refused; a tag that would call code is only text."""
    path = write(tmp_path, text)
    if words is None:
        assert read_yaml(path)[0] == {"a": []}
        return
    with pytest.raises(ParameterError, match=words):
        read_yaml(path)


def test_a_missing_file_names_its_neighbours(tmp_path):
    """A misspelt file name is answered with the near one, an empty folder with the folder."""
    write(tmp_path, WORKBOOK, "monthly.yaml")
    with pytest.raises(ParameterError, match=r"did you mean monthly\.yaml"):
        read_yaml(tmp_path / "montly.yaml")
    with pytest.raises(ParameterError, match="check the folder"):
        read_yaml(tmp_path / "gone" / "a.yaml")


def test_chinese_text_is_read_as_it_stands(tmp_path):
    """Names in Chinese need no quotes."""
    assert read_yaml(write(tmp_path, "name_zh: 双十一\n"))[0] == {"name_zh": "双十一"}
