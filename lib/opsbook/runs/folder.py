"""The folder of one report: locked while it is made, staged out of sight, put in place by one rename.

A reader sees the old report or the new one, whole, at every moment, also after a crash or a full disk.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from opsbook.errors import Locked

HIDDEN = ".opsbook"
LAST_FAILURE = "last-failure"
_AT_FDCWD, _EXCHANGE = -100, 2


@dataclass(frozen=True)
class Folder:
    """Where a report goes: `outputs / name`; work in progress lies in `outputs/.opsbook/name/`."""

    outputs: Path
    name: str

    @property
    def place(self) -> Path:
        """The folder a reader opens."""
        return self.outputs / self.name

    @property
    def failure(self) -> Path:
        """The folder of the last failed attempt."""
        return self.place / LAST_FAILURE

    @property
    def _work(self) -> Path:
        return self.outputs / HIDDEN / self.name

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the report for this process and tidy up what a killed run left; raises Locked at once if it is held.

        The operating system gives the lock back when the process ends, however it ends.
        """
        self._work.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._work / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as held:
            raise Locked(
                "Another run is making this report", where=self.place, fix="wait for it, or stop it, then run again"
            ) from held
        try:
            self._recover()
            yield
        finally:
            self._discard()
            lock.release()

    def publish(self, files: Mapping[str, bytes]) -> None:
        """Replace the report by these files, all of them or none; earlier failures are forgotten."""
        _put_in_place(self._staged(files), self.place, aside=self._aside)

    def add(self, files: Mapping[str, bytes]) -> None:
        """Put files beside a report that is in place, or change some of it, each whole and in the order given."""
        for name, content in files.items():
            draft = self._work / "added"
            _write_through(draft, content)
            draft.replace(self.place / name)
        _flush(self.place)

    def publish_failure(self, files: Mapping[str, bytes]) -> None:
        """Replace last-failure/ by these files; a good report beside it stays as it is."""
        self.place.mkdir(parents=True, exist_ok=True)
        _put_in_place(self._staged(files), self.failure, aside=self._aside_failure)

    def forget_failure(self) -> None:
        """Remove the mark of a failed run that no longer says anything about the report in place."""
        if self.failure.exists():
            self.failure.rename(self._aside_failure)
            shutil.rmtree(self._aside_failure, ignore_errors=True)

    def tidy(self) -> None:
        """Remove work in progress of a process that was stopped; a report that another run holds is left alone."""
        try:
            with self.locked():
                pass
        except Locked:
            return

    @property
    def _aside(self) -> Path:
        return self._work / "old"

    @property
    def _aside_failure(self) -> Path:
        return self._work / "old-failure"

    def _staged(self, files: Mapping[str, bytes]) -> Path:
        staging = self._work / "new"
        shutil.rmtree(staging, ignore_errors=True)
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_through(path, content)
        return staging

    def _recover(self) -> None:
        """Finish or undo what a killed run left half-way between its two renames."""
        for aside, place in ((self._aside, self.place), (self._aside_failure, self.failure)):
            if aside.exists() and not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                aside.rename(place)
        self._discard()

    def _discard(self) -> None:
        for leftover in (self._work / "new", self._aside, self._aside_failure):
            shutil.rmtree(leftover, ignore_errors=True)


def _put_in_place(staged: Path, place: Path, *, aside: Path) -> None:
    """One exchange where the system has it; else the old folder steps aside first, and recovery knows where it is."""
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(place)
    elif _exchange(staged, place):
        staged.rename(aside)
    else:
        place.rename(aside)
        staged.rename(place)
    _flush(place.parent)
    shutil.rmtree(aside, ignore_errors=True)


def _exchange(one: Path, other: Path) -> bool:
    """Swap two folders in one step; False where the system or the file system cannot."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    if rename is None:
        return False
    return rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _EXCHANGE) == 0


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _flush(folder: Path) -> None:
    """Make a rename durable, where a folder can be opened at all."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
