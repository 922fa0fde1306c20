"""What every `opsbook new` does: fill templates in, refuse to overwrite, write or only show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

from opsbook.errors import ParameterError

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


def template(name: str, /, **words: str) -> str:
    """The text of a template of the package with its $names filled in; raises KeyError for one that is not given."""
    text = (resources.files("opsbook.runs") / "templates" / name).read_text(encoding="utf-8")
    return Template(text).substitute(words)


def checked_name(name: str, *, what: str) -> str:
    """The name as given; raises ParameterError when it cannot name files and folders."""
    if not NAME.fullmatch(name):
        fix = f"small letters, digits and _, a letter first, such as {_usable(name) or 'spring_2027'}"
        raise ParameterError(f"`{name}` cannot name a {what}", fix=fix)
    return name


def readable(name: str) -> str:
    """The name as a title: my_question -> My question."""
    return name.replace("_", " ").capitalize()


def refuse_existing(paths: list[Path]) -> None:
    """Raise ParameterError when one of the files is there: a scaffold never overwrites."""
    there = [path for path in paths if path.exists()]
    if there:
        raise ParameterError("The file is there already", fix="choose another name, or move it away", where=there[0])


def write(files: Mapping[Path, str], *, home: Path, dry_run: bool) -> str:
    """Write the files, none of which may exist, and say which; with `dry_run` only show what they would hold.

    raises: ParameterError when one of them is there; nothing is written then.
    """
    refuse_existing(list(files))
    if dry_run:
        return "\n".join(f"--- {shown(path, home)}\n{text}" for path, text in files.items()).rstrip()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return "\n".join(f"wrote {shown(path, home)}" for path in files)


def shown(path: Path, home: Path) -> str:
    """The path as seen from the checkout."""
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def _usable(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_").lstrip("0123456789_")
