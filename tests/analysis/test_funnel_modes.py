"""Funnels as the workbook defines them: every mode and option against a twin that tries every chain, and their laws."""

from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from opsbook.analysis import funnel_modes, funnels
from opsbook.inputs.funnels import Funnel
from opsbook.inputs.periods import between

FIRST = datetime(2026, 1, 1)
PERIODS = [between(date(2026, 1, 2), date(2026, 1, 4)), between(date(2026, 1, 5), date(2026, 1, 7))]
AS_OF = date(2026, 1, 9)
EVENTS = ["view", "fav", "cart", "order", "read", "quit"]
NOBODY = pd.DataFrame({"user": [], "signed_up_at": [], "signed_up_day": []}).astype(
    {"user": "int64", "signed_up_at": "datetime64[us]", "signed_up_day": "datetime64[us]"}
)


def steps_of(rows):
    """Events given as (user, hours since the first day, event, content)."""
    table = pd.DataFrame(rows, columns=["user", "hours", "event", "content_id"])
    at = pd.Timestamp(FIRST) + pd.to_timedelta(table["hours"], unit="h")
    return table.assign(at=at, day=at.dt.normalize(), content_id=table["content_id"].astype("string"))


def users_of(hours):
    """Sign-ups given as {user: hours since the first day}."""
    at = pd.Timestamp(FIRST) + pd.to_timedelta(pd.Series(list(hours.values()), dtype="float64"), unit="h")
    return pd.DataFrame({"user": list(hours), "signed_up_at": at, "signed_up_day": at.dt.normalize()})


def funnel_of(**options):
    """View, cart, order within two days."""
    return Funnel.model_validate({"name": "test", "steps": ["view", "cart", "order"], "window_days": 2} | options)


def walk(rows, funnel, users=NOBODY, periods=PERIODS, as_of=AS_OF):
    """The walk as a frame in a fixed order."""
    walked = funnel_modes.walk(steps_of(rows), users, funnel=funnel, periods=periods, as_of=as_of)
    return walked.to_pandas().sort_values(["cohort", "user"], ignore_index=True)


def depth(rows, **options):
    """How many steps user 1 is counted at, for entries of the first period."""
    walked = walk(rows, funnel_of(**options), periods=PERIODS[:1])
    return int(walked.filter(like="reached_").iloc[0].sum())


def on(*log, content=""):
    """One user's log: events an hour apart on 2 January, the day the first period begins."""
    return [(1, 24 + hour, event, content) for hour, event in enumerate(log)]


@pytest.mark.parametrize(
    ("mode", "depths"), [("ordered", [3, 3, 3, 2, 3]), ("strict", [3, 1, 3, 1, 2]), ("any_order", [3, 3, 3, 3, 3])]
)
def test_modes_differ_in_what_may_lie_between(mode, depths):
    """Ordered lets others between, strict lets nothing between, any order asks only for the window."""
    logs = [
        ["view", "cart", "order"],
        ["view", "read", "cart", "order"],
        ["view", "view", "cart", "order"],
        ["view", "order", "cart"],
        ["order", "view", "cart", "read", "order"],
    ]
    rows = [(user, 24 + hour, event, "") for user, log in enumerate(logs) for hour, event in enumerate(log)]
    found = walk(rows, funnel_of(mode=mode), periods=PERIODS[:1])
    assert found.filter(like="reached_").sum(axis=1).tolist() == depths


def test_strict_first_entry_breaks_at_a_repeated_step():
    """A second view lies between the first view and the cart; only a later entry avoids it."""
    assert depth(on("view", "view", "cart"), mode="strict", anchor="first_entry") == 1


def test_within_is_counted_from_the_step_before():
    """The order may come an hour after the cart at most; a second cart saves the chain."""
    steps = ["view", "cart", {"event": "order", "within": "1 hour"}]
    assert depth(on("view", "cart", "read", "order"), steps=steps) == 2
    assert depth(on("view", "cart", "cart", "order"), steps=steps) == 3


def test_optional_step_is_counted_but_no_condition():
    """A favourite counts where it was made, and the cart counts without it."""
    steps = ["view", {"event": "fav", "optional": True}, "cart"]
    assert depth(on("view", "fav", "cart"), steps=steps) == 3
    without = walk(on("view", "cart"), funnel_of(steps=steps), periods=PERIODS[:1])
    assert without.loc[0, ["reached_1", "reached_2", "reached_3"]].tolist() == [True, False, True]


def test_excluded_event_discards_the_chain_not_the_user():
    """Quitting before the cart ends the chain; a view after it starts one that completes."""
    assert depth(on("view", "quit", "cart", "order"), exclude=["quit"]) == 1
    assert depth(on("view", "quit", "view", "cart", "order"), exclude=["quit"]) == 3


def test_exclusion_holds_only_between_its_two_steps():
    """Quitting is forbidden between cart and order, not before the cart."""
    only = [{"event": "quit", "after": "cart", "before": "order"}]
    assert depth(on("view", "quit", "cart", "order"), exclude=only) == 3
    assert depth(on("view", "cart", "quit", "order"), exclude=only) == 2


def test_held_property_is_one_value_on_all_steps():
    """The cart of another item does not continue the view of the first."""
    log = [(1, 24, "view", "a"), (1, 25, "view", "b"), (1, 26, "cart", "b"), (1, 27, "order", "a")]
    assert depth(log) == 3
    assert depth(log, hold="content_id") == 2


def test_sign_up_is_the_first_step():
    """With `entry: signup` the window begins at the instant of sign-up, and what was done before does not count."""
    rows = [(1, 30, "view", ""), (2, 40, "view", ""), (2, 87, "cart", ""), (2, 89, "order", "")]
    walked = walk(rows, funnel_of(entry="signup"), users_of({1: 31, 2: 40, 3: 47}), periods=PERIODS[:1])
    assert walked["reached_1"].tolist() == [True, True, True]
    assert walked["reached_2"].tolist() == [False, True, False]
    assert walked["hours_3"].tolist()[1] == 47.0
    assert walked["reached_4"].tolist() == [False, False, False]


def test_hours_watched_end_with_the_window_or_the_last_day():
    """An old entry is watched to the end of its window, a young one to the end of the last day in the zone."""
    rows = [(1, 24, "view", ""), (2, 24 * 7, "view", "")]
    zone = ZoneInfo("Asia/Shanghai")
    here = funnel_modes.walk(
        steps_of(rows), NOBODY, funnel=funnel_of(), periods=[between(date(2026, 1, 2), date(2026, 1, 8))],
        as_of=date(2026, 1, 8), timezone=zone,
    ).order_by("user").to_pandas()  # fmt: skip
    assert here["watched_hours"].tolist() == [48.0, 16.0]
    assert here["complete"].tolist() == [True, False]


def test_a_walk_needs_a_period():
    """Without a period of entry there is nothing to count, and that is an error of the caller."""
    with pytest.raises(ValueError, match="at least one period"):
        walk(on("view"), funnel_of(), periods=[])


def test_same_as_the_plain_funnel_of_campaigns():
    """Without options the walk counts what `funnels.funnel` counts, for every period by itself."""
    rows, _ = random_log(np.random.default_rng(7), users=60)
    for anchor in ("best_entry", "first_entry"):
        walked = walk(rows, funnel_of(anchor=anchor))
        for cohort, period in enumerate(PERIODS):
            plain = funnels.funnel(
                steps_of(rows), path=("view", "cart", "order"), start=period.start, end=period.end, window_days=2,
                as_of=AS_OF, anchor=anchor,
            )  # fmt: skip
            own = walked[walked["cohort"] == cohort]
            assert own.filter(like="reached_").sum().tolist() == plain["users"].tolist()
            assert int((~own["complete"]).sum()) == plain["incomplete"].iloc[0]


OPTIONAL = ["view", {"event": "fav", "optional": True}, "cart", "order"]
TIMED = ["view", {"event": "cart", "within": "12 hours"}, {"event": "order", "within": "1 day"}]
BOTH = ["view", {"event": "fav", "optional": True, "within": "18 hours"}, {"event": "cart", "within": "1 day"}, "order"]
PLAIN = ["view", "cart", "order"]
STEPS = {"ordered": [PLAIN, OPTIONAL, TIMED, BOTH], "strict": [PLAIN, TIMED], "any_order": [PLAIN]}
BETWEEN = [{"event": "quit", "after": "view", "before": "cart"}]
EXCLUDE = {"ordered": [[], ["quit"], BETWEEN], "strict": [[]], "any_order": [[], ["quit"]]}
WAYS = [
    {"mode": mode, "steps": steps, "exclude": exclude, "anchor": anchor, "entry": entry, "hold": hold}
    for mode in STEPS
    for steps, exclude, anchor, entry, hold in product(
        STEPS[mode], EXCLUDE[mode], ("best_entry", "first_entry"), ("event", "signup"), (None, "content_id")
    )
]


def random_log(rng, *, users, events=7):
    """Crowded logs with many equal instants, and a sign-up for two users in three."""
    rows = [
        (user, float(rng.integers(0, 40) * 6), str(rng.choice(EVENTS)), rng.choice(["a", "b", None]))
        for user in range(users)
        for _ in range(int(rng.integers(1, 2 * events)))
    ]
    signed_up = {user: float(rng.integers(0, 30) * 6) for user in range(users) if rng.random() < 2 / 3}
    return rows, users_of(signed_up)


@settings(max_examples=6, phases=[Phase.generate])  # a seed is no simpler for being smaller
@given(st.sampled_from(WAYS), st.integers(0, 10**6))
def test_every_mode_and_option_equals_its_brute_force_twin(way, seed):
    """Every chain of every user tried one by one gives the same steps, hours and incomplete users."""
    rows, users = random_log(np.random.default_rng(seed), users=40)
    funnel = funnel_of(**way)
    found = walk(rows, funnel, users)
    expected = Twin(rows, users, funnel).table()
    pd.testing.assert_frame_equal(
        found.drop(columns="entry_day"), expected[list(found.drop(columns="entry_day"))], check_dtype=False
    )


@settings(max_examples=2, phases=[Phase.generate])
@given(st.sampled_from(WAYS), st.integers(0, 10**6))
def test_laws_of_every_funnel(way, seed):
    """Row order, user names and days after as_of mean nothing, doubled users count twice, steps only lose users."""
    rows, users = random_log(np.random.default_rng(seed), users=30)
    funnel = funnel_of(**way)
    base = walk(rows, funnel, users)
    late = (AS_OF - FIRST.date()).days * 24 + 24.0
    mixed = [(user + 1000, *row) for user, *row in reversed(rows)] + [
        (1001, late, "cart", "a"),
        (1002, late, "quit", "a"),
    ]
    again = walk(rows + mixed, funnel, pd.concat([users, users.assign(user=users["user"] + 1000)]))
    copies = [again[again["user"] < 1000], again[again["user"] >= 1000].assign(user=again["user"] - 1000)]
    for copy in copies:
        pd.testing.assert_frame_equal(copy.reset_index(drop=True), base)
    counted = base.filter(like="reached_").to_numpy()[:, [not skip for skip in funnel.optional]]
    assert (np.diff(counted.astype(int), axis=1) <= 0).all()
    wider = walk(rows, funnel_of(**way | {"window_days": 3}), users).set_index(["cohort", "user"])
    both = base[base["complete"]].set_index(["cohort", "user"]).filter(like="reached_")
    both = both.loc[wider.index[wider["complete"]].intersection(both.index)]
    if funnel.anchor == "first_entry" or funnel.entry == "signup":  # a best entry may be too young for the wider window
        assert (wider.loc[both.index, both.columns].to_numpy() >= both.to_numpy()).all()


def test_wider_window_never_lowers_a_best_entry():
    """Where every entry is old enough for both windows, the wider one counts at least as many at every step."""
    rows, _ = random_log(np.random.default_rng(3), users=60)
    counts = [
        walk(rows, funnel_of(window_days=days), as_of=date(2026, 2, 1)).filter(like="reached_").sum()
        for days in (1, 2, 4)
    ]
    assert (np.diff(counts, axis=0) >= 0).all()


class Twin:
    """The walk in plain Python: for each entry, every chain is tried."""

    def __init__(self, rows, users, funnel):
        self.funnel, self.window = funnel, timedelta(days=funnel.window_days)
        self.users = {row.user: row.signed_up_at.to_pydatetime() for row in users.itertuples()}
        self.logs = {}
        for user, hours, event, content in rows:
            at = FIRST + timedelta(hours=hours)
            if at.date() <= AS_OF:
                self.logs.setdefault(user, []).append((at, event, content))

    def table(self):
        """The walk."""
        rows = []
        for cohort, period in enumerate(PERIODS):
            for user in sorted({*self.logs, *self.users}):
                entries = [e for e in self.entries(user) if period.contains(e[0].date())]
                if entries:
                    rows.append({"cohort": cohort, "user": user} | self.row(user, entries))
        return pd.DataFrame(rows)

    def entries(self, user):
        """(instant, held) of every entry."""
        if self.funnel.entry == "signup":
            return [(self.users[user], None)] if user in self.users else []
        firsts = range(1, len(self.funnel.names) + 1) if self.funnel.mode == "any_order" else [1]
        named = {event for k in firsts for event in self.funnel.events(k)}
        return [(at, self.held(row)) for row in self.logs.get(user, []) if (at := row[0]) and self.fits(row, named)]

    def held(self, row):
        """The value an event holds; empty where none is asked for."""
        return row[2] if self.funnel.hold else ""

    def fits(self, row, events):
        """Whether the event may be the step of these events."""
        return row[1] in events and self.held(row) is not None

    def row(self, user, entries):
        """One user in one period."""
        numbers = range(1, len(self.funnel.names) + 1)
        start = min(entries)[0] if not self.funnel.hold else min(at for at, _ in entries)
        first = [entry for entry in entries if entry[0] == start]
        old = [entry for entry in entries if entry[0].date() <= AS_OF - self.window]
        one = self.funnel.anchor == "first_entry" or self.funnel.entry == "signup"
        times = self.reached(user, first)
        complete = start.date() <= AS_OF - self.window
        best = times if one else self.reached(user, old)
        end = datetime.combine(AS_OF + timedelta(days=1), datetime.min.time())
        hours = {f"hours_{k}": (times[k] - start) / timedelta(hours=1) if k in times else np.nan for k in numbers}
        was = {f"reached_{k}": complete and k in best for k in numbers}
        watched = (min(start + self.window, end) - start) / timedelta(hours=1)
        return {"complete": complete, "watched_hours": watched} | was | hours

    def reached(self, user, entries):
        """Step -> the earliest instant at which a chain from one of the entries reached it."""
        times = {}
        for entry in entries:
            found = self.any_order(user, entry) if self.funnel.mode == "any_order" else self.chains(user, entry)
            for k, at in found:
                times[k] = min(at, times.get(k, at))
        return times

    def chains(self, user, entry):
        """(step, instant) of the end of every chain from the entry that breaks no rule."""
        waiting = [[(1, *entry)]]
        while waiting:
            chain = waiting.pop()
            if not self.unbroken(user, chain):
                continue
            yield chain[-1][0], chain[-1][1]
            last, at, held = chain[-1]
            for k in range(last + 1, len(self.funnel.names) + 1):
                for row in self.logs.get(user, []):
                    soon = at <= row[0] <= min(at + self.funnel.within(k), entry[0] + self.window)
                    if soon and self.fits(row, self.funnel.events(k)) and held in (None, self.held(row)):
                        waiting.append([*chain, (k, row[0], self.held(row))])
                if not self.funnel.optional[k - 1]:
                    break

    def unbroken(self, user, chain):
        """Whether nothing forbidden lies inside the chain."""
        instants = {at for _, at, _ in chain}
        others = [(at, event) for at, event, _ in self.logs.get(user, []) if at not in instants]
        if self.funnel.mode == "strict":
            return not any(chain[0][1] < at < chain[-1][1] for at, _ in others)
        names = self.funnel.names
        for rule in self.funnel.exclude:
            first = names.index(rule.after) + 1 if rule.after else 1
            last = names.index(rule.before) + 1 if rule.before else len(names)
            inside = [at for k, at, _ in chain if first <= k <= last]
            if inside and any(event in rule.any_of and min(inside) < at < max(inside) for at, event in others):
                return False
        return True

    def any_order(self, user, entry):
        """(number of different steps, instant at which it was reached) within the window of the entry."""
        log, (start, held) = sorted(self.logs.get(user, []), key=lambda row: row[0]), entry
        quits = [at for at, event, _ in log if at > start and any(event in rule.any_of for rule in self.funnel.exclude)]
        end = min([start + self.window, *quits])
        ahead = 1 if self.funnel.entry == "signup" else 0
        if ahead:
            yield 1, start
        for value in {self.held(row) for row in log} if held is None else {held}:
            done = set()
            for row in log:
                k = next((k for k in range(1, len(self.funnel.names) + 1) if row[1] in self.funnel.events(k)), 0)
                if k and k not in done and start <= row[0] <= end and self.held(row) == value and value is not None:
                    done.add(k)
                    yield len(done) + ahead, row[0]


def shipped_leads():
    """The funnel of B2B leads that stands as a comment in the shipped workbook, as a company would uncomment it."""
    text = (Path(__file__).parents[2] / "params/workbook.yaml").read_text(encoding="utf-8")
    block = text[text.index("  # - name: leads to contract") :].split("\nincidents:")[0]
    lines = [line.replace("  # ", "  ", 1) for line in block.splitlines() if line.strip().startswith("#")]
    (given,) = yaml.safe_load("\n".join(lines))
    return Funnel.model_validate(given)


def test_the_shipped_funnel_of_leads_runs_as_it_reads():
    """Signed in order; met is skipped without harm; late, invalid and channel-changing leads stop where it says."""
    way = ["registered", "cleaned", "assigned", "demo", "class_2", "class_1", "signed"]
    logs = {
        1: [(hour, event, "web") for hour, event in enumerate(way)],
        2: [(hour, event, "web") for hour, event in enumerate(way) if event != "demo"],
        3: [(0, "registered", "web"), (1, "cleaned", "web"), (30, "assigned", "web"), (31, "class_2", "web")],
        4: [(0, "registered", "web"), (1, "cleaned", "web"), (2, "marked_invalid", "web"), (3, "assigned", "web")],
        5: [(0, "registered", "web"), (1, "cleaned", "fair"), (2, "assigned", "fair")],
        6: [(0, "registered", "web"), (80, "cleaned", "web"), (81, "assigned", "web")],
    }
    rows = [(user, 24 + hour, event, "") for user, log in logs.items() for hour, event, _channel in log]
    channels = [channel for log in logs.values() for _hour, _event, channel in log]
    steps = steps_of(rows).assign(channel=pd.Series(channels, dtype="string"))
    asked = {"funnel": shipped_leads(), "periods": PERIODS[:1], "as_of": AS_OF + timedelta(days=200)}
    walked = funnel_modes.walk(steps, NOBODY, **asked).to_pandas().set_index("user")
    reached = walked.filter(like="reached_").sum(axis=1).to_dict()
    assert reached == {1: 7, 2: 6, 3: 2, 4: 2, 5: 1, 6: 1}
    assert bool(walked.loc[2, "reached_7"])
