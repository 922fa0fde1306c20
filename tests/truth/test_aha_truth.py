"""The behaviour planted in the simulated company is what notebook 01 finds; those planted without effect are not."""

import pandas as pd

REPORT = "01_user_lifecycle/monthly/2026-10"


def test_planted_early_behaviour_is_found_and_those_without_effect_are_not(made):
    """Three contents in the first week lower the hazard of leaving: they come first; check-ins and the guide do not."""
    cells = pd.read_parquet(made.home / "outputs" / REPORT / "tables" / "aha.parquet")
    effects = made.truth["log_hazard_ratio"]["early_behaviour"]
    assert effects["read_3_contents_in_first_7_days"] < 0 == effects["finish_guide"]
    best = cells.iloc[0]
    assert (best["item"], best["window_days"], best["at_least"]) == ("read_content", 7, 3)
    assert best["p_search"] <= 0.05
    assert best["adjusted_low"] > 0
    assert (cells.loc[cells["item"].isin(["check_in", "finish_guide"]), "p_search"] > 0.05).all()
