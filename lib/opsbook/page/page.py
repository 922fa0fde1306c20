"""The page a notebook writes: each method shows one thing, now at the desk and later in the report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from opsbook.errors import OperatorError, ParameterError
from opsbook.inputs.exits import Exits
from opsbook.inputs.run_params import campaign_of
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.page import bundles, desk, theme, words
from opsbook.page.appendix import appendix_html, definitions
from opsbook.page.areas import area_of
from opsbook.page.bundles import bundle
from opsbook.page.data_card import data_card_html
from opsbook.page.figures import picture
from opsbook.page.numbers import Number, number
from opsbook.page.passport import passport
from opsbook.page.past import Past
from opsbook.page.register import Register
from opsbook.page.results import SCHEMA
from opsbook.page.tables import columns_shown, to_html, to_parquet
from opsbook.page.words import Sentence

NEEDS: Mapping[str, Callable[[Exits], bool]] = {
    "exits": lambda exits: bool(exits.roads),  # roads out that leave a trace
    "silence": lambda exits: not exits.exits_only,  # silence ends a life
    "activity": lambda exits: not exits.exits_only,  # coming back is something users do
}
ACTIVITY = ("users", "events", "orders")  # tables that say who was active when
STATUSES = ("good", "warn", "bad", "unknown", "neutral")


class Page:
    """One report in the making; its language, currency and colours are those of the book."""

    def __init__(self, book: Any, *, emit: bundles.Emit = bundles.emit) -> None:
        self.book, self._emit = book, emit
        self.area = area_of(book.notebook)
        own = book.workbook
        words.use(book.language, currency=getattr(own, "currency", ""), labels=getattr(own, "labels", None))
        theme.use(book.language, book.workbook.company.brand_color)
        self._numbers: Register[Number] = Register("number")
        self._cards: dict[str, bool] = {}
        self._sections: Register[Sentence] = Register("figure or table")
        self._findings: dict[str, bool] = {}
        self._verdict: dict[str, str] | None = None
        self._decision: dict[str, str] | None = None
        self._targets = known_targets(self.area, getattr(book.run, "targets", {}))
        self._told_absent: set[str] = set()

    def title(self, **fields: Any) -> None:
        """The report's name and question, from `<area>.title` and `<area>.question`, with company and period.

        These two texts may use {campaign}, {company} and {period}; other fields are given here.
        """
        known = self._title_fields() | fields
        payload = self._identity() | {
            "title": _filled(f"{self.area}.title", known),
            "question": _filled(f"{self.area}.question", known),
            "period_text": self._period_text(),
            "through_text": words.label("page.data_through", as_of=self.book.as_of),
            "brand_color": self.book.workbook.company.brand_color,
            "currency": words.currency(),
        }
        self._show("title", payload, desk.title(payload), payload["question"])

    def data_card(self) -> None:
        """Which data the report read, and what a rule dropped or flagged."""
        self._show("data_card", {}, data_card_html(self.book, self.area), words.label("page.data"))

    def figure(
        self,
        fig: Figure | None,
        sentence: Sentence | None,
        *,
        table: pd.DataFrame | None = None,
        name: str = "",
        needs: Sequence[str] = (),
        how: str | Sentence | None = None,
        formats: Mapping[str, str] | None = None,
    ) -> None:
        """A figure under its sentence, which is also its alt text; its table is folded below and saved as `name`.

        Without a sentence nothing is shown or saved: there is no such question here. needs: tables of the contract, or
        names of NEEDS; if the company lacks one, a line says so. how: catalogue key (or sentence) of the how-to-read
        line. formats: column -> spec where the name does not tell (tables.column_spec).
        """
        if sentence is None or self._absent(needs):
            return
        name = self._registered(name, sentence, table)
        payload = {"name": name, "sentence": sentence.text(), "key": sentence.key, "how": _text(how)}
        if fig is None:
            self._show("figure", payload, desk.headline(payload), payload["sentence"])
        else:
            self._emit(bundle("desk", {}, shown=desk.headline(payload), plain=payload["sentence"]), {})
            self._emit(*_pictured(payload, fig))
        if table is not None:
            self._table(table, name, formats, payload={"folded": True, "sentence": ""})

    def table(
        self,
        table: pd.DataFrame,
        sentence: Sentence | None,
        *,
        name: str = "",
        needs: Sequence[str] = (),
        how: str | Sentence | None = None,
        formats: Mapping[str, str] | None = None,
    ) -> None:
        """A table shown open under its sentence and saved as `name`; parameters as in `figure`."""
        if sentence is None or self._absent(needs):
            return
        name = self._registered(name, sentence, table)
        payload = {"folded": False, "sentence": sentence.text(), "how": _text(how) if len(table) else ""}
        self._table(table, name, formats, payload=payload)

    def say(self, sentence: Sentence | None, *, needs: Sequence[str] = ()) -> None:
        """One line of text; None says nothing, where a sentence above already says that there is no telling."""
        if sentence is not None and not self._absent(needs):
            text = sentence.text()
            self._show("say", {"text": text, "key": sentence.key}, desk.paragraph(text), text)

    def finding(
        self, sentence: Sentence | None, *, here: bool = True, first: bool = False, needs: Sequence[str] = ()
    ) -> None:
        """One of the (at most three) findings of the first screen; with `here` it is also shown in its section.

        Without it the section is taken to say the same at more length. None is no finding. Findings come in the order
        of the report, those that are `first` before the others.
        """
        if sentence is None or self._absent(needs):
            return
        text = sentence.text()
        self._findings[text] = first
        payload = {"text": text, "key": sentence.key} | ({} if here else {"here": False})
        payload |= {"first": True} if first else {}
        self._show("finding", payload, desk.paragraph(text, strong=True), text)

    def number(
        self,
        key: str,
        value: Any,
        *,
        low: Any = None,
        high: Any = None,
        n: Any = None,
        unit: str = "number",
        method: str = "",
        previous: Any = None,
        change: Any = None,
        change_low: Any = None,
        change_high: Any = None,
        target: Any = None,
        limit: bool = False,
        counted: str = "",
        no_effect: bool = False,
        usual: bool = False,
        trend: Past | None = None,
        needs: Sequence[str] = (),
        card: bool = True,
    ) -> None:
        """A headline number for results.json and, with `card`, the first screen; label: `<area>.number.<key>`.

        The meaning of each value is that of `numbers.Number`; a target that the run's parameters name stands beside it.
        Nothing is recorded when a table in `needs` is not given.
        """
        if self._missing(needs):
            return
        told = {"low": low, "high": high, "n": n, "previous": previous, "trend": trend, "limit": limit}
        told |= {"target": self._targets.get(key) if target is None else target}
        told |= {"change": change, "change_low": change_low, "change_high": change_high}
        told |= {"counted": counted, "no_effect": no_effect, "usual": usual}
        told["further"] = any(earlier.change is not None for earlier in self._numbers.values())
        label = words.label(f"{self.area}.number.{key}")
        made = number(key, label, value, unit=unit, method=method, **told)
        self._numbers.add(key, made)
        self._cards[key] = card
        payload = made.result() | {"card": card, "words": made.card()}
        self._show("number", payload, desk.number(made.card()), f"{label}: {made.card()['value']}")

    def verdict(self, status: str, sentence: Sentence, rule: str | Sentence = "", *, needs: Sequence[str] = ()) -> None:
        """The report's answer, with a status word and the rule that decided it; stands on the first screen.

        needs: names of NEEDS; where one is not met, the answer is that there is none.
        """
        if status not in STATUSES:
            raise OperatorError(f"`{status}` is not a status of a verdict", fix=f"use one of {', '.join(STATUSES)}")
        missing = [name for name in self._missing(needs) if name in NEEDS]
        if missing:
            status, sentence, rule = "unknown", Sentence("page.no_verdict"), ""
        self._verdict = {"status": status, "sentence": sentence.text(), "rule": str(rule)}
        payload = self._verdict | {"key": sentence.key, "status_text": words.label(f"common.status.{status}")}
        payload["rule_text"] = words.label("page.rule", rule=str(rule)) if str(rule) else ""
        self._show("verdict", payload, desk.verdict(payload), payload["sentence"])

    def decide(self, *sentences: Sentence, needs: Sequence[str] = ()) -> None:
        """What the numbers leave to be decided; on the first screen beside the parameters `decision` and `owner`.

        sentences: one per matter, the most pressing first; several are numbered. needs: as in `verdict`; where one is
        not met, only what the parameters ask is shown.
        """
        run = self.book.run
        about = campaign_of(run) or run
        asked, owner = (
            words.named(getattr(run, name, "") or getattr(about, name, "")) for name in ("decision", "owner")
        )
        parts = [] if self._missing(needs) else [sentence.text() for sentence in sentences]
        told = words.label("page.decide.between").join(parts)
        self._decision = {"asked": asked, "text": told, "owner": owner}
        payload: dict[str, Any] = self._decision | {"key": sentences[0].key, "parts": parts}
        payload["owner_text"] = (
            words.label("page.decide.owner", owner=owner) if owner else words.label("page.decide.nobody")
        )
        self._show("decision", payload, desk.decision(payload), told or asked)

    def passport(self, name: str, *, evidence: str, reads: Sequence[str] = ACTIVITY, needs: Sequence[str] = ()) -> None:
        """How the section's number is counted, from `<area>.passport.<name>`, folded under the section.

        reads: tables of the contract it rests on; evidence: one of `passport.EVIDENCE`. Nothing without what it needs.
        """
        if self._missing(needs):
            return
        lines = passport(self.book, self.area, name, reads=reads, evidence=evidence)
        payload = {"name": name, "lines": [list(line) for line in lines]}
        self._show("passport", payload, desk.passport(lines), "\n".join(": ".join(line) for line in lines))

    def cannot_tell(self, *sentences: Sentence) -> None:
        """What a reader might want to conclude and cannot."""
        items = [sentence.text() for sentence in sentences]
        self._show("cannot_tell", {"items": items}, desk.bullets(items), "\n".join(items))

    def appendix(self, *terms: str) -> None:
        """Definitions (`<area>.definition.<term>` or `common.definition.<term>`), parameters, thresholds, versions.

        Without terms, every definition of the area is listed.
        """
        shown = appendix_html(self.book, self.area, terms)
        told = {"definitions": definitions(self.area, terms)}
        self._show("appendix", told, shown, words.label("page.appendix"))

    def finish(self) -> None:
        """Declare the report complete: emits the results object. The last cell."""
        payload = {"schema": SCHEMA} | self._identity() | self._contents() | {"complete": True}
        self._show("results", payload, "", words.label("page.finished"))

    def _contents(self) -> dict[str, Any]:
        return {
            "verdict": self._verdict,
            "numbers": [made.result() | {"card": self._cards[made.key]} for made in self._numbers.values()],
            "findings": sorted(self._findings, key=lambda text: not self._findings[text]),
            "decision": self._decision,
            "sections": [{"name": name, "sentence": said.text()} for name, said in self._sections.items()],
        }

    def _identity(self) -> dict[str, Any]:
        book = self.book
        return {
            "notebook": book.notebook,
            "company": company_name(book),
            "run": str(getattr(book, "run_name", "") or ""),
            "period": {"start": f"{book.period.start}", "end": f"{book.period.end}", "label": book.period.label},
            "language": book.language,
            "as_of": f"{book.as_of}",
        }

    def _title_fields(self) -> dict[str, Any]:
        run = self.book.run
        named = getattr(run, "name_zh", "") if self.book.language == "zh" else ""
        campaign = named or getattr(run, "name", "") or getattr(run, "campaign_id", "")
        return {"campaign": campaign, "company": company_name(self.book), "period": self.book.period.label}

    def _period_text(self) -> str:
        period = self.book.period
        key = "page.period_day" if period.start == period.end else "page.period"
        return words.label(key, start=period.start, end=period.end)

    def _absent(self, needs: Sequence[str]) -> bool:
        """Whether something needed is not there; if so, says so in one line: tables each time, the rest once."""
        missing = self._missing(needs)
        tables = [name for name in missing if name not in NEEDS]
        said = words.label("page.absent", tables=[Sentence(f"common.table.{name}") for name in tables])
        for text in [said] if tables else [words.label(f"page.absent_{name}") for name in missing[:1]]:
            if tables or text not in self._told_absent:
                self._told_absent.add(text)
                self._show("absent", {"tables": missing, "text": text}, desk.paragraph(text), text)
        return bool(missing)

    def _missing(self, needs: Sequence[str]) -> list[str]:
        """What of the needed tables, and of the needs that the workbook's exits decide, is not there."""
        given = self.book.given
        there = {name: name in NEEDS and NEEDS[name](self.book.workbook.exits) for name in needs}
        return [name for name in needs if not (there[name] or name in given)]

    def _registered(self, name: str, sentence: Sentence, table: pd.DataFrame | None) -> str:
        if table is not None and not name:
            raise OperatorError("A table needs a name", found=sentence.key, fix='write name="…"; it names the file')
        chosen = name or sentence.key.split(".", 1)[-1].replace(".", "_")
        self._sections.add(chosen, sentence, unique=table is not None)
        return chosen

    def _table(
        self, table: pd.DataFrame, name: str, formats: Mapping[str, str] | None, *, payload: dict[str, Any]
    ) -> None:
        shown = to_html(table, area=self.area, name=name, specs=formats) if len(table) else ""
        whole = payload | {"name": name, "rows": len(table), "parquet": to_parquet(table)}
        whole["columns"] = columns_shown(table, area=self.area, specs=formats)
        self._show("table", whole, desk.table(shown, payload), f"{payload['sentence'] or name}: {len(table)} rows")

    def _show(self, kind: str, payload: Mapping[str, Any], shown: str, plain: str) -> None:
        self._emit(bundle(kind, payload, shown=shown, plain=plain), {})


def known_targets(area: str, targets: Mapping[str, float]) -> Mapping[str, float]:
    """The targets of a run; raises ParameterError for one that no headline number of the notebook is called."""
    head = f"{area}.number."
    names = [key.removeprefix(head) for key in words.keys(head)]
    for name in targets:
        if name not in names:
            raise ParameterError(f"`{name}` under targets is no headline number", fix=did_you_mean(name, names))
    return targets


def _parameter(run: Any, name: str) -> str:
    """A text among the run's parameters, of a plan also among those of its campaign."""
    return str(getattr(run, name, "") or getattr(campaign_of(run), name, ""))


def company_name(book: Any) -> str:
    """The company's name in the book's language."""
    company = book.workbook.company
    return str((company.name_zh if book.language == "zh" else None) or company.name)


def _filled(key: str, known: Mapping[str, Any]) -> str:
    needed = words.entry(key, words.language()).fields
    return words.label(key, **{name: value for name, value in known.items() if name in needed})


def _text(how: str | Sentence | None) -> str:
    """A how-to-read line given as catalogue key or as sentence."""
    return "" if not how else how.text() if isinstance(how, Sentence) else words.label(how)


def _pictured(payload: dict[str, Any], fig: Figure) -> tuple[dict[str, Any], dict[str, Any]]:
    drawn = picture(fig)
    data = bundle("figure", payload, plain=payload["sentence"]) | {drawn.mime: drawn.data}
    return data, {drawn.mime: {"alt": payload["sentence"], "width": drawn.width, "height": drawn.height}}
