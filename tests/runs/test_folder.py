"""A report's folder at every moment holds the old report or the new one, whole."""

import os

import pytest

from opsbook.errors import Locked
from opsbook.runs import folder as folders
from opsbook.runs.folder import Folder


@pytest.fixture
def folder(tmp_path):
    """The folder of one report with a good report in it."""
    made = Folder(tmp_path / "outputs", "notebook/run/2026-10")
    with made.locked():
        made.publish({"report.html": b"old", "tables/a.csv": b"1"})
    return made


def content(place):
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.mark.parametrize("exchange", [True, False])
def test_a_new_report_replaces_the_whole_old_one(folder, monkeypatch, exchange):
    """Files that the new report does not have are gone, with and without the system's exchange."""
    if not exchange:
        monkeypatch.setattr(folders, "_exchange", lambda one, other: False)
    with folder.locked():
        folder.publish({"report.html": b"new"})
    assert content(folder.place) == {"report.html": b"new"}
    assert list((folder.outputs / ".opsbook" / folder.name).iterdir()) == [folder._work / "lock"]


def test_a_failure_leaves_the_good_report_and_a_good_run_clears_the_failure(folder):
    """last-failure/ stands beside the report until a run succeeds."""
    with folder.locked():
        folder.publish_failure({"error.txt": b"first"})
        folder.publish_failure({"error.txt": b"second"})
    assert content(folder.place) == {
        "report.html": b"old",
        "tables/a.csv": b"1",
        "last-failure/error.txt": b"second",
    }
    with folder.locked():
        folder.publish({"report.html": b"new"})
    assert content(folder.place) == {"report.html": b"new"}


def test_a_full_disk_leaves_the_old_report_whole(folder, monkeypatch):
    """A write that fails half-way is not seen by any reader and leaves nothing behind."""

    def full(path, content):
        path.write_bytes(content[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "_write_through", full)
    with pytest.raises(OSError, match="No space"), folder.locked():
        folder.publish({"report.html": b"new"})
    assert content(folder.place) == {"report.html": b"old", "tables/a.csv": b"1"}
    assert not (folder._work / "new").exists()


def test_a_crash_between_two_renames_is_mended_by_the_next_run(folder):
    """Where the system has no exchange, the old report that stepped aside comes back."""
    (folder._work / "new").mkdir()
    folder.place.rename(folder._work / "old")
    with folder.locked():
        assert content(folder.place) == {"report.html": b"old", "tables/a.csv": b"1"}
    assert not (folder._work / "new").exists()


def test_a_held_report_is_locked_at_once_and_free_again_afterwards(folder):
    """The second of two runs does not wait: it says that the report is held."""
    with folder.locked():
        with pytest.raises(Locked), folder.locked():
            pytest.fail("two runs hold one report")
        pid = os.getpid()
    with folder.locked():
        assert os.getpid() == pid


def test_tidying_leaves_a_report_that_another_run_holds(folder):
    """A stopped command clears its own traces only."""
    with folder.locked():
        folder._staged({"report.html": b"half"})
        Folder(folder.outputs, folder.name).tidy()
        assert (folder._work / "new").exists()
    folder.tidy()
    assert not (folder._work / "new").exists()
