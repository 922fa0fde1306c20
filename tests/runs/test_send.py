"""`opsbook send`: who gets which words, what is never shown, and what is not said twice; the network is one thread."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from opsbook.errors import OperatorError, ParameterError
from opsbook.runs.deliver import targets, variable
from opsbook.runs.execution import kernel_environment
from opsbook.runs.last_reports import last_reports
from opsbook.runs.plan import Wish
from opsbook.runs.sending import Way, send
from runs.conftest import NOW
from runs.reports_left import leave

SECRET = "hunter2-hunter2"


class _Post(BaseHTTPRequestHandler):
    """Keeps what is posted and answers what the server was told to."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(json.loads(body))
        self.send_response(self.server.answer)
        self.end_headers()

    def log_message(self, *_):
        """Say nothing."""


@contextmanager
def service(answer=200):
    """A chat service on this machine: its address for Apprise, and what it got."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Post)
    server.got, server.answer = [], answer
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"json://user:{SECRET}@127.0.0.1:{server.server_port}/hooks/{SECRET}", server.got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(checkout, *addresses, way=None, **wish):
    """The lines that sending says."""
    environment = {"OPSBOOK_SEND": " ".join(addresses)}
    return list(send(checkout.home, Wish(**wish), way or Way(), environment=environment, now=NOW))


def test_the_last_good_message_is_delivered_as_markdown(checkout):
    """The service gets title and body of the newest period, in Markdown, where it takes Markdown."""
    leave(checkout, period="2026-09")
    leave(checkout, period="2026-10")
    with service() as (address, got):
        lines = told(checkout, address)
    assert len(lines) == 1
    assert lines[0].startswith("sent      01_user_lifecycle/monthly/2026-10 to json://user:****@127.0.0.1:")
    assert [(one["title"], one["message"]) for one in got] == [
        ("Shop · 2026-10", "Good: all is well.\n\nActive users **12**")
    ]


def test_an_unchanged_message_is_not_sent_twice_unless_asked(checkout):
    """A second command sends nothing, --again sends it again, and a changed message goes out by itself."""
    leave(checkout)
    with service() as (address, got):
        told(checkout, address)
        assert told(checkout, address)[0].startswith("already   ")
        assert len(got) == 1
        told(checkout, address, way=Way(again=True))
        assert len(got) == 2
        leave(checkout, **{"message.md": "Shop\nBad."})
        told(checkout, address)
    assert [one["message"] for one in got[2:]] == ["Bad."]


def test_a_second_target_gets_what_the_first_already_has(checkout):
    """What was sent is known per target, so a new address hears of the report too."""
    leave(checkout)
    with service() as (one, first), service() as (other, second):
        told(checkout, one)
        lines = told(checkout, one, other)
    assert [line.split()[0] for line in lines] == ["already", "sent"]
    assert (len(first), len(second)) == (1, 1)


def test_no_secret_is_shown_or_kept(checkout):
    """Neither lines, nor errors, nor the record hold a password or a secret path."""
    leave(checkout)
    with service(answer=500) as (address, _):
        shown = "\n".join(told(checkout, address, way=Way(dry_run=True)))
        with pytest.raises(OperatorError) as refused:
            told(checkout, address)
    with service() as (address, _):
        shown += "\n".join(told(checkout, address))
    kept = (checkout.home / "outputs/.opsbook/sent.json").read_text()
    assert SECRET not in shown + str(refused.value) + kept
    assert "json://user:****@127.0.0.1:" in shown


def test_a_service_that_refuses_is_named_and_the_others_are_served(checkout):
    """One target that fails does not keep the message from the next; the error says which and what to do."""
    leave(checkout)
    with service(answer=500) as (bad, _), service() as (good, got), pytest.raises(OperatorError) as refused:
        told(checkout, bad, good)
    assert len(got) == 1
    assert refused.value.exit_code == 1
    assert "500" in refused.value.found
    assert "not sent twice" in refused.value.fix


def test_a_dry_run_shows_every_word_and_sends_none(checkout):
    """--dry-run prints targets, form and text exactly, and the service hears nothing."""
    leave(checkout)
    with service() as (address, got):
        (shown,) = told(checkout, address, way=Way(dry_run=True, attach=("html",)))
    head, *rest = shown.split("\n")
    assert head.endswith("/ as Markdown: would be sent")
    assert rest == [
        "attached: report.html",
        "    Shop · 2026-10",
        "    Good: all is well.",
        "",
        "    Active users **12**",
    ]
    assert got == []
    assert not (checkout.home / "outputs/.opsbook/sent.json").exists()


def test_a_service_without_markdown_gets_the_text(checkout):
    """WeCom's bot takes text by default: it gets message.txt; without files, and that is said."""
    leave(checkout)
    (shown,) = told(checkout, "wecombot://abcdef-123", way=Way(dry_run=True, attach=("html",)))
    assert "as text: would be sent\nnot attached, the service takes no files: report.html" in shown
    assert shown.endswith("    Active users 12")


def test_files_are_attached_where_the_service_takes_them(checkout):
    """--attach html brings the page along; a file that was never made is an error that names the command."""
    leave(checkout)
    with service() as (address, got):
        told(checkout, address, way=Way(attach=("html",)))
        with pytest.raises(OperatorError, match=r"There is no report\.pdf to attach"):
            told(checkout, address, way=Way(attach=("pdf",)))
    assert [one["filename"] for one in got[0]["attachments"]] == ["report.html"]


def test_a_newer_failure_is_not_hidden_behind_an_old_report(checkout):
    """Where the newest run failed, the message says so first, and that the report below is an earlier one."""
    leave(checkout, period="2026-09", at="08")
    leave(checkout, failed="In [5] raised ZeroDivisionError", period="2026-10", at="09")
    with service() as (address, got):
        told(checkout, address)
    assert got[0]["title"] == "The newest run failed: shop 01_user_lifecycle/monthly 2026-10"
    assert got[0]["message"].split("\n\n")[:3] == [
        "Failed at 2026-11-02T09:00:00Z: In [5] raised ZeroDivisionError",
        "What follows is the last good report, of 2026-09; it was not made anew.",
        "Shop · 2026-09",
    ]


def test_a_failure_that_was_overcome_is_not_told(checkout):
    """A report made after a failure of another period goes out without a warning."""
    leave(checkout, failed="broken", period="2026-09", at="08")
    leave(checkout, period="2026-10", at="09")
    (last,) = last_reports(checkout.home, Wish(), now=NOW)
    assert last.failed is None


def test_a_run_that_only_failed_says_that_it_failed_in_its_language(checkout):
    """Without a good report the failure itself is the message."""
    leave(checkout, failed="坏了", language="zh")
    with service() as (address, got):
        told(checkout, address, languages=("zh",))
    assert got[0]["title"] == "最近一次运行失败：shop 01_user_lifecycle/monthly 2026-10"
    assert got[0]["message"] == "失败时间 2026-11-02T09:00:00Z：坏了"


def test_a_named_run_without_a_report_is_an_error(checkout):
    """What was asked for by name and never ran is told, after the others were sent."""
    leave(checkout)
    with service() as (address, got), pytest.raises(OperatorError, match="Some runs have no report") as refused:
        told(checkout, address, targets=("01",))
    assert len(got) == 1
    assert refused.value.found == "shop 01_user_lifecycle/weekly en"


def test_a_period_picks_its_report(checkout):
    """--period sends that period's report, although a later one exists."""
    leave(checkout, period="2026-02")
    leave(checkout, period="2026-10")
    with service() as (address, got):
        told(checkout, address, targets=("01/monthly",), period="2026-02")
    assert [one["title"] for one in got] == ["Shop · 2026-02"]


def test_a_company_may_have_targets_of_its_own():
    """OPSBOOK_SEND_<COMPANY> goes before the common variable; commas and blanks part addresses."""
    environment = {"OPSBOOK_SEND": "json://a.example, json://b.example", "OPSBOOK_SEND_MY_SHOP": "json://c.example"}
    assert variable("my-shop", environment) == "OPSBOOK_SEND_MY_SHOP"
    assert [target.shown for target in targets("my-shop", environment)] == ["json://c.example/"]
    assert [target.shown for target in targets("other", environment)] == ["json://a.example/", "json://b.example/"]


@pytest.mark.parametrize("address", ["nonsense://" + SECRET, SECRET])
def test_an_address_nobody_knows_is_refused_before_anything_is_sent(checkout, address):
    """An unreadable address is a usage error that names its place and not itself."""
    leave(checkout)
    with service() as (good, got), pytest.raises(ParameterError, match="address 2 in OPSBOOK_SEND") as refused:
        told(checkout, good, address)
    assert got == []
    assert SECRET not in str(refused.value)


def test_without_targets_the_command_exits_2_and_names_the_variable(checkout):
    """The command line refuses as a usage error; nothing was sent, so nothing is recorded."""
    leave(checkout)
    code, _, err = checkout.command("send", OPSBOOK_SEND="")
    assert code == 2
    assert "OPSBOOK_SEND is not set" in err
    code, out, _ = checkout.command("send", "01/monthly", "--dry-run", OPSBOOK_SEND="feishu://abcdefgh12345")
    assert code == 0
    assert out.startswith("01_user_lifecycle/monthly/2026-10 to feishu://a...5/ as Markdown: would be sent")


def test_two_groups_with_alike_masks_are_two_targets():
    """What is recorded tells addresses apart that look the same when masked."""
    one, other = targets("shop", {"OPSBOOK_SEND": "feishu://abcdefgh12345 feishu://axxxxxxx00005"})
    assert one.shown == other.shown
    assert one.key != other.key


def test_no_other_process_sees_the_addresses(tmp_path):
    """Kernels run what analysts write; the addresses, which are passwords, are not in their environment."""
    inherited = {"OPSBOOK_SEND": SECRET, "OPSBOOK_SEND_SHOP": SECRET, "DATABASE": "kept"}
    told = kernel_environment(tmp_path, inherited)
    assert SECRET not in str(told)
    assert told["DATABASE"] == "kept"
