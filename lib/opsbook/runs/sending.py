"""`opsbook send`: the last good reports' five lines to the chat groups and mailboxes named in the environment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opsbook.errors import OperatorError
from opsbook.page import words
from opsbook.runs.deliver import Target, deliver, targets
from opsbook.runs.last_reports import Last, last_reports
from opsbook.runs.plan import Wish
from opsbook.runs.sent import Sent, hash_of, record

SHORT = 300  # characters of a failure that are told; the rest stands in last-failure/


@dataclass(frozen=True)
class Way:
    """How to send: files to attach (`html`, `xlsx`, `pdf`), also what was sent before, or only show it."""

    attach: tuple[str, ...] = ()
    again: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Letter:
    """One message about one report: its first line, the rest as text and as Markdown, and files beside it."""

    report: str
    company: str
    title: str
    text: str
    markdown: str
    files: tuple[Path, ...] = ()

    @property
    def hash(self) -> str:
        """Changes with every word and every byte of the files."""
        contents = (hashlib.sha256(file.read_bytes()).hexdigest() for file in self.files)
        return hash_of(self.title, self.text, self.markdown, *contents)


def send(home: Path, wish: Wish, way: Way, *, environment: Mapping[str, str], now: datetime) -> Iterator[str]:
    """Send and tell line by line what went where.

    raises: ParameterError before anything is sent when a company has no readable target; OperatorError at the end,
    naming the targets that did not take a message, or the runs that have no report.
    """
    found = last_reports(home, wish, now=now)
    addressed = {last.company: targets(last.company, environment) for last in found}
    letters = [letter for last in found if (letter := written(last, home / "outputs", way.attach))]
    absent = [last.title for last in found if not (last.good or last.failed)]
    failures: list[str] = []
    with record(home / "outputs") as sent:
        for letter in letters:
            yield from _to_all(letter, addressed[letter.company], way, sent, failures)
    if failures or absent:
        raise _undelivered(failures, absent)


def written(last: Last, outputs: Path, attach: Sequence[str] = ()) -> Letter | None:
    """The letter about a run: its last good message, under a warning when a newer attempt failed; None without both.

    raises: OperatorError when a file to attach is not there.
    """
    warning = _warning(last)
    if last.good is None:
        return Letter(last.failed.folder, last.company, *warning) if last.failed else None
    folder = outputs / last.good.folder
    text, markdown = ((folder / f"message.{ending}").read_text(encoding="utf-8") for ending in ("txt", "md"))
    title, _, rest = text.partition("\n")
    markdown = markdown.rstrip("\n").replace("\n", "\n\n")  # a single line break is none in Markdown
    if warning:
        return Letter(
            last.good.folder,
            last.company,
            warning[0],
            "\n".join([warning[1], text.rstrip("\n")]),
            "\n\n".join([warning[2], markdown]),
            _files(folder, attach),
        )
    below = markdown.partition("\n\n")[2]
    return Letter(last.good.folder, last.company, title, rest.rstrip("\n"), below, _files(folder, attach))


def _warning(last: Last) -> tuple[str, str, str] | tuple[()]:
    """Title, text and Markdown of the word that the newest attempt failed; nothing where it did not."""
    if last.failed is None:
        return ()
    why = " ".join(last.failed.failure.split())
    told = {"date": last.failed.failed_at, "why": why if len(why) <= SHORT else why[: SHORT - 1] + "…"}
    with words.speaking(last.language):
        title = words.label("runs.send.failed", run=f"{last.company} {last.notebook}/{last.run} {last.failed.period}")
        lines = [words.label("runs.send.why", **told)]
        lines += [words.label("runs.send.before", period=last.good.period)] if last.good else []
    return title, "\n".join(lines), "\n\n".join(lines)


def _files(folder: Path, attach: Sequence[str]) -> tuple[Path, ...]:
    files = tuple(folder / f"report.{ending}" for ending in dict.fromkeys(attach))
    for file in files:
        if not file.is_file():
            fix = "make it with `opsbook pdf`" if file.suffix == ".pdf" else "make the report again with `opsbook run`"
            raise OperatorError(f"There is no {file.name} to attach", fix=fix, where=file.parent)
    return files


def _to_all(letter: Letter, to: Sequence[Target], way: Way, sent: Sent, failures: list[str]) -> Iterator[str]:
    """One line per target; a delivery is written down before the next one is tried."""
    for target in to:
        known = sent.has(letter.report, target.key, letter.hash) and not way.again
        if way.dry_run:
            yield _shown(letter, target, known)
        elif known:
            yield f"already   {letter.report} to {target.shown}"
        elif problem := _delivered(letter, target):
            failures.append(f"{target.shown}: {problem}")
            yield f"failed    {letter.report} to {target.shown}"
        else:
            sent.note(letter.report, target.key, letter.hash)
            yield f"sent      {letter.report} to {target.shown}"


def _delivered(letter: Letter, target: Target) -> str:
    body = letter.markdown if target.markdown else letter.text
    files = letter.files if target.files else ()
    return deliver(target, title=letter.title, body=body or letter.title, markdown=target.markdown, files=files)


def _shown(letter: Letter, target: Target, known: bool) -> str:
    """What would go to the target, word for word."""
    state = "already sent, would not be sent again" if known else "would be sent"
    form = "Markdown" if target.markdown else "text"
    kept = ", ".join(file.name for file in letter.files)
    files = [f"attached: {kept}" if target.files else f"not attached, the service takes no files: {kept}"] * bool(kept)
    body = letter.markdown if target.markdown else letter.text
    head = [f"{letter.report} to {target.shown} as {form}: {state}", *files]
    return "\n".join([*head, *(f"    {line}".rstrip() for line in [letter.title, *body.rstrip().split("\n")])])


def _undelivered(failures: Sequence[str], absent: Sequence[str]) -> OperatorError:
    if failures:
        return OperatorError(
            f"{len(failures)} messages were not delivered" if len(failures) > 1 else "A message was not delivered",
            found="; ".join(failures),
            fix="check the address and the network, then send again: what was delivered is not sent twice",
        )
    return OperatorError("Some runs have no report to send", found=", ".join(absent), fix="make them: `opsbook run`")
