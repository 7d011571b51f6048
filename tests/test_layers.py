"""What is imported where, and when. The order of the layers is held by `test_readme`."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from environs import ROOT, build_environ

PACKAGE = ROOT / "heliconemagic"
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in sorted(PACKAGE.rglob("*.py"))}
# Outside libraries, and the only modules that may import each of them.
WRAPPERS = {
    "IPython": ("magics", "extension", "completion"),
    "traitlets": ("magics",),
    "ipywidgets": ("views.widgets",),
    "openai": ("client.", "client_errors.", "python.clients."),
    "httpx2": ("client.", "transport.", "helicone_api.api."),
    "sqlite3": ("journal.",),
    "xllamacpp": ("local.",),
    "jinja2": ("prompt.",),
    "markdown_it": ("render.",),
    "mdit_py_plugins": ("render.",),
    "nh3": ("render.",),
    "pygments": ("render.",),
    "genai_prices": ("gateways.pricing",),
    "nest_asyncio2": ("running.waiting",),
    "google": ("frontend",),
    "pandas": ("frames",),
    "keyring": ("gateways.keys",),
    "pydantic": ("schemas.", "tools."),
    "pydantic_core": ("schemas.", "tools."),
    "typing_extensions": ("schemas.python_types",),
    "nbformat": ("cli.demo_notebook",),
    "nbclient": ("cli.demo_notebook",),
    "nbconvert": ("cli.demo_notebook",),
    "ipykernel": ("cli.demo_notebook",),
    "jupyter_client": ("cli.demo_notebook",),
}
HEAVY = {
    "openai", "httpx2", "httpx", "pydantic", "ipywidgets", "jinja2", "markdown_it", "mdit_py_plugins", "nh3",
    "genai_prices", "nest_asyncio2", "keyring", "nbformat", "nbclient", "nbconvert", "tomllib",
}  # fmt: skip
# What `%load_ext` has to import: enough to parse a line and to register. The rest comes at the first use.
LOADED = re.compile(
    r"heliconemagic(\.(cells|completion|errors|extension|frontend|headers|magics|records|settings|usage"
    r"|wire_text|prompt|prompt\.templates|lines(\.\w+)?))?"
)
# Prints the modules that the main thread looked for while it did something.
WATCH = """
import importlib.abc, json, sys, threading
looked_for = set()
class Watcher(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if threading.current_thread() is threading.main_thread():
            looked_for.add(name)
sys.meta_path.insert(0, Watcher())
{does}
print(json.dumps(sorted(looked_for)))
"""
LOAD = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
looked_for.clear()
shell.run_line_magic("load_ext", "heliconemagic")
loaded = set(looked_for)
shell.run_line_magic("unload_ext", "heliconemagic")
looked_for = loaded
"""


def iterate_imports(path: Path) -> Iterator[str]:
    """Every module that ``path`` imports when it runs, wherever in it."""
    for node in iterate_running_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (
                found if (found := f"{node.module}.{alias.name}") in MODULES else node.module for alias in node.names
            )


def iterate_running_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those under ``if TYPE_CHECKING``."""
    yield node
    is_for_types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    for child in ast.iter_child_nodes(node) if not is_for_types else ():
        yield from iterate_running_nodes(child)


@pytest.mark.parametrize("module", MODULES)
def test_outside_libraries_have_their_wrappers(module: str) -> None:
    """An outside library is imported by the modules that wrap it and by nobody else, also inside functions."""
    name = module.removeprefix("heliconemagic.")
    used = {imported.partition(".")[0] for imported in iterate_imports(MODULES[module])}
    outside = used - set(sys.stdlib_module_names) - {"heliconemagic"} | used & {"sqlite3"}
    assert outside <= set(WRAPPERS), "name its wrapper in this test"
    assert {library for library in outside if not (name + ".").startswith(WRAPPERS[library])} == set()


def test_no_cycle() -> None:
    """No two modules need each other, not even in the middle of a function."""
    left = {name: {other for other in iterate_imports(path) if other in MODULES} for name, path in MODULES.items()}
    while free := [name for name, needs in left.items() if not needs & set(left)]:
        for name in free:
            del left[name]
    assert left == {}


@pytest.mark.parametrize("does", ["import heliconemagic", LOAD], ids=["import", "load_ext"])
def test_nothing_heavy_is_waited_for(does: str, tmp_path: Path) -> None:
    """Neither importing the package nor loading the extension waits for a heavy library."""
    looked_for = {name.partition(".")[0] for name in watch_imports(does, tmp_path)}
    assert "heliconemagic" in looked_for
    assert looked_for & HEAVY == set()


def test_loading_imports_what_parses_a_line(tmp_path: Path) -> None:
    """The notebook, the engine and all that they need are imported in a thread, or at the first use."""
    own = {name for name in watch_imports(LOAD, tmp_path) if name.partition(".")[0] == "heliconemagic"}
    assert "heliconemagic.magics" in own
    assert {name for name in own if not LOADED.fullmatch(name)} == set()


def watch_imports(does: str, folder: Path) -> set[str]:
    """The modules that a new interpreter's main thread looks for while it does that."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(does=does)],
        env=build_environ(folder),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))
