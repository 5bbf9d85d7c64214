"""The way of the data, enforced: which module of `refunds` may import which, and who alone may do what."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent / "refunds"

ALLOWED: dict[str, set[str]] = {
    "states": set(),
    "clocks": {"states"},
    "amounts": set(),
    "money": {"amounts", "woocommerce"},
    "evidence": {"woocommerce"},
    "formats": set(),
    "colours": set(),
    "words": {"models", "states", "timing", "formats", "money", "woocommerce"},
    "woocommerce": set(),
    "timing": set(),
    "limits": set(),
    "models": {"clocks", "states", "money", "woocommerce"},
    "links": {"models", "timing", "woocommerce"},
    "dispatch": {"timing"},
    "breaker": {"models", "timing"},
    "orders": {"models", "timing", "woocommerce", "breaker"},
    "mail": {"models", "timing", "links", "words", "dispatch", "formats", "colours"},
    "commitments": {"models", "states", "evidence", "woocommerce"},
    "workflow": {
        "clocks", "commitments", "models", "states", "amounts", "money", "timing", "links", "dispatch", "mail",
        "second_factor",
        "limits",
        "woocommerce",
    },
    "verification": {"models", "timing", "limits", "links", "dispatch", "mail", "orders", "woocommerce"},
    "payout": {
        "commitments",
        "models", "states", "money", "evidence", "timing", "links", "breaker", "orders", "workflow", "woocommerce",
    },
    "reconcile": {"models", "states", "evidence", "timing", "orders", "workflow", "payout", "woocommerce"},
    "audit": {"models", "states"},
    "metrics": {"models", "states", "sweep"},
    "photos": {"models"},
    "privacy": {"models", "states", "amounts", "workflow", "woocommerce"},
    "health": {"models", "states", "timing", "mail"},
    "digest": {"models", "states", "mail"},
    "bulk": {"amounts", "models", "money", "orders", "states", "timing", "workflow", "woocommerce"},
    "export": {"models"},
    "figures": {"models", "states", "woocommerce"},
    "sweep": {"models", "states", "timing", "dispatch", "audit", "health", "workflow"},
    "tasks": {"bulk", "health", "mail", "payout", "reconcile", "verification", "workflow"},
    "checks": {"timing"},
    "addresses": set(),
    "second_factor": set(),
    "apps": {"checks"},
    "forms": {"models", "states", "amounts", "money", "formats", "woocommerce"},
    "templatetags": {"models", "states", "money", "formats"},
    "views": {
        "forms", "words", "models", "states", "money", "formats", "timing", "links", "mail", "verification", "workflow",
        "privacy", "addresses", "woocommerce", "photos", "limits", "colours",
    },
    "urls": {"views"},
    "admin": {
        "addresses", "bulk", "clocks", "export", "figures", "photos", "commitments", "words", "forms",
        "models", "states", "amounts", "money", "formats", "evidence", "mail", "orders", "reconcile", "workflow",
        "timing", "woocommerce", "health", "second_factor", "dispatch",
    },
    "management": {"privacy", "audit", "digest", "health", "sweep", "timing", "workflow", "woocommerce", "orders"},
    "migrations": {"models"},
}  # fmt: skip

ONLY_IN = {
    "requests": {"woocommerce"},
    "rq": {"dispatch"},
    "django_rq": {"dispatch"},
    "redis": {"dispatch"},
    "django.core.mail": {"mail"},
}


def files() -> Iterator[tuple[str, Path, ast.Module]]:
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path, ast.parse(path.read_text())


def imported(path: Path, tree: ast.Module) -> Iterator[str]:
    """Dotted names that a file imports, relative ones made absolute."""
    package = ["refunds", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield from (f"{module}.{name.name}" for name in node.names)


def test_rooms_import_only_what_the_table_allows() -> None:
    found = {
        (room, name.split(".")[1])
        for room, path, tree in files()
        for name in imported(path, tree)
        if name.startswith("refunds.")
    }

    assert sorted(pair for pair in found if pair[1] != pair[0] and pair[1] not in ALLOWED[pair[0]]) == []


@pytest.mark.parametrize("library", ONLY_IN)
def test_libraries_have_one_importer(library: str) -> None:
    rooms = {
        room
        for room, path, tree in files()
        for name in imported(path, tree)
        if name == library or name.startswith(f"{library}.")
    }

    assert rooms - ONLY_IN[library] == set()


def test_nothing_is_imported_inside_a_function() -> None:
    inside = [
        f"{path.name}:{node.lineno}"
        for _room, path, tree in files()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert inside == []


def test_only_workflow_writes_a_status() -> None:
    """No `status=` in an update or create, no `.status =`, outside of `workflow`. Filters may read it."""
    writers = {"update", "create", "get_or_create", "update_or_create", "bulk_create"}
    found = []
    for room, path, tree in files():
        if room in ("workflow", "migrations"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writers:
                found += [f"{path.name}:{node.lineno}" for word in node.keywords if word.arg == "status"]
            elif isinstance(node, ast.Assign):
                targets = [t for t in node.targets if isinstance(t, ast.Attribute) and t.attr == "status"]
                found += [f"{path.name}:{target.lineno}" for target in targets]

    assert found == []
