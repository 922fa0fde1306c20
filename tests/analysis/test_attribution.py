"""Attribution reproduces published figures, adds up by every rule, and says when the rule decides the answer."""

import gzip
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsbook.analysis import attribution

PUBLISHED = {  # first, last and linear of the R package ChannelAttribution's 10,000 paths
    "eta": (3164, 4167, 3539.951157),
    "iota": (4606, 3355, 3857.096221),
    "alpha": (6308, 8447, 7574.718594),
    "beta": (2831, 989, 2083.500145),
}


def counted(*rows: tuple[str, int, int]) -> pd.DataFrame:
    """Paths typed by hand: "a b c", conversions, nulls."""
    told = [(tuple(path.split()), won, lost) for path, won, lost in rows]
    return pd.DataFrame(told, columns=["path", "conversions", "nulls"])


def test_first_last_and_linear_are_the_published_ones(shared):
    """10,000 customer paths over twelve channels; each column sums to 19,785."""
    with gzip.open(shared("channel_paths_pathdata.csv.gz")) as file:
        rows = pd.read_csv(file)
    paths = pd.DataFrame({"path": rows["path"].map(lambda text: tuple(text.split(" > "))),
                          "conversions": rows["total_conversions"], "nulls": rows["total_null"]})  # fmt: skip
    found = attribution.credits(paths).set_index("channel")
    for channel, figures in PUBLISHED.items():
        assert found.loc[channel, ["first", "last", "linear"]].tolist() == pytest.approx(figures, abs=1e-6)
    assert found[list(attribution.METHODS)].sum().tolist() == pytest.approx([19_785] * 8)


def test_removal_effects_of_the_toy_chain():
    """c1>c2>c3 converts, c1 and c2>c3 do not: removal effects .5, 1, 1 and credit .2, .4, .4."""
    toy = counted(("c1 c2 c3", 1, 0), ("c1", 0, 1), ("c2 c3", 0, 1))
    assert attribution.removal_effects(toy).tolist() == pytest.approx([0.5, 1, 1], abs=1e-12)
    credit = attribution.credits(toy).set_index("channel")["markov"]
    assert credit[["c1", "c2", "c3"]].tolist() == pytest.approx([0.2, 0.4, 0.4], abs=1e-12)


def test_shapley_of_the_toy_game():
    """Alone A converts 10 and B 20, together 20 more: 20 belong to A and 30 to B."""
    found = attribution.credits(counted(("A", 10, 0), ("B", 20, 0), ("A B", 15, 0), ("B A B", 5, 0)))
    assert found.set_index("channel")["shapley"].to_dict() == {"A": 20, "B": 30}


def test_rules_on_one_path():
    """Position is 40/20/40, of two 50/50; the last touch that is not direct; a touch a week older counts half."""
    four = attribution.credits(counted(("a b c direct", 1, 0))).set_index("channel")
    assert four["position"].to_dict() == pytest.approx({"a": 0.4, "b": 0.1, "c": 0.1, "direct": 0.4})
    assert four["last_non_direct"].to_dict() == {"a": 0, "b": 0, "c": 1, "direct": 0}
    two = attribution.credits(counted(("a b", 1, 0)).assign(days_before=[(7, 0)])).set_index("channel")
    assert two["position"].to_dict() == {"a": 0.5, "b": 0.5}
    assert two["time_decay"].to_dict() == pytest.approx({"a": 1 / 3, "b": 2 / 3})
    only = attribution.credits(counted(("direct", 3, 0))).set_index("channel")
    assert only.loc["direct", "last_non_direct"] == 3


@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5), st.integers(0, 9), st.integers(0, 9)),
        min_size=1, max_size=8,
    )
)  # fmt: skip
def test_every_rule_shares_out_all_conversions(rows):
    """Whatever the paths, each rule's credits add up to the conversions, none is negative, the range holds all."""
    paths = counted(*((" ".join(path), won, lost) for path, won, lost in rows))
    found = attribution.credits(paths)
    total = paths["conversions"].sum()
    assert found[list(attribution.METHODS)].sum().tolist() == pytest.approx([total] * 8, abs=1e-9)
    assert (found[list(attribution.METHODS)] >= -1e-9).all(axis=None)
    assert (found["touched"] <= total).all()


def test_paths_are_counted_from_events():
    """One touch a day and channel, none after the conversion, only the window; users without one are nulls."""
    at = pd.to_datetime
    touches = pd.DataFrame(
        [(1, "2026-03-01 08:00", "ads"), (1, "2026-03-01 09:00", "ads"), (1, "2026-03-03 08:00", "push"),
         (1, "2026-03-05 20:00", "mail"), (2, "2026-03-02 08:00", "ads"), (2, "2026-03-04 08:00", None),
         (3, "2026-01-02 08:00", "ads"), (4, "2026-03-01 08:00", "ads"), (4, "2026-03-03 08:00", "push")],
        columns=["user", "at", "channel"],
    )  # fmt: skip
    touches = touches.assign(at=at(touches["at"]), day=at(touches["at"]).dt.normalize())
    won = pd.DataFrame({"user": [1, 1, 4], "at": at(["2026-03-05 12:00", "2026-03-06 12:00", "2026-03-05 12:00"])})
    won = won.assign(day=won["at"].dt.normalize())
    found = attribution.paths(touches, won, start=date(2026, 3, 1), end=date(2026, 3, 10), window_days=28)
    told = {(path, ages): (hits, misses) for path, ages, hits, misses in found.itertuples(index=False)}
    assert told == {(("ads", "push"), (4, 2)): (2, 0), (("ads",), (8,)): (0, 1)}


def test_the_interval_of_a_share_holds_the_truth_as_often_as_it_says():
    """Paths drawn from a known chain 250 times: the linear and Markov shares of a large sample lie in 92-98 %."""
    random = np.random.default_rng(3)
    kinds = counted(("a", 30, 70), ("a b", 60, 40), ("b c", 25, 75), ("c a b", 40, 60), ("c", 10, 90))
    true = attribution.shares(kinds, seed=1, draws=1).set_index(["method", "channel"])["share"]
    inside = []
    for draw in range(250):
        sample = kinds.assign(**{name: random.poisson(kinds[name] * 4) for name in ("conversions", "nulls")})
        found = attribution.shares(sample, seed=draw, draws=120).set_index(["method", "channel"])
        wanted = [(method, channel) for method in ("linear", "markov") for channel in "abc"]
        inside.append([(found.loc[key, "low"] <= true[key] <= found.loc[key, "high"]) for key in wanted])
    assert (np.mean(inside, axis=0) > 0.91).all()
    assert 0.925 < np.mean(inside) < 0.975


def test_without_conversions_there_are_no_shares():
    """Nothing is divided by nothing."""
    found = attribution.shares(counted(("a b", 0, 5)), seed=1)
    assert found["share"].isna().all()
    assert attribution.credits(counted(("a b", 0, 5)))["linear"].sum() == 0
