"""The house's rules that import-linter can't see, each a function from a syntax tree to its findings."""

import ast
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 40

# Calls that reach the clock, a file, a terminal or chance; `.now` and `.today` catch datetime and date alike.
IMPURE_NAMES = frozenset({"open", "input", "print", "Path", "urandom", "uuid1", "uuid4"})
IMPURE_METHODS = frozenset(
    {
        "now",
        "utcnow",
        "today",
        "time",
        "time_ns",
        "monotonic",
        "monotonic_ns",
        "perf_counter",
        "urandom",
        "uuid1",
        "uuid4",
    }
    | {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
)
MUTABLE_CALLS = frozenset({"dict", "list", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict"})
MUTATING_METHODS = frozenset(
    {"append", "extend", "insert", "add", "update", "setdefault", "pop", "popitem", "remove", "discard", "clear"}
)
MAKING_METHODS = frozenset({"model_construct", "model_validate", "model_validate_json"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module(NamedTuple):
    """One source file: its path from the root of the project, its text and its tree."""

    path: PurePosixPath
    text: str
    tree: ast.Module


class Finding(NamedTuple):
    """A line that breaks a rule."""

    line: int
    what: str


def module(path: str, text: str) -> Module:
    """Parse one file."""
    return Module(PurePosixPath(path), text, ast.parse(text, path))


def _within(path: PurePosixPath, *places: str) -> bool:
    """Whether a path is one of the files, or lies in one of the folders."""
    return any(path == PurePosixPath(place) or PurePosixPath(place) in path.parents for place in places)


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str, bool]]:
    """Every call, with the last word of what is called and whether that is a method."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, node.func.attr, True
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id, False


def pure(source: Module) -> Iterator[Finding]:
    """Trust, labels and fusion read no clock, no file and no chance: a time and the bytes are given to them."""
    if _within(source.path, "bus/trust", "bus/labels", "bus/fusion"):
        for node, name, is_method in _calls(source.tree):
            if name in (IMPURE_METHODS if is_method else IMPURE_NAMES):
                yield Finding(node.lineno, f"{name}() in a pure room")


def commits(source: Module) -> Iterator[Finding]:
    """Only the log itself and the worker loop commit a cursor."""
    if not _within(source.path, "bus/log", "bus/stages/worker", "bus/stages/worker.py"):
        for node, name, is_method in _calls(source.tree):
            if is_method and name == "commit":
                yield Finding(node.lineno, "commit() outside bus/log and the worker")


def _made_only_in(name: str, *places: str) -> Callable[[Module], Iterator[Finding]]:
    def rule(source: Module) -> Iterator[Finding]:
        if _within(source.path, *places):
            return
        for node, called, is_method in _calls(source.tree):
            made = called == name
            if is_method and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                made = made or (node.func.value.id == name and called in MAKING_METHODS)
            if made:
                yield Finding(node.lineno, f"{name} made outside {places[0]}")
        for node_ in ast.walk(source.tree):
            if isinstance(node_, ast.alias) and node_.name == name and node_.asname not in {None, name}:
                yield Finding(node_.lineno, f"{name} under another name hides who makes it")

    rule.__doc__ = f"Only {places[0]} makes {name}."
    return rule


permits = _made_only_in("Permit", "bus/labels/permits.py")
accepted = _made_only_in("AcceptedEvent", "bus/stages/checks", "bus/stages/checks.py")


def _is_mutable(value: ast.expr | None) -> bool:
    literals = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    if isinstance(value, literals):
        return True
    if isinstance(value, ast.Call):
        called = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
        return called in MUTABLE_CALLS
    return False


def _mutable_globals(tree: ast.Module) -> dict[str, int]:
    """Names that the module binds to something that can change, with their lines."""
    found: dict[str, int] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and _is_mutable(node.value):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found[target.id] = node.lineno
    return found


def _changed(node: ast.AST) -> Iterator[ast.expr]:
    """What a node changes in place: `name[…] = `, `name |= `, `del name[…]`, `name.append(…)`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign | ast.Delete):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        yield node.target
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in MUTATING_METHODS:
        yield node.func.value
    for target in targets:
        if isinstance(target, ast.Subscript):
            yield target.value


def module_state(source: Module) -> Iterator[Finding]:
    """A module holds no state: tables are constants in capitals, and no function changes them."""
    tables = _mutable_globals(source.tree)
    for name, line in tables.items():
        if not name.isupper() and name != "__all__":
            yield Finding(line, f"{name} is module-level mutable state")
    for function in ast.walk(source.tree):
        if not isinstance(function, FUNCTIONS):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield Finding(node.lineno, f"global {', '.join(node.names)}")
            for changed in _changed(node):
                if isinstance(changed, ast.Name) and changed.id in tables:
                    yield Finding(changed.lineno, f"{changed.id} is changed at run time")


def _is_broad(handler: ast.ExceptHandler) -> bool:
    return isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}


def swallowed(source: Module) -> Iterator[Finding]:
    """No error is swallowed: no bare `except`, and no broad one that says nothing."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield Finding(node.lineno, "bare except")
            elif _is_broad(node) and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body):
                yield Finding(node.lineno, "a broad except that swallows the error")


def docstrings(source: Module) -> Iterator[Finding]:
    """Every module says what it is for."""
    if not ast.get_docstring(source.tree):
        yield Finding(1, "no module docstring")


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from `def` to its end, its docstring left out."""
    length = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function, clean=False) is not None:
        first = function.body[0]
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def sizes(source: Module) -> Iterator[Finding]:
    """Files and functions of one sitting: a longer one hides a noun."""
    lines = source.text.count("\n")
    if lines > MAX_FILE_LINES:
        yield Finding(lines, f"{lines} lines in one file, at most {MAX_FILE_LINES}")
    for node in ast.walk(source.tree):
        if isinstance(node, FUNCTIONS) and _length(node) > MAX_FUNCTION_LINES:
            yield Finding(node.lineno, f"{node.name}() has {_length(node)} lines, at most {MAX_FUNCTION_LINES}")


RULES: dict[str, Callable[[Module], Iterator[Finding]]] = {
    "pure": pure,
    "commits": commits,
    "permits": permits,
    "accepted": accepted,
    "module_state": module_state,
    "swallowed": swallowed,
    "docstrings": docstrings,
    "sizes": sizes,
}
