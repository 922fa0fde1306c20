"""`opsbook new company`: a workbook with every field explained, its tables guessed from the files, and first runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

from opsbook.errors import OperatorError, ParameterError
from opsbook.inputs import home as checkout
from opsbook.inputs import sources
from opsbook.inputs.guess import proposals
from opsbook.inputs.look import SeenTable, look
from opsbook.inputs.periods import last_complete, period_of
from opsbook.inputs.proposal import Proposal
from opsbook.inputs.run_params import LifecycleRun, RetentionRun, Run
from opsbook.inputs.workbook import Workbook
from opsbook.inputs.yaml_file import checked, read_text
from opsbook.mart.build import last_day
from opsbook.runs import scaffold
from opsbook.runs.company_tables import event_groups_text, is_off, tables_text
from opsbook.runs.option_lines import aligned, flow

COHORT_DAYS = 180
NO_DAY = "#as_of: 2026-10-31  # last complete day of data; without it yesterday"
DAY = "as_of: {day}  # ? last day of the files; empty = yesterday, when they grow"
FIRST_RUNS: dict[str, type[Run]] = {
    "01_user_lifecycle/monthly.yaml": LifecycleRun,
    "02_retention_survival/cohorts.yaml": RetentionRun,
}


def new_company(home: Path, name: str, *, language: str, places: Sequence[Path], dry_run: bool) -> str:
    """Write params/<name>/workbook.yaml and a first run of notebooks 01 and 02, and say what to do next.

    places: files and folders of CSV or Parquet to look at; none = the tables are left as examples
    raises: ParameterError for a name that cannot be used, an existing workbook or unreadable files
    """
    scaffold.checked_name(name, what="company")
    path = home / "params" / name / "workbook.yaml"
    scaffold.refuse_existing([path])
    _refuse_taken(home, name)
    found, left = proposals(look(places, home=home)) if places else ({}, [])
    book = _accepted(workbook_text(name, language, found, left), path)
    day = _data_end(book, home) if found else None
    text = workbook_text(name, language, found, left, day=day)
    _accepted(text, path)
    told = scaffold.write({path: text} | _runs(path.parent, book, day), home=home, dry_run=dry_run)
    return "\n".join([told, *_guessed(found, left), f"next: opsbook check --company {name}"])


def workbook_text(
    name: str,
    language: str,
    found: Mapping[str, Proposal],
    left: Sequence[SeenTable],
    *,
    day: date | None = None,
) -> str:
    """The template with the tables that were found, or an example of events, switched on."""
    words = {"name": name, "title": scaffold.readable(name), "language": language}
    words |= {"tables": tables_text(found, left), "event_groups": event_groups_text(found.get("events"))}
    words["as_of_line"] = DAY.format(day=day) if day else NO_DAY
    return aligned(scaffold.template("workbook.yaml", **words))


def _refuse_taken(home: Path, name: str) -> None:
    """Two companies of one key would share a mart and an output folder."""
    taken = {checkout.company_key(home, folder): folder for folder in checkout.companies(home)}
    if name in taken:
        where = checkout.workbook_path(home, taken[name])
        raise ParameterError(f"`{name}` is the key of another company", fix="choose another name", where=where)


def _accepted(text: str, path: Path) -> Workbook:
    content, lines = read_text(text, where=path)
    return checked(Workbook, content, where=path, lines=lines)


def _data_end(book: Workbook, home: Path) -> date | None:
    """The last day of the files; None where the proposal cannot be read yet: `opsbook check` says why."""
    con = sources.open_engine(book, home=home)
    with suppress(OperatorError):
        return last_day(sources.contract_tables(book, home=home, con=con), book)
    return None


def _runs(folder: Path, book: Workbook, day: date | None) -> dict[Path, str]:
    """The first run of each notebook that needs no more than activity, as its model accepts it."""
    split = [name for name in book.attributes if name != "channel" or _has_channel(book)]
    words = {"cohorts": _cohorts(day), "segment": split[0] if split else "channel", "covariates": flow(split[:2])}
    files = {}
    for name, model in FIRST_RUNS.items():
        files[folder / name] = aligned(scaffold.template(f"first.{Path(name).parent}.yaml", **words))
        checked(model, read_text(files[folder / name], where=folder / name)[0])
    return files


def _has_channel(book: Workbook) -> bool:
    return "users" in book.tables and "channel" in book.tables["users"].columns


def _cohorts(day: date | None) -> str:
    """Half a year of whole months up to the last complete one."""
    if day is None:
        return "last-quarter"
    end = last_complete("month", as_of=day).end
    return f"{period_of(end - timedelta(days=COHORT_DAYS), 'month').start}..{end}"


def _guessed(found: Mapping[str, Proposal], left: Sequence[SeenTable]) -> Iterator[str]:
    for name, proposal in found.items():
        off = ", switched off until you say where it is" if is_off(found, name) else ""
        absent = f"; NOT FOUND: {', '.join(proposal.missing)}{off}" if proposal.missing else ""
        yield f"{name}: {proposal.seen.path}, {len(proposal.columns)} columns guessed{absent}"
    yield from (f"not used: {seen.path}" for seen in left)
    if found:
        yield "guesses are marked `# ?` in workbook.yaml; look at each"
