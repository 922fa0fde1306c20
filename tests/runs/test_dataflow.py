"""What a line rests on: small notebooks in, the lines behind a line out."""

import pytest

from opsbook.runs.dataflow import behind, reads, steps


def cells(*sources):
    """Cells called a, b, c, …"""
    return list(zip("abcdefgh", sources, strict=False))


def rests_on(*sources):
    """Sources of the lines that the last line rests on, itself included."""
    known = steps(cells(*sources))
    return [known[place].source for place in behind(known, [len(known) - 1])]


def read_by_last(*sources):
    """Paths that everything behind the last line reads."""
    known = steps(cells(*sources))
    return sorted(set().union(*(reads(known, place) for place in behind(known, [len(known) - 1]))))


def test_a_line_rests_on_the_assignments_of_its_names_across_cells():
    """Names are followed from cell to cell, and what is not used is left out."""
    assert rests_on("x = 1\ny = 2", "z = x + 1", "show(z)") == ["x = 1", "z = x + 1", "show(z)"]


def test_the_newest_assignment_counts():
    """A name that is assigned anew hides what it was, also when the new value rests on the old one."""
    assert rests_on("x = 1", "x = 2", "show(x)") == ["x = 2", "show(x)"]
    assert rests_on("x = 1", "x = x + 1", "show(x)") == ["x = 1", "x = x + 1", "show(x)"]


def test_a_later_assignment_does_not_reach_back():
    """What is assigned after a line cannot have made it."""
    known = steps(cells("x = 1", "show(x)", "x = 2"))
    assert [known[place].source for place in behind(known, [1])] == ["x = 1", "show(x)"]


def test_an_assignment_that_may_not_happen_hides_nothing():
    """Inside `if` a name is perhaps assigned: both values may be the one."""
    assert rests_on("x = 1", "if way:\n    x = 2", "show(x)") == ["x = 1", "if way:\n    x = 2", "show(x)"]


@pytest.mark.parametrize("change", ["x |= {'b': 2}", "x['b'] = y", "x.b = y"])
def test_a_change_from_within_keeps_what_was_there(change):
    """`|=`, an item and an attribute change a thing that was made before."""
    assert rests_on("y = 3", "x = make()", change, "show(x)")[-3:] == ["x = make()", change, "show(x)"]


def test_assignments_side_by_side_do_not_rest_on_each_other():
    """`a, b = x, y` gives b nothing of x; a call that gives two values gives both."""
    assert rests_on("x = 1", "y = 2", "a, b = x, y", "show(b)") == ["y = 2", "a, b = x, y", "show(b)"]
    assert rests_on("x = 1", "a, b = both(x)", "show(b)") == ["x = 1", "a, b = both(x)", "show(b)"]


def test_names_of_a_comprehension_are_its_own():
    """A loop variable inside a comprehension or a lambda is not the notebook's variable of that name."""
    assert rests_on("part = 1", "x = [part for part in many]", "show(x)") == ["x = [part for part in many]", "show(x)"]
    assert rests_on("part = 1", "x = sorted(many, key=lambda part: part.n)", "show(x)")[0] != "part = 1"
    assert rests_on("part = 1", "x = [part for one in many]", "show(x)")[0] == "part = 1"


def test_names_in_keywords_and_f_strings_are_read():
    """`**rule`, keyword values and f-strings read names like anything else."""
    assert rests_on("rule = {'a': 1}", "word = 'x'", "show(**rule, told=f'{word}')") == [
        "rule = {'a': 1}",
        "word = 'x'",
        "show(**rule, told=f'{word}')",
    ]


def test_paths_are_followed_through_aliases_and_imports():
    """`mart` stands for `book.mart`, `run.goals` for `book.run.goals`, `says.x` for its module's x."""
    found = read_by_last(
        "from opsbook import churn\nfrom opsbook.page.says import retention as says",
        "book, page = start('02', vars())",
        "mart, run = book.mart, book.run",
        "aims = run.campaign\ngaps = churn.gap_table(mart.user_days, goal=aims.goal)",
        "page.number(**says.threshold(gaps))",
    )
    assert found == [
        "book.mart.user_days",
        "book.run.campaign.goal",
        "opsbook.churn.gap_table",
        "opsbook.page.says.retention.threshold",
        "page.number",
    ]


def test_giving_a_path_another_name_reads_nothing():
    """An alias alone is no use of a table: only who uses the name reads it."""
    assert read_by_last("book = start()", "mart = book.mart", "users = mart.users", "show(1)") == []
    assert read_by_last("book = start()", "users = book.mart.users", "show(users)") == ["book.mart.users"]


def test_a_cell_that_is_no_python_is_an_error():
    """A notebook that could not have run is not explained."""
    with pytest.raises(SyntaxError):
        steps(cells("x ="))
