"""A function is read at one look and a module at one sitting: their sizes are bounded."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    path for part in ("core", "gridbot_tui", "widgets") for path in sorted((ROOT / part).rglob("*.py"))
]
MODULE_LINES, FUNCTION_LINES = 400, 50


def test_no_module_and_no_function_has_outgrown_its_reader() -> None:
    assert len(MODULES) > 100
    long = []
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > MODULE_LINES:
            long.append(f"{path.relative_to(ROOT)}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > FUNCTION_LINES:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert long == []
