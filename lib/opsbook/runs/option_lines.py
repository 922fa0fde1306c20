"""YAML templates: every key on a line of its own, switched off by a # before it, with its meaning behind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

KEY = re.compile(r"#?([a-z_]+):")
INNER = re.compile(r"#?  +\S")
MEANING = re.compile(r"\s+# (\? )?(.*)$")
COMMENTED = re.compile(r"^(#?(?:  )*[-a-z_{][^#\n]*?) +(# .*)$", re.M)
COLUMN = 34


def with_values(template: str, values: Mapping[str, Any]) -> str:
    """The template with these top-level keys switched on and set; their meanings stay, and so does every other line."""
    parts = (_block(key, values[key], own[0]) if key in values else "".join(own) for key, own in blocks(template))
    return aligned("".join(parts))


def blocks(template: str) -> Iterator[tuple[str, list[str]]]:
    """The template cut before every top-level key and after its last inner line; "" names what belongs to no key."""
    key, lines = "", list[str]()
    for line in template.splitlines(keepends=True):
        begins = KEY.match(line)
        if begins or (key and not INNER.match(line)):
            yield key, lines
            key, lines = begins[1] if begins else "", []
        lines.append(line)
    yield key, lines


def aligned(text: str) -> str:
    """The text with the comments behind its keys in one column, where the keys leave room."""
    return COMMENTED.sub(lambda line: f"{line[1].ljust(COLUMN)}  {line[2]}", text)


def switched_on(lines: list[str]) -> str:
    """The lines of a block with the # before its keys taken away."""
    return "".join(line.removeprefix("#") for line in lines)


def flow(value: Any) -> str:
    """The value on one line of YAML."""
    told = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, sort_keys=False, width=100_000)
    return told.removesuffix("...\n").strip()


def _block(key: str, value: Any, first: str) -> str:
    found = MEANING.search(first)
    meaning = f"# {found[2]}" if found else ""
    if isinstance(value, Mapping) and value:
        inner = [f"  {name}: {flow(part)}\n" for name, part in value.items()]
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        inner = [f"  - {flow(part)}\n" for part in value]
    else:
        return f"{key}: {flow(value)}  {meaning}".rstrip() + "\n"
    return f"{key}:  {meaning}".rstrip() + "\n" + "".join(inner)
