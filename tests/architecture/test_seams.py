"""Seams: what reaches outside, and what holds state, stands in one known place each."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from types import ModuleType

import flask
import pytest
from authlib.oauth2 import AuthorizationServer
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine

from issuer.store import db as database
from tests.architecture.sources import ROOT, Module, dotted_name, imported_names, list_modules

MODULES = list_modules()
EVERY_MODULE = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)

_ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}
_CLOCK_READING = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
# Only these of `time`, and only to print a time that is handed in.
_TIME_PRINTING = {"time.gmtime", "time.strftime"}
_RANDOM_MODULES = {"random", "secrets", "uuid"}
_CATCH_ALL_FILES = {"app.py", "front.py", "worker.py"}
_CACHES = {"lru_cache", "cache", "functools.lru_cache", "functools.cache"}
# A class under a driver that may not be installed: made when it is first needed, and the same ever after.
_MAKES_ONE_CLASS = {"store/postgresql.py"}
_SAYS_NOTHING = re.compile(r"(^|_)(utils?|helpers?|common|managers?)(_|$)")


@EVERY_MODULE
def test_the_environment_is_read_in_config_only(module: Module) -> None:
    uses = _names_used(module.tree) & _ENVIRONMENT

    assert not uses or module.name in {"config.py", "environment.py"}


@EVERY_MODULE
def test_time_is_read_in_clock_only(module: Module) -> None:
    names = _names_used(module.tree)

    reads = {name for name in names if name.startswith("time.")} - _TIME_PRINTING
    reads |= {name for name in names if name.removeprefix("datetime.") in _CLOCK_READING}
    reads |= {name for name in _imports(module.tree) if name.startswith("time.")}

    assert not reads or module.name == "clock.py"


@EVERY_MODULE
def test_times_are_printed_only_from_a_value(module: Module) -> None:
    """Both functions read the clock when they are not told the time."""
    calls = [(dotted_name(call.func), len(call.args)) for call in _calls(module.tree)]

    assert ("time.gmtime", 0) not in calls
    assert ("time.strftime", 1) not in calls


@EVERY_MODULE
def test_randomness_is_drawn_in_entropy_only(module: Module) -> None:
    draws = {name for name in _imports(module.tree) if name.split(".")[0] in _RANDOM_MODULES}
    draws |= _names_used(module.tree) & {"os.urandom", "os.getrandom"}

    assert not draws or module.name == "entropy.py"


@EVERY_MODULE
def test_everything_is_caught_only_where_it_can_be_answered(module: Module) -> None:
    """A handler that ends in a bare `raise` only passes by and is no catch-all."""
    handlers = [node for node in ast.walk(module.tree) if isinstance(node, ast.ExceptHandler)]

    catch_alls = [handler.lineno for handler in handlers if _is_broad(handler) and not _is_raised_on(handler)]

    assert catch_alls == [] or module.name in _CATCH_ALL_FILES
    assert len(catch_alls) <= 1


@EVERY_MODULE
def test_imports_stand_at_the_top(module: Module) -> None:
    """One exception: granian, so that other commands start fast."""
    top = {id(node) for node in module.tree.body}
    inner = [node for node in ast.walk(module.tree) if id(node) not in top]

    names = {name for node in inner for name in imported_names(node)}

    assert {name for name in names if name.split(".")[0] != "granian"} == set()


@EVERY_MODULE
def test_no_module_holds_a_server_an_application_or_a_connection(module: Module) -> None:
    """One exception, which Flask-SQLAlchemy demands: `store.db.db`."""
    loaded = _load(module)
    kinds = (flask.Flask, flask.Blueprint, SQLAlchemy, Engine, AuthorizationServer)

    held = [
        name for name, value in vars(loaded).items() if isinstance(value, kinds) and value is not database.db
    ]

    assert held == []


@EVERY_MODULE
def test_no_module_keeps_a_cache_or_changes_a_global(module: Module) -> None:
    decorators = {dotted_name(_called(each)) for each in _decorators(module.tree)}
    globals_ = [node.lineno for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
    empty = [
        name
        for name, value in vars(_load(module)).items()
        if isinstance(value, dict | list | set) and not value and not name.startswith("__")
    ]

    assert decorators.isdisjoint(_CACHES) or module.name in _MAKES_ONE_CLASS
    assert globals_ == []
    assert empty == [], "an empty container at module level waits for somebody to fill it"


@EVERY_MODULE
def test_module_level_values_are_constants_in_capitals(module: Module) -> None:
    """What looks like a constant is one: nothing in lower case but the database and loggers."""
    names = {
        target.id
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == target.id.lower() and not target.id.startswith("__")
    }
    loaded = _load(module)

    variables = {name for name in names if not callable(getattr(loaded, name))} - {"_log"}

    assert variables <= ({"db"} if module.name == "store/db.py" else set())


@EVERY_MODULE
def test_no_name_says_nothing(module: Module) -> None:
    places = module.name.removesuffix(".py").split("/")
    functions = [node.name for node in ast.walk(module.tree) if isinstance(node, ast.FunctionDef)]

    assert "base" not in places
    assert [name for name in [*places, *functions] if _SAYS_NOTHING.search(name)] == []


@EVERY_MODULE
def test_a_function_that_asks_is_called_find_or_list(module: Module) -> None:
    """`get_` is not used, except for methods that a library's class demands."""
    functions = [node.name for node in module.tree.body if isinstance(node, ast.FunctionDef)]

    assert [name for name in functions if name.startswith("get_")] == []


@EVERY_MODULE
def test_everything_public_has_a_docstring(module: Module) -> None:
    if module.name.endswith("__init__.py"):
        return

    without = [
        getattr(node, "name", "module") for node in _public(module.tree) if ast.get_docstring(node) is None
    ]

    assert without == []


@EVERY_MODULE
def test_markup_is_never_declared_safe(module: Module) -> None:
    names = {name.split(".")[-1] for name in _names_used(module.tree) | _imports(module.tree)}

    assert names.isdisjoint({"Markup", "render_template_string"})


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*")), ids=lambda path: path.name)
def test_templates_leave_escaping_on_and_hold_no_script(path: object) -> None:
    """Flask escapes in .html files; strict CSP takes no inline script, style or handler."""
    if path.is_dir():
        return
    text = path.read_text()

    assert path.suffix == ".html"
    assert re.search(r"\|\s*safe\b|autoescape", text) is None
    assert re.search(r"<style|<script(?![^>]*\bsrc=)|\son[a-z]+\s*=|\sstyle\s*=", text, re.IGNORECASE) is None


def _names_used(tree: ast.Module) -> set[str]:
    used = {dotted_name(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return used | _imports(tree)


def _imports(tree: ast.Module) -> set[str]:
    return {name for node in ast.walk(tree) for name in imported_names(node)}


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
