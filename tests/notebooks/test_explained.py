"""Every headline number of every report can be explained."""

import json

from opsbook.runs.explanation import explanation, keys


def test_every_headline_number_of_the_reports_leads_to_its_cell_and_its_data(made):
    """For all four notebooks each key resolves to cells, and to mart tables or parameters with rows of the run."""
    seen = set()
    found = sorted(path.parent for path in (made.home / "outputs").glob("0*/*/*/results.json"))
    for folder in (one for one in found if one.suffix != ".zh"):
        for key in keys(folder):
            told = explanation(folder, key, home=made.home)
            assert told["recorded_in"], (folder, key)
            assert told["tables"] or told["parameters"], (folder, key)
            assert told["functions"], (folder, key)
            assert json.dumps(told)
        seen.add(told["notebook"][:2])
    assert seen == {"01", "02", "03", "04"}
