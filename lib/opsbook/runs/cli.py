"""The command line: `opsbook run`, `plan`, `new`, `list`, `send`, `explain`, `pdf`, `check`, `demo`, `index` …"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

import click

from opsbook.errors import FAILED, REFUSED, OperatorError
from opsbook.inputs import home as places
from opsbook.inputs.yaml_file import did_you_mean
from opsbook.runs import clock
from opsbook.runs.errors_shown import wants_traceback
from opsbook.runs.interrupt import Interrupted, interruptible

EXIT_CODES = """\b
Exit codes
   0  every report is good, or was already fresh
   1  a report failed; see last-failure/ in its folder
   2  parameters or usage; no kernel was started
   3  the data were refused; see `opsbook check`
   4  the data do not reach the end of the period yet; try again later
  75  another run is making the report
 130, 143  interrupted
Of several the first of 2, 3, 1, 75, 4 counts."""

EXAMPLES = """\b
Examples
  opsbook run                                  every run of the default company
  opsbook run 01 --period 2026-10              one notebook, one month
  opsbook run lifecycle/weekly --from 2026-01-01 --to 2026-03-31
                                               backfill: every complete week
  opsbook run 03/spring_sale --language all    one campaign in both languages
  opsbook run --company all --jobs 4           every company
  opsbook run 02/monthly --set segment=topic   one parameter changed, once
"""


class _Day(click.ParamType):
    """A calendar day, 2026-10-31."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """Read an ISO day."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day such as 2026-10-31", param, ctx)


class _Commands(click.Group):
    """Commands with "did you mean" on a misspelt one."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or name the nearest ones."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            ctx.fail(f"There is no command `{args[0]}`, {did_you_mean(args[0], sorted(self.commands))}")
        return super().resolve_command(ctx, args)


def _told(command: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what an operator can mend into a message and an exit code; tracebacks only on request."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with interruptible():
                code = command(*args, **kwargs)
        except OperatorError as error:
            show_error(error)
            code = error.exit_code
        except Exception as surprise:
            if wants_traceback():
                raise
            click.echo(
                f"error: {type(surprise).__name__}: {surprise}\n  fix: OPSBOOK_TRACEBACK=1 shows where", err=True
            )
            code = FAILED
        except Interrupted as stopped:
            click.echo("Interrupted; reports that were finished before are kept.", err=True)
            code = stopped.exit_code
        sys.exit(code or 0)

    return wrapped


def show_error(error: OperatorError) -> None:
    """The error as an operator reads it, with the traceback when OPSBOOK_TRACEBACK is set."""
    click.echo(f"error: {error}", err=True)
    if wants_traceback() and error.__traceback__:
        click.echo("".join(traceback.format_exception(error)), err=True)


@click.group(
    cls=_Commands,
    epilog=f"{EXAMPLES}\n{EXIT_CODES}",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="opsbook")
def main() -> None:
    """A notebook workbook for internet operations: parameters in, reports out.

    Reports are made from notebooks/ and params/ of the checkout you are in (or $OPSBOOK_HOME) and
    written to outputs/[company/]notebook/run/period/; outputs/index.html lists them all.
    """


@main.command(epilog=f"{EXAMPLES}\n{EXIT_CODES}")
@click.argument("targets", nargs=-1, metavar="[NOTEBOOK[/RUN]]...")
@click.option("--company", "companies", multiple=True, metavar="NAME|all", help="Folder below params/; repeatable.")
@click.option("--period", default="", metavar="PERIOD", help="2026-10, 2026-W41, 2026-Q4, a..b, last-month, last-week.")
@click.option("--from", "start", type=_Day(), metavar="DATE", help="Backfill: every complete period of the kind …")
@click.option("--to", "end", type=_Day(), metavar="DATE", help="… up to this day (default: as-of).")
@click.option("--as-of", type=_Day(), metavar="DATE", help="Last complete day of data; default: yesterday.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "zh", "all"]), help="Repeatable.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change one parameter; repeatable.")
@click.option("--jobs", type=click.IntRange(1), help="Reports at a time; default: cores.")
@click.option("--force", is_flag=True, help="Also make reports that are fresh.")
@click.option("--engine", type=click.Choice(["auto", "plain", "warm"]), default="auto", help="How kernels start.")
@click.option("--cell-timeout", type=click.FloatRange(1), default=1800.0, show_default=True, metavar="SECONDS")
@click.option("--timeout", type=click.FloatRange(1), default=7200.0, show_default=True, metavar="SECONDS")
@click.option("--pdf", is_flag=True, help="Also report.pdf, by the system's Chromium; see `opsbook pdf`.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout; progress goes to stderr.")
@_told
def run(**options: Any) -> int:
    """Make reports: all runs of the company, or those of a NOTEBOOK (01, lifecycle, …) or one RUN.

    What is already up to date (same data, parameters, code) is skipped. A failed run leaves the
    previous good report in place and explains itself under last-failure/.
    """
    from opsbook.runs.command import run_command

    return run_command(places.find_home(), **options)


@main.command("plan")
@click.argument("campaign")
@click.option("--company", default="", metavar="NAME", help="Folder below params/.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "zh", "all"]), help="Repeatable.")
@click.option("--as-of", type=_Day(), metavar="DATE", help="Last day of data; at most the day before the campaign.")
@click.option("--force", is_flag=True, help="Also make a page that is fresh.")
@_told
def plan_campaign(campaign: str, company: str, languages: tuple[str, ...], as_of: date | None, force: bool) -> int:
    """Plan a CAMPAIGN of params/03_campaign_review/: holdout and duration, a realistic goal, and what is promised.

    The page is made from data before the campaign's first day. What the file promises (metric, comparison,
    goals, dates) is registered in outputs/registrations/, and the review later says whether it was kept.
    """
    from opsbook.runs.command import make_reports
    from opsbook.runs.planning import plans

    home = places.find_home()
    return make_reports(
        home, plans(home, campaign, company=company, languages=languages, as_of=as_of, now=clock.now()), force
    )


@main.group(cls=_Commands)
def new() -> None:
    """Start a notebook, a campaign or a company: files whose comments explain each line; nothing is overwritten."""


COMPANY = click.option("--company", default="", metavar="NAME", help="Folder below params/.")
DRY_RUN = click.option("--dry-run", is_flag=True, help="Print the files instead of writing them.")


@new.command("notebook")
@click.argument("name")
@click.option("--like", default="", metavar="NOTEBOOK", help="Take over its parameters and its first run.")
@COMPANY
@click.option("--title", default="", help="Title of the page; default: from the name.")
@click.option("--title-zh", default="", help="Its Chinese title.")
@DRY_RUN
@_told
def new_notebook(**options: Any) -> None:
    """A notebook NAME (05_my_question or my_question) with one worked question, its words and a first run."""
    from opsbook.runs.new_notebook import new_notebook

    click.echo(new_notebook(places.find_home(), **options))


@new.command("campaign")
@click.argument("name")
@click.option("--like", default="", metavar="CAMPAIGN", help="Take over an earlier one, its days moved.")
@click.option("--start", type=_Day(), metavar="DATE", help="First day; default: a Monday about two weeks ahead.")
@COMPANY
@DRY_RUN
@_told
def new_campaign(**options: Any) -> None:
    """The file of a campaign NAME (spring_2027), every field explained, for `opsbook plan` and its review."""
    from opsbook.runs.new_campaign import new_campaign

    click.echo(new_campaign(places.find_home(), now=clock.now(), **options))


@new.command("company")
@click.argument("name")
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True, help="Of the reports.")
@click.option("--from", "places", multiple=True, type=click.Path(path_type=Path), help="File or folder; repeatable.")
@DRY_RUN
@_told
def new_company(**options: Any) -> None:
    """The workbook of a company NAME, its tables guessed from CSV and Parquet files; guesses are marked `# ?`."""
    from opsbook.runs.new_company import new_company

    click.echo(new_company(places.find_home(), **options))


@main.command("list")
@click.option("--company", "companies", multiple=True, metavar="NAME|all", help="Default: all.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@_told
def list_runs(companies: tuple[str, ...], as_json: bool) -> None:
    """Show companies, notebooks and runs, with the last good period and the state of each."""
    from opsbook.runs.listing import as_json_text, as_text, lines

    home = places.find_home()
    named = places.companies(home) if not companies or "all" in companies else companies
    rows = [row for name in named for row in lines(home, places.company_folder(home, name))]
    click.echo(as_json_text(rows) if as_json else as_text(rows))


@main.command()
@click.argument("targets", nargs=-1, metavar="[NOTEBOOK[/RUN]]...")
@click.option("--company", "companies", multiple=True, metavar="NAME|all", help="Folder below params/; repeatable.")
@click.option("--period", default="", metavar="PERIOD", help="Default: the last good one of each run.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "zh", "all"]), help="Repeatable.")
@click.option("--attach", multiple=True, type=click.Choice(["html", "xlsx", "pdf"]), help="File beside it; repeatable.")
@click.option("--again", is_flag=True, help="Also what was sent before and did not change.")
@click.option("--dry-run", is_flag=True, help="Show what would go where; no network.")
@_told
def send(attach: tuple[str, ...], again: bool, dry_run: bool, **options: Any) -> None:
    """Send the last good reports' messages to the services named in $OPSBOOK_SEND.

    $OPSBOOK_SEND holds addresses of Apprise with blanks between: feishu://TOKEN, dingtalk://TOKEN,
    wecombot://KEY, slack://…, mailto://USER:PASSWORD@HOST. $OPSBOOK_SEND_<COMPANY> goes before it.
    A message that was delivered and did not change is not sent again. Where the newest run failed,
    the message says so.
    """
    from opsbook.runs.plan import Wish
    from opsbook.runs.sending import Way, send

    way = Way(attach, again, dry_run)
    for line in send(places.find_home(), Wish(**options), way, environment=os.environ, now=clock.now()):
        click.echo(line)


@main.command()
@click.argument("targets", nargs=-1, metavar="[NOTEBOOK[/RUN]]...")
@click.option("--company", "companies", multiple=True, metavar="NAME|all", help="Folder below params/; repeatable.")
@click.option("--period", default="", metavar="PERIOD", help="Default: the last good one of each run.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "zh", "all"]), help="Repeatable.")
@_told
def pdf(**options: Any) -> None:
    """Print the last good reports to report.pdf beside report.html, by the system's Chromium or Chrome.

    $OPSBOOK_CHROMIUM names the program where it is not on PATH. What is printed already is left alone.
    """
    from opsbook.runs.plan import Wish
    from opsbook.runs.printing import print_last

    for line in print_last(places.find_home(), Wish(**options), environment=os.environ, now=clock.now()):
        click.echo(line)


@main.command("explain")
@click.argument("key", default="")
@click.option("--run", "targets", multiple=True, metavar="NOTEBOOK[/RUN]", help="Default: the first with the number.")
@click.option("--company", "companies", multiple=True, metavar="NAME|all", help="Folder below params/.")
@click.option("--period", default="", metavar="PERIOD", help="Default: the last good one.")
@click.option("--language", "languages", multiple=True, type=click.Choice(["en", "zh"]), help="Of the report.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
@_told
def explain_number(key: str, as_json: bool, **options: Any) -> None:
    """Tell how the headline number KEY was made: meaning, method, cells, tables, parameters, functions.

    Without KEY the numbers of the last good reports are listed.
    """
    from opsbook.runs.explaining import explain
    from opsbook.runs.plan import Wish

    click.echo(explain(places.find_home(), key, Wish(**options), as_json=as_json, now=clock.now()))


@main.command()
@click.option("--company", default="", metavar="NAME", help="Folder below params/.")
@click.option("--as-of", type=_Day(), metavar="DATE", help="Last complete day of data; default: the workbook's.")
@_told
def check(company: str, as_of: date | None) -> int:
    """Check the company's tables against the contract and print what was found; exit 3 when it stops a run."""
    from opsbook.runs.checking import check_company

    text, stopped = check_company(places.find_home(), company, as_of=as_of, now=clock.now())
    click.echo(text)
    return REFUSED if stopped else 0


@main.command()
@click.option("--users", type=click.IntRange(1), default=20_000, show_default=True, help="Size of the company.")
@click.option("--seed", type=int, default=20260101, show_default=True, help="Same seed, same company.")
@click.option("--folder", type=click.Path(path_type=Path), help="Default: data/demo in the checkout.")
@click.option("--force", is_flag=True, help="Write it again even if the same company is there.")
@_told
def demo(users: int, seed: int, folder: Path | None, force: bool) -> None:
    """Write a simulated company whose true numbers are known (truth.json), a year of an app with a shop."""
    from opsbook.runs.examples import write_demo

    click.echo(write_demo(folder or places.find_home() / "data" / "demo", users=users, seed=seed, force=force))


@main.command()
@click.argument("name", type=click.Choice(["completejourney"]))
@_told
def example(name: str) -> None:
    """Write the campaign parameter files of a real company: completejourney, a retailer with 27 campaigns."""
    from opsbook.runs.examples import write_campaigns

    click.echo(write_campaigns(places.find_home() / "params" / name / "03_campaign_review"))


@main.command()
@_told
def index() -> None:
    """Rebuild outputs/index.html, index.json and the campaign memory from the reports that are there."""
    from opsbook.runs import memory
    from opsbook.runs.index import rebuild

    memory.rebuild(places.find_home())
    click.echo(rebuild(places.find_home()))


if __name__ == "__main__":
    main()
