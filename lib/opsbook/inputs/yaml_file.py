"""YAML files as typed parameters: every scalar is read as text, and the model decides what it means.

YAML 1.1 reads `country: NO` as false, `001` as 1 and `2026_10` as 202610; reading text and letting the
pydantic field decide removes that whole family of silent changes.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from opsbook.errors import ParameterError

Model = TypeVar("Model", bound=BaseModel)
Place = tuple[str | int, ...]
_NOTHING = {"", "~", "null"}


class Misplaced(ValueError):
    """What a model finds contradictory, each finding with its place in the model, so that its line can be named."""

    def __init__(self, problems: Sequence[tuple[Place, str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(says for _, says in problems))


def refuse_misplaced(problems: Sequence[tuple[Place, str]]) -> None:
    """Raise Misplaced, for validators of a model, when there is any problem."""
    if problems:
        raise Misplaced(problems)


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """Return the file's content as nested text and the line of each key path.

    raises: ParameterError when the file is missing, is no YAML, holds a key twice or is not a mapping.
    """
    try:
        return read_text(path.read_text(encoding="utf-8"), where=path)
    except FileNotFoundError as missing:
        raise ParameterError(f"There is no file {path.name}", where=path, fix=_siblings(path)) from missing
    except UnicodeDecodeError as broken:
        raise ParameterError(f"{path.name} is not valid YAML", found=str(broken), where=path) from broken


def read_text(text: str, *, where: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The same of a file's text, before it is a file; `where` names it in errors."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as broken:
        raise ParameterError(f"{where.name} is not valid YAML", found=str(broken), where=where) from broken
    lines: dict[Place, int] = {}
    content = {} if node is None else _plain(node, (), lines, where)
    if not isinstance(content, dict):
        raise ParameterError(f"{where.name} must hold `key: value` lines", found=type(content).__name__, where=where)
    return content, lines


def load(path: Path, model: type[Model], *, extra: dict[str, Any] | None = None) -> Model:
    """Read the file into the model, with `extra` laid over it; raises ParameterError naming file, line and key."""
    content, lines = read_yaml(path)
    return checked(model, content | (extra or {}), where=path, lines=lines)


def checked(
    model: type[Model],
    content: dict[str, Any],
    *,
    where: str | Path = "",
    lines: dict[Place, int] | None = None,
) -> Model:
    """Validate a mapping; raises one ParameterError that lists every problem with its key and a suggestion."""
    try:
        return model.model_validate(content)
    except ValidationError as invalid:
        problems = [text for error in invalid.errors() for text in _problems(error, model, lines or {})]
        raise ParameterError("The parameters are not usable", found="; ".join(problems), where=where) from invalid


def did_you_mean(word: str, known: list[str]) -> str:
    """A closing half-sentence that proposes the nearest known words, or lists them when none is near."""
    near = difflib.get_close_matches(word, known, n=2, cutoff=0.6)
    return f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known))}"


def _plain(node: yaml.Node, at: Place, lines: dict[Place, int], path: Path) -> Any:
    lines[at] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        content: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in content:
                raise ParameterError(f"`{key}` stands twice (line {key_node.start_mark.line + 1})", where=path)
            content[key] = _plain(value_node, (*at, key), lines, path)
            lines[(*at, key)] = key_node.start_mark.line + 1
        return content
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*at, i), lines, path) for i, item in enumerate(node.value)]
    is_plain = isinstance(node, yaml.ScalarNode) and node.style is None
    return None if is_plain and node.value in _NOTHING else node.value


def located(at: Place, lines: Mapping[Place, int]) -> str:
    """The key with the line it stands on, or that of the nearest key around it."""
    key = ".".join(str(part) for part in at) or "the file"
    line = next((lines[at[:size]] for size in range(len(at), 0, -1) if at[:size] in lines), None)
    return f"`{key}`" + (f" (line {line})" if line else "")


def _problems(error: Any, model: type[BaseModel], lines: dict[Place, int]) -> list[str]:
    """What one error of the model says: several lines where a validator found several contradictions."""
    found = error.get("ctx", {}).get("error")
    if isinstance(found, Misplaced):
        return [f"{located((*error['loc'], *at), lines)}: {says}" for at, says in found.problems]
    return [_problem(error, model, lines)]


def _problem(error: Any, model: type[BaseModel], lines: dict[Place, int]) -> str:
    at = error["loc"]
    place = located(at, lines)
    if error["type"] == "extra_forbidden":
        return f"{place} is not a known key, {did_you_mean(str(at[-1]), _known_keys(model, at[:-1]))}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message}, found {error['input']!r}" if at else message


def _known_keys(model: Any, at: Place) -> list[str]:
    for part in at:
        if hasattr(model, "model_fields") and part in model.model_fields:
            model = _inner_model(model.model_fields[part].annotation)
    fields = getattr(model, "model_fields", {})
    return sorted(field.alias or name for name, field in fields.items())


def _inner_model(annotation: Any) -> Any:
    if hasattr(annotation, "model_fields"):
        return annotation
    inner = (_inner_model(part) for part in getattr(annotation, "__args__", ()))
    return next((part for part in inner if part is not None), None)


def _siblings(path: Path) -> str:
    names = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
    return did_you_mean(path.name, names) if names else f"create it, or check the folder {path.parent}"
