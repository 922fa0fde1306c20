"""What a reader should look at first: what failed, what is bad or to be watched, what is out of date; and how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from opsbook.runs.index_filters import tags
from opsbook.runs.index_names import HTML_LANG, language_name, link, local_day, say, status_word, titled
from opsbook.runs.index_rows import Link, failure_of
from opsbook.runs.index_shelf import Shelf
from opsbook.runs.topics import SERIOUS, Topic, serious, topics, watched

NO_ALARM = ("good", "neutral", "unknown")


@dataclass(frozen=True)
class Item:
    """One line: state, what it is about, what is the matter, where to look; as_of and limit only of what is stale."""

    state: str
    title: str
    period: str
    text: str
    lang: str
    links: tuple[Link, ...]
    tags: dict[str, str | None]
    as_of: str = ""
    age: int | None = None
    limit: int | None = None
    stale: bool = True


@dataclass(frozen=True)
class Card:
    """A count: its name, what it is made of, the colour of its state; `key` where the page's script counts again."""

    label: str
    value: int
    fine: str = ""
    tone: str = ""
    key: str = ""


def items(shelf: Shelf) -> list[Item]:
    """Failed first, then bad, to be watched, and the runs whose data are, or will be, out of date."""
    found = topics(shelf.entries, language=shelf.language)
    told = [_failed(topic, shelf) if topic.failed else _judged(topic, shelf) for topic in serious(found)]
    return [*told, *_ageing(found, shelf)]


def cards(shelf: Shelf) -> list[Card]:
    """Runs without alarm, to be looked at, failed and out of date, and the reports made on the day."""
    found = topics(shelf.entries, language=shelf.language)
    states = Counter(topic.state for topic in watched(found))
    stale = sum(item.stale for item in _ageing(found, shelf))
    made = sum(local_day(entry.made_at, shelf) == shelf.today.isoformat() for entry in shelf.entries)
    return [
        _card("no_alarm", states, NO_ALARM, tone="good"),
        _card("attention", states, SERIOUS[1:], tone="bad" if states["bad"] else "warn"),
        Card(say("card.failed"), states["failed"], say("card.failed_fine"), "bad"),
        Card(say("card.stale"), stale, say("card.stale_fine"), "warn", key="stale"),
        Card(say("card.today"), made, say("card.today_fine", reports=len(shelf.entries)), key="today"),
    ]


def _card(name: str, states: Counter[str], those: Sequence[str], *, tone: str) -> Card:
    """The states together, and below how many of each."""
    told = [say("card.part", n=states[state], state=status_word(state)) for state in those if states[state]]
    return Card(say(f"card.{name}"), sum(states[state] for state in those), " · ".join(told), tone)


def _failed(topic: Topic, shelf: Shelf) -> Item:
    """When and why the first language failed, and what is known about each that did."""
    failures = [(entry.language, failure_of(entry, shelf)) for entry in topic.failed]
    known = [(language, failure) for language, failure in failures if failure]
    several = len(known) > 1
    records = (
        Link(f"{one.text} ({language_name(language)})" if several else one.text, one.href)
        for language, failure in known
        for one in failure.links
    )
    text = say("attention.failed", date=known[0][1].date, why=known[0][1].why)
    return _item(topic, shelf, state="failed", text=text, links=(*records, *_reports(topic)))


def _judged(topic: Topic, shelf: Shelf) -> Item:
    told = topic.judged
    lang = HTML_LANG.get(told.language, "")
    return _item(topic, shelf, state=topic.state, text=told.verdict, lang=lang, links=_reports(topic))


def _ageing(found: Sequence[Topic], shelf: Shelf) -> list[Item]:
    """One item per run whose data can be out of date; those that are not yet are hidden until they are."""
    able = [topic for topic in found if topic.main.folder in shelf.allowed]
    return [_ages(topic, shelf) for topic in sorted(able, key=lambda topic: topic.main.as_of)]


def _ages(topic: Topic, shelf: Shelf) -> Item:
    main, limit = topic.main, shelf.allowed[topic.main.folder]
    text = say(f"attention.stale_{main.period_kind}", limit=limit, as_of=main.as_of)
    told = _item(topic, shelf, state="stale", text=text, links=_reports(topic))
    return replace(told, as_of=main.as_of, age=shelf.age(main.as_of), limit=limit, stale=shelf.is_stale(main))


def _item(topic: Topic, shelf: Shelf, *, state: str, text: str, links: tuple[Link, ...], lang: str = "") -> Item:
    main, title = topic.main, titled(topic.main, shelf)
    return Item(state, title, main.period, text, lang, links, tags(main, title, text, status=state))


def _reports(topic: Topic) -> tuple[Link, ...]:
    """The report in each language it was made in."""
    good = [entry for entry in topic.entries if entry.good]
    names = [say("report_in", language=language_name(entry.language)) for entry in good]
    texts = names if len(good) > 1 else [say("report")] * len(good)
    return tuple(Link(text, link(entry, "report.html")) for text, entry in zip(texts, good, strict=True))
