"""report.pdf: printed by a Chromium that is there; clear errors for one that is absent, fails, hangs or is mute."""

import json
import os
import re
import stat
import sys
import time

import pytest

from opsbook.errors import OperatorError, ParameterError
from opsbook.page.carried_font import carried_font
from opsbook.runs import manifest
from opsbook.runs.chromium import NAMES, browser, fonts_told, printed
from opsbook.runs.folder import Folder
from opsbook.runs.plan import Wish
from opsbook.runs.printing import print_last, print_report
from runs.conftest import NOW
from runs.reports_left import leave

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>用户生命周期</title>
<h1>次日留存</h1><p>Retained 41.2%</p><script src="http://example.invalid/x.js"></script></html>"""
WRITES = """
out = next(word for word in sys.argv if '--print-to-pdf=' in word).split('=')[1]
open(out, 'wb').write(b'%PDF-1.7 fake')
"""


def fake(folder, body):
    """An environment in which `chromium` is this Python program, alone on PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "chromium"
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n", encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": str(folder)}


def chromium():
    """The real one; the test is skipped where there is none."""
    try:
        return browser(os.environ)
    except ParameterError:
        pytest.skip("no chromium on this machine; `apt install chromium` or set OPSBOOK_CHROMIUM to its path")


def outline(content):
    """Texts of the PDF's outline and title, which are written without compression."""
    return [bytes.fromhex(text.decode()).decode("utf-16") for text in re.findall(rb"/Title <([0-9A-F]+)>", content)]


def test_a_real_chromium_prints_the_page_with_its_chinese_headings(checkout):
    """The PDF begins as one, carries the page's headings in its outline, Chinese glyphs, and its hash in run.json."""
    folder = leave(checkout, **{"report.html": PAGE})
    chromium()
    assert list(print_last(checkout.home, Wish(), environment=os.environ, now=NOW)) == [
        "pdf       01_user_lifecycle/monthly/2026-10/report.pdf"
    ]
    content = (folder / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", content)) == 1
    assert {"用户生命周期", "次日留存"} <= set(outline(content)) | set(titles_in_hex(content))
    assert re.search(rb"/FontName /\w+\+\S*(Noto|Han|Hei|Song|CJK|Sans)", content)
    told = json.loads((folder / "run.json").read_text())["added"]["report.pdf"]
    assert {name: told[name] for name in ("bytes", "sha256")} == manifest.described(content)


def titles_in_hex(content):
    """Titles that are written as text in parentheses."""
    return [text.decode("latin1") for text in re.findall(rb"/Title \(([^)]*)\)", content)]


def test_what_is_printed_already_is_left_alone_until_the_page_changes(checkout, tmp_path):
    """A second command prints nothing; a new page is printed anew."""
    folder = leave(checkout)
    way = {"environment": fake(tmp_path / "bin", WRITES), "now": NOW}
    assert [line.split()[0] for line in print_last(checkout.home, Wish(), **way)] == ["pdf"]
    assert [line.split()[0] for line in print_last(checkout.home, Wish(), **way)] == ["fresh"]
    (folder / "report.html").write_text("another", encoding="utf-8")
    assert [line.split()[0] for line in print_last(checkout.home, Wish(), **way)] == ["pdf"]
    (folder / "report.pdf").unlink()
    assert [line.split()[0] for line in print_last(checkout.home, Wish(), **way)] == ["pdf"]


def test_a_pdf_does_not_decide_whether_a_report_is_fresh(checkout, tmp_path):
    """run.json tells the PDF apart from the report's files, so printing, or losing, it makes nothing be run again."""
    folder = leave(checkout)
    place = Folder(checkout.home / "outputs", "01_user_lifecycle/monthly/2026-10")
    before = json.loads((folder / "run.json").read_text())
    environment = fake(tmp_path / "bin", WRITES)
    assert print_report(place, browser(environment), environment)
    after = json.loads((folder / "run.json").read_text())
    assert {name: value for name, value in after.items() if name != "added"} == before
    assert manifest.is_fresh(place, {})
    (folder / "report.pdf").unlink()
    assert manifest.is_fresh(place, {})


@pytest.mark.parametrize(
    ("body", "problem", "found"),
    [
        ("sys.stderr.write('no display\\n'); sys.exit(3)", "Chromium ended with exit code 3", "no display"),
        ("pass", "Chromium wrote no PDF", "it said nothing"),
        (WRITES.replace("%PDF-1.7 fake", "<html>"), "Chromium wrote no PDF", "it said nothing"),
    ],
)
def test_a_chromium_that_fails_is_an_error_and_the_page_stays(checkout, tmp_path, body, problem, found):
    """What the browser said is told, nothing is written, and the report is as it was."""
    folder = leave(checkout)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OperatorError, match=problem) as refused:
        list(print_last(checkout.home, Wish(), environment=fake(tmp_path / "bin", body), now=NOW))
    assert (refused.value.exit_code, refused.value.found) == (1, found)
    assert "report.html is there and good" in str(refused.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_chromium_that_hangs_is_stopped_with_what_it_started(tmp_path):
    """After the time given the browser and its children are ended."""
    page = tmp_path / "report.html"
    page.write_text("x", encoding="utf-8")
    pids = tmp_path / "pids"
    body = f"child = os.fork()\nopen({str(pids)!r}, 'a').write(f'{{os.getpid()}} ')\ntime.sleep(60)"
    environment = fake(tmp_path / "bin", body)
    with pytest.raises(OperatorError, match=r"did not end within 2 s"):
        printed(page, program=browser(environment), environment=environment, seconds=2)
    end = time.monotonic() + 10
    while any(_lives(pid) for pid in pids.read_text().split()) and time.monotonic() < end:
        time.sleep(0.05)
    assert len(pids.read_text().split()) == 2
    assert not any(_lives(pid) for pid in pids.read_text().split())


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_without_chromium_the_command_says_what_to_install(checkout):
    """No program of any known name is a usage error with exit code 2, before a kernel starts."""
    leave(checkout)
    code, _, err = checkout.command("pdf", PATH="/nowhere", OPSBOOK_CHROMIUM="")
    assert code == 2
    assert f"looked for {', '.join(NAMES)}" in err
    code, out, err = checkout.command("run", "01/weekly", "--pdf", PATH="/nowhere", OPSBOOK_CHROMIUM="")
    assert (code, out) == (2, "")
    assert not (checkout.home / "outputs/01_user_lifecycle/weekly").exists()


def test_run_with_pdf_prints_what_it_made_and_keeps_it_when_printing_fails(checkout, tmp_path):
    """--pdf adds the PDF to good and fresh reports; a browser that fails costs exit code 1 and no report."""
    path = {"OPSBOOK_CHROMIUM": str(tmp_path / "bad" / "chromium")}
    fake(tmp_path / "bad", "sys.exit(5)")
    code, out, err = checkout.command("run", "01/monthly", "--pdf", **path)
    assert code == 1
    assert out.startswith("good ")
    assert "exit code 5; report.html is there and good" in err
    fake(tmp_path / "bad", WRITES)
    code, out, err = checkout.command("run", "01/monthly", "--pdf", "--json", **path)
    assert (code, json.loads(out)["exit_code"]) == (0, 0)
    assert "pdf       01_user_lifecycle/monthly/2026-10/report.pdf" in err
    code, out, _ = checkout.command("run", "01/monthly")
    assert (code, out.split()[0]) == (0, "fresh")
    assert (checkout.october / "report.pdf").read_bytes() == b"%PDF-1.7 fake"


def test_the_browser_gets_a_home_of_its_own_and_the_carried_font(checkout, tmp_path):
    """HOME is a temporary folder that may be written, and fontconfig sees the Chinese font of the packages."""
    leave(checkout)
    seen = tmp_path / "seen.json"
    body = (
        f"{WRITES}\nimport json\nopen(os.path.join(os.environ['HOME'], 'x'), 'w').close()\n"
        f"told = dict(os.environ) | {{'args': sys.argv, 'fonts': open(os.environ['FONTCONFIG_FILE']).read()}}\n"
        f"json.dump(told, open({str(seen)!r}, 'w'))"
    )
    list(print_last(checkout.home, Wish(), environment=fake(tmp_path / "bin", body) | {"HOME": "/read-only"}, now=NOW))
    told = json.loads(seen.read_text())
    assert told["HOME"] != "/read-only"
    assert not os.path.exists(told["HOME"])
    assert f"<dir>{carried_font().parent}</dir>" in told["fonts"]
    assert "--host-resolver-rules=MAP * ~NOTFOUND" in told["args"]
    assert ("--no-sandbox" in told["args"]) == (os.geteuid() == 0)
    assert "a &amp; b" in fonts_told(tmp_path / "a & b", tmp_path)


def test_a_named_program_that_is_not_there_is_refused(tmp_path):
    """OPSBOOK_CHROMIUM is taken at its word: no other browser steps in for it."""
    environment = fake(tmp_path / "bin", WRITES) | {"OPSBOOK_CHROMIUM": str(tmp_path / "absent")}
    with pytest.raises(ParameterError, match="There is no Chromium"):
        browser(environment)
