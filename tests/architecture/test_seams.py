"""Seams: what reaches outside, and what holds state, stands in one known place each."""

import ast
import importlib
import inspect
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType

import flask
import pytest
from authlib.oauth2 import AuthorizationServer
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from issuer.store import db as database
from tests.architecture.sources import ROOT, Module, dotted_name, imported_names, list_modules

MODULES = list_modules()

_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}
_CLOCK_READING = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
# Only these of `time`, and only to print a time that is handed in.
_TIME_PRINTING = {"time.gmtime", "time.strftime"}
_RANDOM_MODULES = {"random", "secrets", "uuid"}
_CATCH_ALL_FILES = {"app.py", "front.py", "worker.py"}
_CACHES = {"lru_cache", "cache", "functools.lru_cache", "functools.cache"}
# A class under a driver that may not be installed, made when it is first needed and the same ever after; and
# the few headers that our own tokens begin with, parsed once. Neither differs from one app to the next.
_SAME_FOR_EVERYBODY = {"store/patient_connection.py", "jose/signing.py"}
_SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|managers?)(_|$)")


def test_the_environment_is_read_in_config_only() -> None:
    readers = {module.name for module in MODULES if _names_used(module.tree) & _ENVIRONMENT}

    assert readers <= {"config.py", "environment.py"}


def test_time_is_read_in_clock_only() -> None:
    def list_reads(tree: ast.Module) -> set[str]:
        names = _names_used(tree)
        reads = {name for name in names if name.startswith("time.")} - _TIME_PRINTING
        reads |= {name for name in names if name.removeprefix("datetime.") in _CLOCK_READING}
        return reads | {name for name in _imports(tree) if name.startswith("time.")}

    assert {module.name for module in MODULES if list_reads(module.tree)} <= {"clock.py"}


def test_times_are_printed_only_from_a_value() -> None:
    """Both functions read the clock when they are not told the time."""
    calls = {
        (dotted_name(call.func), len(call.args), module.name)
        for module in MODULES
        for call in _calls(module.tree)
    }

    assert [call for call in calls if call[:2] in {("time.gmtime", 0), ("time.strftime", 1)}] == []


def test_randomness_is_drawn_in_entropy_only() -> None:
    def list_draws(tree: ast.Module) -> set[str]:
        draws = {name for name in _imports(tree) if name.split(".")[0] in _RANDOM_MODULES}
        return draws | _names_used(tree) & {"os.urandom", "os.getrandom"}

    assert {module.name for module in MODULES if list_draws(module.tree)} <= {"entropy.py"}


def test_everything_is_caught_only_where_it_can_be_answered() -> None:
    """A handler that ends in a bare `raise` only passes by and is no catch-all."""
    catch_alls = Counter(
        module.name
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _is_raised_on(node)
    )

    assert set(catch_alls) <= _CATCH_ALL_FILES
    assert {name for name, count in catch_alls.items() if count > 1} == set()


def test_imports_stand_at_the_top() -> None:
    """One exception: granian, so that other commands start fast."""

    def list_inner(tree: ast.Module) -> set[str]:
        top = {id(node) for node in tree.body}
        inner = [node for node in ast.walk(tree) if id(node) not in top]
        return {name for node in inner for name in imported_names(node)}

    inner = {(module.name, name) for module in MODULES for name in list_inner(module.tree)}

    assert {each for each in inner if each[1].split(".")[0] != "granian"} == set()


def test_no_module_holds_a_server_an_application_or_a_connection() -> None:
    """One exception, which Flask-SQLAlchemy demands: `store.db.db`."""
    kinds = (flask.Flask, flask.Blueprint, SQLAlchemy, Engine, AuthorizationServer)

    held = [
        (module.name, name)
        for module in MODULES
        for name, value in vars(_load(module)).items()
        if isinstance(value, kinds) and value is not database.db
    ]

    assert held == []


def test_no_module_keeps_a_cache_or_changes_a_global() -> None:
    decorated = {
        module.name
        for module in MODULES
        for each in _decorators(module.tree)
        if dotted_name(_called(each)) in _CACHES
    }
    globals_ = [
        (module.name, node.lineno)
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Global)
    ]
    empty = [
        (module.name, name)
        for module in MODULES
        for name, value in vars(_load(module)).items()
        if isinstance(value, dict | list | set) and not value and not name.startswith("__")
    ]

    assert decorated <= _SAME_FOR_EVERYBODY
    assert globals_ == []
    assert empty == [], "an empty container at module level waits for somebody to fill it"


def test_module_level_values_are_constants_in_capitals() -> None:
    """What looks like a constant is one: nothing in lower case but the database and loggers."""
    variables = {
        (module.name, name)
        for module in MODULES
        for name in _lower_case_names(module.tree) - {"_log"}
        if not callable(getattr(_load(module), name))
    }

    assert variables <= {("store/db.py", "db")}


def test_no_name_says_nothing() -> None:
    names = [
        (module.name, name)
        for module in MODULES
        for name in [*_places(module), *(node.name for node in _functions(ast.walk(module.tree)))]
    ]

    assert [module.name for module in MODULES if "base" in _places(module)] == []
    assert [each for each in names if _SAYS_NOTHING.search(each[1])] == []


def test_a_function_that_asks_is_called_find_or_list() -> None:
    """`get_` is not used, except for methods that a library's class demands."""
    functions = [(module.name, node.name) for module in MODULES for node in _functions(module.tree.body)]

    assert [each for each in functions if each[1].startswith("get_")] == []


def test_everything_public_has_a_docstring() -> None:
    without = [
        (module.name, getattr(node, "name", "module"))
        for module in MODULES
        if not module.name.endswith("__init__.py")
        for node in _public(module.tree)
        if ast.get_docstring(node) is None
    ]

    assert without == []


def test_markup_is_never_declared_safe() -> None:
    def list_names(tree: ast.Module) -> set[str]:
        return {name.split(".")[-1] for name in _names_used(tree) | _imports(tree)}

    forbidden = {"Markup", "render_template_string"}

    assert [module.name for module in MODULES if list_names(module.tree) & forbidden] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_templates_leave_escaping_on_and_hold_no_script(path: object) -> None:
    """Flask escapes in .html files; strict CSP takes no inline script, style or handler."""
    if path.is_dir():
        return
    text = path.read_text()

    assert path.suffix == ".html"
    assert re.search(r"\|\s*safe\b|autoescape", text) is None
    assert re.search(r"<style|<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|\sstyle\s*=", text, re.IGNORECASE) is None


@cache
def _names_used(tree: ast.Module) -> set[str]:
    used = {dotted_name(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return used | _imports(tree)


@cache
def _imports(tree: ast.Module) -> set[str]:
    return {name for node in ast.walk(tree) for name in imported_names(node)}


def _lower_case_names(tree: ast.Module) -> set[str]:
    """Return what is assigned at module level under a name in lower case, but `__all__` and the like."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == target.id.lower() and not target.id.startswith("__")
    }


def _functions(nodes: Iterable[ast.AST]) -> list[ast.FunctionDef]:
    return [node for node in nodes if isinstance(node, ast.FunctionDef)]


def _places(module: Module) -> list[str]:
    return module.name.removesuffix(".py").split("/")


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _decorators(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from node.decorator_list


def _called(node: ast.expr) -> ast.expr:
    return node.func if isinstance(node, ast.Call) else node


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or dotted_name(each) in {"Exception", "BaseException"} for each in caught)


def _is_raised_on(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def _load(module: Module) -> ModuleType:
    dotted = module.name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return importlib.import_module("issuer" if dotted == "__init__" else f"issuer.{dotted}")


def _public(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef]:
    yield tree
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            methods = (inner for inner in node.body if isinstance(inner, ast.FunctionDef))
            yield from (method for method in methods if not method.name.startswith("_"))


def test_the_seams_are_looked_for_in_every_module() -> None:
    """The tests above are worth nothing if their list of modules is empty."""
    names = {module.name for module in MODULES}

    assert {"config.py", "store/db.py", "oauth/token.py"} <= names
    assert inspect.ismodule(_load(MODULES[0]))
