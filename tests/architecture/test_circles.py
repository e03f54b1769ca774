"""No module depends on itself, however long the way round: a circle in the reader's head is one, wherever the import stands."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"


def imports(modules: dict[str, Path]) -> dict[str, set[str]]:
    """Module → the modules that it imports, at its top, inside its functions, or for its types only."""
    return {name: set(_imported(name, path, modules)) - {name} for name, path in modules.items()}


def _imported(name: str, path: Path, modules: dict[str, Path]) -> list[str]:
    package = (name if path.name == "__init__.py" else name.rpartition(".")[0]).split(".")
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name in modules]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found += [one for one in (inner, base) if one in modules][:1]
    return found


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The sets of modules that reach each other (Tarjan's strongly connected components), but for single ones."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    found: list[set[str]] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for other in graph[node]:
            if other not in order:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in path:
                lowest[node] = min(lowest[node], order[other])
        if lowest[node] == order[node]:
            start = path.index(node)
            found.append(set(path[start:]))
            del path[start:]

    for node in graph:
        if node not in order:
            visit(node)
    return [one for one in found if len(one) > 1]


def modules_below(folder: Path) -> dict[str, Path]:
    """Name → file of each module."""
    found = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_no_module_imports_itself_in_a_circle() -> None:
    """In the whole of src/, no two modules reach each other, imports for types and inside functions included."""
    graph = imports(modules_below(SOURCE))
    assert len(graph) > 200
    assert not (there := circles(graph)), "\n".join(f"{one} -> {sorted(graph[one] & ring)}" for ring in there for one in sorted(ring))


def test_a_circle_is_found_wherever_the_import_stands(tmp_path: Path) -> None:
    """A ring of three is seen whose imports stand at the top, under TYPE_CHECKING, and inside a function."""
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "__init__.py").write_text("")
    (tmp_path / "p" / "a.py").write_text("from . import b")
    (tmp_path / "p" / "b.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .c import C")
    (tmp_path / "p" / "c.py").write_text("def f():\n    import p.a")
    (tmp_path / "p" / "d.py").write_text("from p.a import x")
    assert circles(imports(modules_below(tmp_path))) == [{"p.a", "p.b", "p.c"}]
