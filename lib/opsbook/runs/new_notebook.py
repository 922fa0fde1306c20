"""`opsbook new notebook`: a notebook in the house style with its words in both languages and a first run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opsbook.errors import ParameterError
from opsbook.inputs import home as places
from opsbook.inputs.own_run import catalogue_folder, declared_model
from opsbook.inputs.parameter_cell import declared_parameters, read_source, tags, text
from opsbook.inputs.run_params import Run
from opsbook.page import words
from opsbook.runs import scaffold
from opsbook.runs.plan import named

CELL = re.compile(r"^%% (code|markdown) (\S+)(?: \[(\w+)\])?\n", re.M)
HISTORY = "history = 12  # periods shown before this one"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def new_notebook(home: Path, name: str, *, like: str, company: str, title: str, title_zh: str, dry_run: bool) -> str:
    """Write the notebook, its two catalogues and a run file, and say so.

    name: with its number (05_my_question) or without, then the next free one is taken
    like: the notebook whose parameters and first run are taken over; "" = the parameters all notebooks have
    raises: ParameterError for a name that cannot be used or is taken, and for an unknown `like` or `company`
    """
    notebook = _numbered(home, name)
    area = notebook.partition("_")[2]
    _refuse_taken(area)
    titles = {"title": title or scaffold.readable(area), "title_zh": title_zh or title or scaffold.readable(area)}
    _refuse_unusable(titles)
    source = _like(home, like) if like else ""
    words_of_it = {"notebook": notebook, "area": area, "parameters": _parameters(home, source)} | titles
    files = _sources(home, words_of_it) | _run_files(home, company, notebook, source)
    told = scaffold.write(files, home=home, dry_run=dry_run)
    return f"{told}\nnext: opsbook run {notebook}" + (f" --company {company}" if company else "")


def _sources(home: Path, filled: dict[str, str]) -> dict[Path, str]:
    """The notebook and its catalogues."""
    catalogues = {
        catalogue_folder(home) / f"{filled['area']}.{language}.yaml": scaffold.template(
            f"catalogue.{language}.yaml", **filled
        )
        for language in words.LANGUAGES
    }
    return {home / "notebooks" / f"{filled['notebook']}.ipynb": notebook_text(filled)} | catalogues


def notebook_text(filled: dict[str, str]) -> str:
    """The template as the text of a notebook file."""
    cells = [_cell(*part) for part in _parts(scaffold.template("notebook.txt", **filled))]
    made = {"cells": cells, "metadata": KERNEL, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _parts(template: str) -> Iterator[tuple[str, str, str, str]]:
    _, *found = CELL.split(template)
    for kind, name, tag, content in zip(*(found[start::4] for start in range(4)), strict=True):
        yield kind, name, tag or "", content.strip("\n")


def _cell(kind: str, name: str, tag: str, content: str) -> dict[str, Any]:
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": {"tags": [tag]} if tag else {}}
    cell["source"] = content.splitlines(keepends=True)
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def _numbered(home: Path, name: str) -> str:
    there = places.notebooks(home)
    number, _, rest = name.partition("_")
    if not re.fullmatch(r"\d\d", number):
        number, rest = f"{1 + max((int(one[:2]) for one in there), default=0):02d}", name
    scaffold.checked_name(rest, what="notebook")
    taken = next((one for one in there if one.startswith(number)), None)
    if taken and taken != f"{number}_{rest}":
        raise ParameterError(f"The number {number} is taken", found=taken, fix=f"leave it out: {rest}")
    return f"{number}_{rest}"


def _refuse_taken(area: str) -> None:
    """The words of a page are found by the notebook's name, so it cannot be that of a shipped catalogue."""
    if area in words.areas():
        raise ParameterError(
            f"`{area}` is the name of a catalogue of the workbook", fix=f"choose another, such as my_{area}"
        )


def _refuse_unusable(titles: dict[str, str]) -> None:
    """A title stands inside quotes in a catalogue, where braces are fields."""
    odd = [title for title in titles.values() if re.search(r'["{}\\\n]', title)]
    if odd:
        raise ParameterError(f"`{odd[0]}` cannot be a title", fix="leave out quotes, braces and backslashes")


def _like(home: Path, like: str) -> str:
    found = named(like, places.notebooks(home))
    return found[0] if found else places.notebook_path(home, like).stem


def _parameters(home: Path, like: str) -> str:
    """The parameter cell of the notebook it is to be like, else that of every notebook with a history."""
    if not like:
        return "\n".join([*_lines_of_every_run(), HISTORY])
    path = places.notebook_path(home, like)
    source = read_source(path)
    declared_model(declared_parameters(source, where=path), where=path)
    return next(text(cell) for cell in source["cells"] if "parameters" in tags(cell))


def _lines_of_every_run() -> Iterator[str]:
    for name, field in Run.model_fields.items():
        yield f'{name} = "{field.default or ""}"  # {field.description}'


def _run_files(home: Path, company: str, notebook: str, like: str) -> dict[Path, str]:
    """The first run: that of the notebook it is like, where the company has one."""
    folder = places.workbook_path(home, company).parent / notebook
    written = [file for file in places.run_files(home, company) if file.notebook == like]
    if written:
        return {folder / written[0].path.name: written[0].path.read_text(encoding="utf-8")}
    return {folder / "monthly.yaml": scaffold.template("run.yaml", notebook=notebook)}
