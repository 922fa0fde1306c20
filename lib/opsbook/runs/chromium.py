"""The system's Chromium as a printer: one page in, its PDF out, with no network, no profile of anybody, and an end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

from opsbook.errors import OperatorError, ParameterError
from opsbook.page.carried_font import carried_font
from opsbook.runs.execution import without_addresses

VARIABLE = "OPSBOOK_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SECONDS = 120.0
TOLD = 400  # characters of what a browser complains about
QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
</fontconfig>
"""


def browser(environment: Mapping[str, str]) -> str:
    """The program: $OPSBOOK_CHROMIUM, else the first of NAMES on PATH; raises ParameterError when there is none."""
    wanted = [environment[VARIABLE]] if environment.get(VARIABLE) else list(NAMES)
    found = next((path for name in wanted if (path := shutil.which(name, path=environment.get("PATH", "")))), None)
    if found is None:
        raise ParameterError(
            "There is no Chromium to make a PDF with",
            found=f"looked for {', '.join(wanted)}",
            fix=f"install chromium or Chrome, or set {VARIABLE} to its path; report.html prints well from any browser",
        )
    return found


def printed(page: Path, *, program: str, environment: Mapping[str, str], seconds: float = SECONDS) -> bytes:
    """The page as PDF.

    raises: OperatorError when the browser fails, does not end in time, or writes no PDF.
    """
    with TemporaryDirectory(prefix="opsbook-pdf-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        command = [program, *_options(folder), page.resolve().as_uri()]
        code, told = _run(command, _environment(folder, environment), folder, seconds)
        made = folder / "page.pdf"
        content = made.read_bytes() if made.is_file() else b""
    if code is None:
        raise _failed(
            f"Chromium did not end within {seconds:g} s", told, page, "try again when the machine is less busy"
        )
    if code != 0 or not content.startswith(b"%PDF"):
        ending = f"Chromium ended with exit code {code}" if code else "Chromium wrote no PDF"
        raise _failed(ending, told, page, f"see whether `{Path(program).name} --headless` works, or set {VARIABLE}")
    return content


def _options(folder: Path) -> list[str]:
    """As root Chromium starts only without its sandbox; the page is our own and holds no script."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    own = [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={folder / 'page.pdf'}"]
    return [*QUIET, *own, *(["--no-sandbox"] if root else [])]


def _environment(folder: Path, inherited: Mapping[str, str]) -> dict[str, str]:
    """A home of its own, which may be written, and the carried Chinese font for machines without one."""
    own = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config"), "XDG_CACHE_HOME": str(folder / "cache")}
    font = carried_font()
    if font is not None:
        (folder / "fonts.conf").write_text(fonts_told(font.parent, folder / "fonts"), encoding="utf-8")
        own["FONTCONFIG_FILE"] = str(folder / "fonts.conf")
    return without_addresses(inherited) | own


def fonts_told(fonts: Path, cache: Path) -> str:
    """A fontconfig file: the system's fonts, where there are any, and those in the folder."""
    return FONTS.format(fonts=escape(str(fonts)), cache=escape(str(cache)))


def _run(command: list[str], environment: dict[str, str], folder: Path, seconds: float) -> tuple[int | None, str]:
    """Exit code, None when it had to be stopped with all it started, and what it said."""
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _stop(process)
    return code, log.read_text(encoding="utf-8", errors="replace").replace(str(folder), "<temporary>").strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End what is left of the browser's processes, also when this command is interrupted."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (OSError, AttributeError):
        process.kill()
    process.wait()


def _failed(problem: str, told: str, page: Path, fix: str) -> OperatorError:
    last = told.splitlines()[-1][:TOLD] if told else "it said nothing"
    return OperatorError(f"{problem}; report.html is there and good", found=last, fix=fix, where=page)
