"""What was promised is compared field by field with what the file says now."""

from opsbook.analysis import registered

PROMISED = {"start": "2026-03-01", "primary_metric": "orders", "goals": [{"metric": "orders", "target": 5.0}]}


def test_an_equal_file_has_no_changes(same):
    """Nested values are written out, and nothing is marked."""
    same(
        registered.compared(PROMISED, dict(PROMISED))[["field", "registered", "changed"]],
        """
        field          | registered                    | changed
        start          | 2026-03-01                    | false
        primary_metric | orders                        | false
        goals          | metric = orders; target = 5.0 | false
        """,
    )


def test_changed_new_and_dropped_fields_are_marked():
    """A metric exchanged, a goal dropped and a guardrail added are three changes."""
    now = {"start": "2026-03-01", "primary_metric": "revenue", "guardrails": [{"metric": "buyers"}]}
    found = registered.compared(PROMISED, now).set_index("field")
    assert found.index[found["changed"]].tolist() == ["primary_metric", "goals", "guardrails"]
    assert found.loc["goals", "now"] == ""


def test_without_a_registration_there_is_nothing_to_compare():
    """No rows where nothing was promised."""
    assert registered.compared(None, PROMISED).empty
