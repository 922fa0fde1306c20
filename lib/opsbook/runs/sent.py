"""The record of what was sent: so that a scheduler may send as often as it likes and people hear it once."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from opsbook.runs import clock, manifest
from opsbook.runs.folder import HIDDEN

SCHEMA = "opsbook.sent/1"
WAIT_SECONDS = 120


class Sent:
    """Per report and target the hash of the last message delivered; addresses only as keys that tell nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told: dict[str, dict[str, dict[str, str]]] = _read(path)

    def has(self, report: str, target: str, message: str) -> bool:
        """Whether exactly this message about the report already went to the target."""
        return self._told.get(report, {}).get(target, {}).get("message") == message

    def note(self, report: str, target: str, message: str) -> None:
        """Write down that the message was delivered, at once: the next one may fail."""
        entry = {"message": message, "sent_at": clock.stamp(clock.now())}
        self._told.setdefault(report, {})[target] = entry
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        draft.write_bytes(manifest.as_bytes({"schema": SCHEMA, "reports": self._told}))
        draft.replace(self.path)


@contextmanager
def record(outputs: Path) -> Iterator[Sent]:
    """The record below outputs/, held so that two commands at once do not send the same message twice."""
    folder = outputs / HIDDEN
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "sent.lock", timeout=WAIT_SECONDS):
        yield Sent(folder / "sent.json")


def hash_of(*parts: str) -> str:
    """SHA-256 of the texts that make up a message."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _read(path: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return dict(content["reports"]) if isinstance(content, dict) and content.get("schema") == SCHEMA else {}
