"""What a line of a notebook rests on, read from its text alone: names assigned, names used, back to where they begin.

Cells run from top to bottom, so the order of the lines is the order of time. A line that always assigns a name hides
what the name was before; one that may (inside `if`) or only changes it (`+=`, `x["a"] = …`) rests on that as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_OF_ITS_OWN = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.FunctionDef, ast.ClassDef)
_BRANCHES = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match)


@dataclass(frozen=True)
class Step:
    """One assignment, import or call of a notebook, in the order of its running.

    cell: the id of its cell; line: within the cell; source: the whole statement; binds, uses: names.
    certain: whether it always assigns, so that nothing older shines through; imports: name -> dotted module or thing.
    """

    cell: str
    line: int
    source: str
    binds: frozenset[str]
    uses: frozenset[str]
    certain: bool
    value: ast.AST = field(compare=False, repr=False)
    imports: Mapping[str, str] = field(default_factory=dict, compare=False)


def steps(cells: Iterable[tuple[str, str]]) -> list[Step]:
    """Every step of the cells (id and source), parallel assignments taken apart; raises SyntaxError for no Python."""
    return [
        step for cell, source in cells for statement in ast.parse(source).body for step in _of(cell, statement, source)
    ]


def behind(known: Sequence[Step], places: Iterable[int]) -> list[int]:
    """Places of all steps that the steps at these places rest on, themselves included, in the order of running."""
    found: set[int] = set()
    waiting = list(places)
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += [origin for name in known[place].uses for origin in origins(known, place, name)]
    return sorted(found)


def origins(known: Sequence[Step], place: int, name: str) -> list[int]:
    """Places of the steps that gave the name the value which the step at `place` sees, the newest first."""
    found: list[int] = []
    for earlier in range(place - 1, -1, -1):
        if name in known[earlier].binds:
            found.append(earlier)
            if known[earlier].certain:
                break
    return found


def reads(known: Sequence[Step], place: int) -> set[str]:
    """Dotted paths the step reads (`book.mart.users`, `opsbook.churn.threshold`), aliases followed to where they begin.

    A step that only gives a path another name reads nothing itself: whoever uses the name does.
    """
    if _chain(known[place].value) is not None and known[place].binds:
        return set()
    return {path for chain in _chains(known[place].value) if (path := _followed(known, place, chain))}


def _of(cell: str, statement: ast.stmt, text: str) -> Iterator[Step]:
    source = ast.get_source_segment(text, statement) or ast.unparse(statement)
    for targets, value in _parallel(statement):
        yield Step(
            cell,
            statement.lineno,
            source,
            frozenset(name for target in targets for name in _bound(target)),
            frozenset(_used(value)) | frozenset(name for target in targets for name in _changed(target)),
            not isinstance(statement, (ast.AugAssign, *_BRANCHES)) and all(map(_whole, targets)),
            value,
            _imported(statement),
        )


def _parallel(statement: ast.stmt) -> Iterator[tuple[list[ast.AST], ast.AST]]:
    """Targets and value; `a, b = x, y` is two assignments, so that b does not seem to rest on x."""
    if not isinstance(statement, ast.Assign):
        yield [statement], statement
        return
    pairs = _paired(statement.targets[0], statement.value) if len(statement.targets) == 1 else None
    yield from pairs or [(list(statement.targets), statement.value)]


def _paired(target: ast.expr, value: ast.expr) -> list[tuple[list[ast.AST], ast.AST]] | None:
    if not (isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)) or len(target.elts) != len(value.elts):
        return None
    if any(isinstance(one, ast.Starred) for one in (*target.elts, *value.elts)):
        return None
    return [([one], other) for one, other in zip(target.elts, value.elts, strict=True)]


def _bound(node: ast.AST) -> Iterator[str]:
    """Names the node gives a value, also those it only changes from within."""
    for part in _outside(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store | ast.Del):
            yield part.id
        elif isinstance(part, ast.Attribute | ast.Subscript) and isinstance(part.ctx, ast.Store):
            yield from _root(part)
        elif isinstance(part, ast.alias):
            yield (part.asname or part.name).split(".")[0]
        elif isinstance(part, ast.FunctionDef | ast.ClassDef):
            yield part.name


def _used(node: ast.AST, own: frozenset[str] = frozenset()) -> Iterator[str]:
    """Names the node reads; those that a comprehension or a lambda makes for itself are its own."""
    own = own | _own_names(node) if isinstance(node, _OF_ITS_OWN) else own
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in own:
        yield node.id
    if isinstance(node, ast.AugAssign):
        yield from _root(node.target)
    for part in ast.iter_child_nodes(node):
        yield from _used(part, own)


def _changed(target: ast.AST) -> Iterator[str]:
    """Names read by a target itself: `x` and `i` of `x[i] = …`."""
    if not isinstance(target, ast.stmt):
        yield from (p.id for p in ast.walk(target) if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Load))


def _own_names(scope: ast.AST) -> frozenset[str]:
    stored = {p.id for p in ast.walk(scope) if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)}
    return frozenset(stored | {p.arg for p in ast.walk(scope) if isinstance(p, ast.arg)})


def _outside(node: ast.AST) -> Iterator[ast.AST]:
    """The node and what is below it, but for what lies in a scope of its own."""
    yield node
    if not isinstance(node, _OF_ITS_OWN):
        for part in ast.iter_child_nodes(node):
            yield from _outside(part)


def _whole(target: ast.AST) -> bool:
    return not any(isinstance(part, ast.Attribute | ast.Subscript) for part in _stores(target))


def _stores(node: ast.AST) -> Iterator[ast.AST]:
    return (part for part in ast.walk(node) if isinstance(getattr(part, "ctx", None), ast.Store))


def _root(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _imported(statement: ast.stmt) -> dict[str, str]:
    if isinstance(statement, ast.Import):
        return {a.asname or a.name.split(".")[0]: a.name if a.asname else a.name.split(".")[0] for a in statement.names}
    if isinstance(statement, ast.ImportFrom):
        return {a.asname or a.name: f"{statement.module}.{a.name}" for a in statement.names}
    return {}


def _chain(node: ast.AST) -> list[str] | None:
    """`a.b.c` as its names, None for anything else."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return [node.id, *names] if isinstance(node, ast.Name) else None


def _chains(node: ast.AST) -> Iterator[list[str]]:
    """Every longest `a.b.c` below the node that is read."""
    chain = _chain(node)
    if chain is not None:
        yield chain
        return
    for part in ast.iter_child_nodes(node):
        yield from _chains(part)


def _followed(known: Sequence[Step], place: int, chain: list[str]) -> str:
    """The chain with its first name replaced by what that name stands for; "" for a name the notebook makes itself."""
    earlier = next(iter(origins(known, place, chain[0])), None)
    if earlier is None:
        return ""
    step = known[earlier]
    if chain[0] in step.imports:
        return ".".join([step.imports[chain[0]], *chain[1:]])
    alias = _chain(step.value)
    if alias is not None:
        return _followed(known, earlier, [*alias, *chain[1:]])
    return ".".join(chain) if chain[0] in step.binds and len(chain) > 1 else ""
