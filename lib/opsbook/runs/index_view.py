"""Everything the template of the index names."""

from __future__ import annotations

from typing import Any

from opsbook.page import words
from opsbook.page.desk import ICONS
from opsbook.runs import memory_table
from opsbook.runs.index_attention import cards, items
from opsbook.runs.index_filters import choices
from opsbook.runs.index_lines import strips
from opsbook.runs.index_names import HTML_LANG, age_text, say, status_word
from opsbook.runs.index_rows import groups
from opsbook.runs.index_shelf import Shelf

OWN_ICONS = {"failed": "✕", "stale": "!"}
OWN_TONES = {"failed": "bad", "stale": "warn"}
PLACES = ("attention", "trends", "reports", "campaigns")


def view(shelf: Shelf) -> dict[str, Any]:
    """Facts and words for the template; the words spoken are those of the language of the shelf."""
    parts = {
        "attention": items(shelf),
        "trends": strips(shelf),
        "reports": groups(shelf),
        "campaigns": memory_table.rows(shelf),
    }
    return parts | {
        "lang": HTML_LANG[shelf.language],
        "langs": HTML_LANG,
        "say": say,
        "column": memory_table.heading,
        "age_text": age_text,
        "status_word": status_word,
        "icons": ICONS | OWN_ICONS,
        "tones": OWN_TONES,
        "places": [name for name in PLACES if parts[name]],
        "entries": shelf.entries,
        "runs": len({entry.run_key for entry in shelf.entries}),
        "built": say("built", date=words.show(shelf.today, "date"), time=f"{shelf.now:%H:%M}"),
        "ages": _ages(shelf),
        "cards": cards(shelf),
        "choices": choices(shelf),
        "columns": memory_table.COLUMNS,
        "several": shelf.several,
        "numeric": memory_table.NUMBERS,
        "campaigns_how": say("campaigns_how", grades=words.label("campaign.definition.grade")),
    }


def _ages(shelf: Shelf) -> list[tuple[str, str, int | None]]:
    """Per company its name, the last day of data of its newest report, and how old that is."""
    newest: dict[str, str] = {}
    for entry in shelf.entries:
        newest[entry.company] = max(newest.get(entry.company, ""), entry.as_of)
    return [(shelf.company(key).name(shelf.language), day, shelf.age(day)) for key, day in newest.items() if day]
