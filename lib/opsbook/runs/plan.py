"""From what a person asked for to the list of reports, with every parameter checked; nothing has run yet."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

from opsbook.errors import ParameterError
from opsbook.inputs import home as places
from opsbook.inputs import periods
from opsbook.inputs.campaign_laws import refuse_unanswerable
from opsbook.inputs.earlier import with_earlier, with_others
from opsbook.inputs.home import RunFile
from opsbook.inputs.known_later import refuse_known_later
from opsbook.inputs.own_run import model_of
from opsbook.inputs.parameter_cell import read_source
from opsbook.inputs.periods import Period
from opsbook.inputs.run_params import RUNS, CampaignRun, Run
from opsbook.inputs.segments import refuse_later_segment
from opsbook.inputs.workbook import Workbook, read_workbook
from opsbook.inputs.yaml_file import did_you_mean, load, read_yaml
from opsbook.runs.notebook import check_parameter_cell
from opsbook.runs.report import Report

EVERY = "all"


@dataclass(frozen=True)
class Wish:
    """What the command line asked for; empty means "as the files say"."""

    targets: tuple[str, ...] = ()
    companies: tuple[str, ...] = ()
    period: str = ""
    start: date | None = None
    end: date | None = None
    as_of: date | None = None
    languages: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def dated(self) -> bool:
        """Whether periods come from the command line."""
        return bool(self.period or self.start or self.end)


def plan(home: Path, wish: Wish, *, now: datetime) -> list[Report]:
    """Every report the wish means, in the order of companies, notebooks, runs, periods and languages.

    raises: ParameterError for anything unknown, misspelt, mistyped or impossible; no kernel has started then.
    """
    _check_wish(wish)
    reports = [report for company in companies(home, wish) for report in _of_company(home, company, wish, now)]
    if not reports:
        asked = ", ".join(wish.targets) or "no target"
        raise ParameterError("There is nothing to run", found=asked, fix="see `opsbook list`", where=home / "params")
    if len({report.name for report in reports}) < len(reports):
        raise ParameterError("The same report was asked for twice", fix="name each run, period and language once")
    return reports


def settings(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` words as a mapping; a value that starts with [ or {{ is read as a YAML list or mapping of texts."""
    given: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name.isidentifier():
            raise ParameterError(f"`--set {word}` is not `key=value`")
        if name == "company":
            raise ParameterError("`--set company=…` cannot be meant", fix="use --company")
        given[name] = _value(word, value.strip())
    return given


def find_runs(files: Sequence[RunFile], target: str) -> list[RunFile]:
    """The runs a target such as `01`, `lifecycle` or `01/monthly` means; raises ParameterError with near names."""
    notebook, _, run = target.partition("/")
    if not files:
        raise ParameterError(
            "The company has no runs yet",
            fix="write one beside its workbook.yaml, say 01_user_lifecycle/monthly.yaml: `period: last-month`",
        )
    of_notebook = [file for file in files if file.notebook in named(notebook, [file.notebook for file in files])]
    if not of_notebook:
        raise ParameterError(f"No notebook is called `{notebook}`", fix=did_you_mean(notebook, _names(files)))
    if not run:
        return of_notebook
    names = named(run.removesuffix(".yaml"), [file.run for file in of_notebook])
    if not names:
        known = sorted({file.run for file in of_notebook})
        raise ParameterError(f"{of_notebook[0].notebook} has no run `{run}`", fix=did_you_mean(run, known))
    return [file for file in of_notebook if file.run in names]


def _check_wish(wish: Wish) -> None:
    if wish.period and (wish.start or wish.end):
        raise ParameterError("Give either --period or --from and --to, not both")
    if wish.end and not wish.start:
        raise ParameterError("--to needs --from", fix="give the first day with --from")


def companies(home: Path, wish: Wish) -> list[str]:
    """Folders of the companies the wish means, the default one where it names none."""
    if EVERY in wish.companies:
        return places.companies(home)
    return list(dict.fromkeys(places.company_folder(home, name) for name in wish.companies or (places.DEFAULT,)))


def _of_company(home: Path, company: str, wish: Wish, now: datetime) -> Iterator[Report]:
    workbook = read_workbook(places.workbook_path(home, company))
    files = places.run_files(home, company)
    _refuse_stray_folders(home, files)
    for file in wanted(files, wish, lenient=EVERY in wish.companies):
        yield from _of_file(home, file, workbook, wish, now)


def wanted(files: Sequence[RunFile], wish: Wish, *, lenient: bool) -> list[RunFile]:
    """The runs the targets mean; with every company asked for, one that lacks a target is passed over."""
    if not wish.targets:
        return list(files)
    found: list[RunFile] = []
    for target in wish.targets:
        try:
            found += find_runs(files, target)
        except ParameterError:
            if not lenient:
                raise
    return list(dict.fromkeys(found))


def _of_file(home: Path, file: RunFile, workbook: Workbook, wish: Wish, now: datetime) -> Iterator[Report]:
    files = places.run_files(home, file.company)
    run = with_others(with_earlier(read_run(home, file, settings(wish.settings)), files), files)
    days = getattr(run, "segment_landmark_days", 0)
    refuse_later_segment(workbook.segments, getattr(run, "segment", ""), landmark_days=days, where=file.path)
    refuse_known_later(run, workbook, where=file.path)
    refuse_unanswerable(run, workbook, lines=read_yaml(file.path)[1], where=file.path)
    source = places.notebook_path(home, file.notebook)
    check_parameter_cell(read_source(source), type(run), where=source)
    as_of = wish.as_of or run.as_of or workbook.as_of
    today = as_of or periods.yesterday(workbook.zone, now)
    for period in _periods(run, file, workbook, wish, today):
        for language in _languages(run, workbook, wish):
            yield Report(
                home=home,
                company=file.company,
                company_key=workbook.company.key,
                notebook=file.notebook,
                run=file.run,
                period=period,
                language=language,
                house_language=workbook.language,
                parameters=_told(run, file.company, period, language, today),
                as_of=today,
                as_of_stated=as_of is not None,
                seed=workbook.seed,
                settling_days=max(source.settling_days for source in workbook.tables.values()),
                where=file.path,
            )


def read_run(home: Path, file: RunFile, given: dict[str, Any]) -> Run:
    """The run's typed parameters with `--set` laid over the file; raises ParameterError naming file, line and key."""
    model = model_of(file.notebook, home=home)
    for name in given:
        if name not in model.model_fields:
            fix = did_you_mean(name, sorted(model.model_fields))
            raise ParameterError(f"`{name}` is not a parameter of {file.notebook}", fix=fix, where="--set")
    run = load(file.path, model, extra=given)
    if run.company not in ("", file.company):
        raise ParameterError("`company` contradicts the folder the file is in", found=run.company, where=file.path)
    return run


def _periods(run: Run, file: RunFile, workbook: Workbook, wish: Wish, as_of: date) -> list[Period]:
    week_start = workbook.week_start
    if isinstance(run, CampaignRun) and not run.period:
        return _campaign(run, file, wish)
    own = periods.parse_period(run.period, as_of=as_of, week_start=week_start)
    if not wish.dated:
        return [own]
    named = any("/" in target for target in wish.targets)
    if wish.period:
        asked = periods.parse_period(wish.period, as_of=as_of, week_start=week_start)
        return [asked] if named or asked.kind == own.kind else []
    if own.kind == "range":
        raise ParameterError("A run over a range of days cannot be repeated", fix="give --period", where=file.path)
    end = min(wish.end or as_of, as_of)
    return list(periods.periods_between(wish.start or end, end, own.kind, week_start=week_start))


def _campaign(run: CampaignRun, file: RunFile, wish: Wish) -> list[Period]:
    if not (run.start and run.end):
        raise ParameterError("The campaign has no dates", fix="give `start` and `end`", where=file.path)
    if not wish.dated:
        return [periods.between(run.start, run.end)]
    if any("/" in target for target in wish.targets):
        raise ParameterError("A campaign has its own dates", fix="leave --period, --from and --to out", where=file.path)
    return []


def _languages(run: Run, workbook: Workbook, wish: Wish) -> list[str]:
    if EVERY in wish.languages:
        return [workbook.language, *sorted({"en", "zh"} - {workbook.language})]
    return list(dict.fromkeys(wish.languages or (run.language or workbook.language,)))


def _told(run: Run, company: str, period: Period, language: str, as_of: date) -> dict[str, Any]:
    """Every field of the model as plain values; period, language and as_of as decided, "" for what is not given."""
    given = run.model_dump(mode="json", exclude_none=True, by_alias=True)
    told = {name: given.get(name, "") for name in type(run).model_fields}
    label = f"{period.start}..{period.end}" if period.kind == "range" else period.label
    decided = {"company": company, "language": language, "as_of": str(as_of), "period": label if run.period else ""}
    return told | decided


def named(word: str, names: Sequence[str]) -> list[str]:
    """The names that are the word, else begin with it, else hold it; raises ParameterError when several do."""
    known = sorted(set(names))
    tests = (str.__eq__, str.startswith, str.__contains__)
    found = next((hits for test in tests if (hits := [name for name in known if test(name, word)])), [])
    if len(found) > 1:
        raise ParameterError(f"`{word}` could be several", found=", ".join(found), fix="write more of the name")
    return found


def _names(files: Sequence[RunFile]) -> list[str]:
    return sorted({file.notebook for file in files})


def _refuse_stray_folders(home: Path, files: Sequence[RunFile]) -> None:
    known = sorted({*RUNS, *places.notebooks(home)})
    for file in files:
        if file.notebook not in known:
            fix = did_you_mean(file.notebook, known)
            raise ParameterError(f"No notebook is called `{file.notebook}`", fix=fix, where=file.path.parent)


def _value(word: str, value: str) -> Any:
    if not re.match(r"[\[{]", value):
        return value
    try:
        return yaml.load(value, Loader=yaml.BaseLoader)
    except yaml.YAMLError as broken:
        raise ParameterError(f"`--set {word}` is not readable", found=str(broken)) from broken
