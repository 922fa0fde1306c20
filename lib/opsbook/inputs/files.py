"""Paths in the workbook to files on this machine."""

from __future__ import annotations

import glob
import importlib.util
from pathlib import Path

from opsbook.errors import ParameterError
from opsbook.inputs.yaml_file import did_you_mean

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".csv.zst", ".tsv.zst", ".txt.zst")
PACKAGE = "package:"


def find_files(path: str, *, home: Path) -> list[Path]:
    """The files a path or glob means, sorted by name; relative to `home`, or inside an installed package.

    raises: ParameterError when nothing matches, the package is missing or the form unknown.
    """
    full = _in_package(path) if path.startswith(PACKAGE) else str(home / path)
    found = sorted(Path(name) for name in glob.glob(full, recursive=True) if Path(name).is_file())
    if not found:
        raise ParameterError(f"No file matches `{path}`", fix=_nearest(Path(full)), where=full)
    odd = [file for file in found if not file.name.lower().endswith((*PARQUET, *CSV))]
    if odd:
        raise ParameterError(
            f"`{odd[0].name}` is neither Parquet nor CSV", fix=f"use one of {', '.join(PARQUET + CSV)}", where=odd[0]
        )
    return found


def portable_name(file: Path, path: str, *, home: Path) -> str:
    """The file's name without the place of this checkout: as in the workbook, with a glob filled in."""
    if path.startswith(PACKAGE):
        package = path.removeprefix(PACKAGE).split("/", 1)[0]
        return f"{PACKAGE}{package}/{file.relative_to(_package_folder(package)).as_posix()}"
    return file.relative_to(home).as_posix() if file.is_relative_to(home) else file.name


def is_parquet(file: Path) -> bool:
    """Whether the file is read as Parquet; all others are CSV."""
    return file.name.lower().endswith(PARQUET)


def _in_package(path: str) -> str:
    package, _, inner = path.removeprefix(PACKAGE).partition("/")
    return str(_package_folder(package) / inner)


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ParameterError(
            f"The tables come from the package `{package}`, which is not installed",
            fix=f"install it into this environment: python -m pip install {package}",
        )
    return Path(spec.submodule_search_locations[0])


def _nearest(full: Path) -> str:
    folder = full.parent
    while not folder.is_dir():
        folder = folder.parent
    names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))[:20]
    wanted = full.relative_to(folder).parts[0]
    return f"in {folder}: {did_you_mean(wanted, names)}" if names else f"{folder} is empty"
