"""The files of the checkout as the tests of its architecture read them."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "issuer"


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the package. name: its path below `issuer/`, such as `store/db.py`."""

    name: str
    text: str
    tree: ast.Module


def list_modules() -> list[Module]:
    """Return every module of the package, in order of name."""
    return [
        Module(path.relative_to(PACKAGE).as_posix(), text, ast.parse(text))
        for path in sorted(PACKAGE.rglob("*.py"))
        if "_bundled" not in path.parts
        for text in [path.read_text()]
    ]


def imported_names(node: ast.AST) -> list[str]:
    """Return the dotted names that an import statement brings in; none for any other node."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def dotted_name(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of attributes that begins at a name, "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted_name(node.value)
        return f"{before}.{node.attr}" if before else ""
    return ""
