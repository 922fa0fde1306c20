"""Where the workbook lives: the checkout, its companies and the runs described in `params/`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean, read_yaml

DEFAULT = ""
_MARK = Path("params") / "workbook.yaml"


@dataclass(frozen=True, order=True)
class RunFile:
    """One run that someone wrote down: `params/[company/]<notebook>/<run>.yaml`."""

    company: str
    notebook: str
    run: str
    path: Path

    @property
    def name(self) -> str:
        """Notebook and run as a person writes them on the command line."""
        return f"{self.notebook}/{self.run}"


def find_home(start: Path | None = None) -> Path:
    """The checkout: $OPSBOOK_HOME, else the nearest folder upwards with params/workbook.yaml, else the installed one.

    raises: ParameterError when none of the three holds a workbook.
    """
    if told := os.environ.get("OPSBOOK_HOME"):
        return _holding_a_workbook(Path(told).expanduser().resolve())
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[3]):
        if (folder / _MARK).is_file():
            return folder
    raise ParameterError(
        "No workbook was found",
        found=f"looked for {_MARK} in {here} and above",
        fix="cd into the checkout, or set OPSBOOK_HOME",
    )


def companies(home: Path) -> list[str]:
    """Folder names below params/ that hold a workbook, sorted; the default company, "", comes first."""
    folders = sorted(path.parent.name for path in (home / "params").glob("*/workbook.yaml"))
    return [DEFAULT, *folders] if (home / _MARK).is_file() else folders


def company_key(home: Path, company: str) -> str:
    """The `company: key` that the company's workbook states, without checking the rest of the file."""
    content, _ = read_yaml(_workbook(home, company))
    stated = content.get("company")
    return str(stated.get("key", company)) if isinstance(stated, dict) else company


def company_folder(home: Path, company: str) -> str:
    """The folder name of a company given by folder or key, "" for the default; raises ParameterError if unknown."""
    if company in companies(home):
        return company
    keys = {company_key(home, folder): folder for folder in reversed(companies(home))}
    if company in keys:
        return keys[company]
    raise ParameterError(
        f"There is no company `{company}`", fix=did_you_mean(company, sorted(keys)), where=home / "params"
    )


def workbook_path(home: Path, company: str = DEFAULT) -> Path:
    """The company's workbook.yaml: params/workbook.yaml for "" or its key, else params/<company>/workbook.yaml."""
    return _workbook(home, company_folder(home, company))


def notebook_path(home: Path, notebook: str) -> Path:
    """The notebook's source; raises ParameterError with a suggestion when there is none of that name."""
    path = home / "notebooks" / f"{notebook}.ipynb"
    if not path.is_file():
        raise ParameterError(
            f"There is no notebook `{notebook}`", fix=did_you_mean(notebook, notebooks(home)), where=path
        )
    return path


def notebooks(home: Path) -> list[str]:
    """Names of the notebooks in notebooks/, sorted."""
    return sorted(path.stem for path in (home / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def run_files(home: Path, company: str = DEFAULT) -> list[RunFile]:
    """Every run file of the company, sorted by notebook and run."""
    folder = company_folder(home, company)
    return sorted(_run_files(_workbook(home, folder).parent, folder))


def _run_files(folder: Path, company: str) -> Iterator[RunFile]:
    for path in folder.glob("[0-9][0-9]_*/*.yaml"):
        yield RunFile(company, path.parent.name, path.stem, path)


def _workbook(home: Path, folder: str) -> Path:
    return home / "params" / folder / "workbook.yaml"


def _holding_a_workbook(folder: Path) -> Path:
    if not (folder / _MARK).is_file():
        raise ParameterError(
            "OPSBOOK_HOME does not hold a workbook", where=folder / _MARK, fix="unset it or correct it"
        )
    return folder
