"""``python -m tests.compiled``: what each worker of a test run would else make for itself, made once, by all processors.

That is: every module compiled, assertions rewritten where pytest does that, and the constants that Hypothesis finds in the
program. All of it goes where pytest, Hypothesis and the interpreter look for it; what is there already is left alone.
"""

from __future__ import annotations

import ast
import compileall
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType

from _pytest.assertion import rewrite
from hypothesis.internal.constants_ast import constants_from_module

ROOT = Path(__file__).parents[1]
PROGRAM = ("core", "widgets", "gridbot_tui")
REWRITTEN = ("test_*.py", "conftest.py")


def make(path: Path) -> None:
    """All that is kept of one module."""
    if is_rewritten(path):
        rewrite_test(path)
        return
    compileall.compile_file(path, quiet=1)
    if not path.is_relative_to(ROOT / "tests"):
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        constants_from_module(module)


def is_rewritten(path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in REWRITTEN)


def rewrite_test(path: Path) -> None:
    kept = kept_at(path)
    if rewrite._read_pyc(path, kept) is not None:
        return
    about, source = path.stat(), path.read_bytes()
    tree = ast.parse(source, filename=str(path))
    rewrite.rewrite_asserts(tree, source, str(path))
    code = compile(tree, str(path), "exec", dont_inherit=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    made = kept.with_name(f"{kept.name}.{os.getpid()}")
    with made.open("wb") as file:
        rewrite._write_pyc_fp(file, about, code)
    made.replace(kept)


def kept_at(path: Path) -> Path:
    """Where pytest looks for a rewritten file."""
    return rewrite.get_cache_dir(path) / (path.stem + rewrite.PYC_TAIL)


def main() -> int:
    modules = [path for package in (*PROGRAM, "tests") for path in (ROOT / package).rglob("*.py")]
    with ProcessPoolExecutor() as pool:
        list(pool.map(make, modules, chunksize=16))
    return 0


if __name__ == "__main__":
    sys.exit(main())
