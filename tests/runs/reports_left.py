"""Report folders as runs leave them, without running anything."""

import json


def leave(checkout, run="01_user_lifecycle/monthly", period="2026-10", *, failed="", language="en", at="09", **files):
    """A report folder with its record and messages; with `failed` only the mark of a failed attempt."""
    notebook, name = run.split("/")
    suffix = "" if language == "en" else f".{language}"
    folder = checkout.home / "outputs" / notebook / name / f"{period}{suffix}"
    place = folder / "last-failure" if failed else folder
    place.mkdir(parents=True, exist_ok=True)
    record = {
        "schema": "opsbook.run/1",
        "status": "failed" if failed else "good",
        "problem": failed,
        "notebook": notebook,
        "company": "shop",
        "run": name,
        "period": {"start": f"{period}-01", "end": f"{period}-28", "kind": "month", "label": period},
        "language": language,
        "files": {},
        "parameters": {},
        "as_of": f"{period}-28",
        "fingerprints": {},
        "finished_at": f"2026-11-02T{at}:00:00Z",
    }
    (place / "run.json").write_text(json.dumps(record), encoding="utf-8")
    if not failed:
        told = f"Shop · {period}\nGood: all is well.\nActive users 12"
        texts = {"message.txt": told, "message.md": told.replace("12", "**12**"), "report.html": "<p>page</p>"} | files
        for file, text in texts.items():
            (folder / file).write_text(text + "\n", encoding="utf-8")
    return folder
