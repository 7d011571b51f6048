"""The README and the docs say what the code says: tables in both directions, and the layers."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from heliconemagic.errors import InputError
from heliconemagic.gateways.presets import PRESETS, Gateway, build_gateway
from heliconemagic.lines.option_help import build_option_table, build_verb_option_table, build_verb_table

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "heliconemagic"
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

# What stands for the URL of a preset that needs one, and for the environment of one that needs that.
EXAMPLES = {
    "target:URL": "target:https://api.groq.com/openai/v1",
    "direct:URL": "direct:http://localhost:8000/v1",
    "URL": "http://localhost:8585",
}
AZURE = {
    "AZURE_OPENAI_ENDPOINT": "https://name.openai.azure.com",
    "AZURE_OPENAI_DEPLOYMENT": "DEPLOYMENT",
    "OPENAI_API_VERSION": "2024-10-21",
}


def read_table(text: str, heading: str) -> list[tuple[str, ...]]:
    """The rows of the first table under ``heading``, without head and rule; code marks and escapes taken off."""
    section = re.split(rf"^#+ {re.escape(heading)}\n", text, flags=re.MULTILINE)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines is not None, f"no table under {heading!r}"
    return [_split_row(line) for line in lines[0].splitlines()[2:]]


def _split_row(line: str) -> tuple[str, ...]:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return tuple(cell.strip().strip("`").replace("\\|", "|") for cell in cells)


# ---- the README's tables


@pytest.mark.parametrize("magic", ["llm", "helicone_session"])
def test_table_of_options_is_the_help(magic: str) -> None:
    """Every option of a magic is in the README in the words of its help, and no other is."""
    told = [(usage, text) for usage, where, text in read_table(README, "Options") if where in ("both", f"%{magic}")]
    assert told == build_option_table(magic)


def test_table_of_a_steps_options_is_the_help() -> None:
    """Those of ``%%helicone_step`` have a table of their own."""
    assert read_table(README, "Options of a step") == build_option_table("helicone_step")


def test_table_of_options_says_where_they_stand() -> None:
    """The middle column has no word that would hide a row from the test above."""
    assert {where for _, where, _ in read_table(README, "Options")} <= {"both", "%llm", "%helicone_session"}


def test_table_of_verbs_is_the_help() -> None:
    """The verbs of the session line are the README's."""
    assert read_table(README, "Verbs") == build_verb_table()


def test_table_of_verb_options_is_the_help() -> None:
    """So are the options that mean something after one verb alone."""
    assert read_table(README, "Options of verbs") == build_verb_option_table()


def test_table_of_gateways_is_complete() -> None:
    """Every preset is in the README, and a self-hosted Helicone's URL, and nothing else."""
    assert [row[0] for row in read_table(README, "Gateways")] == [*PRESETS, "URL"]


@pytest.mark.parametrize("row", read_table(README, "Gateways"), ids=lambda row: row[0])
def test_table_of_gateways_is_true(row: tuple[str, ...]) -> None:
    """Base URL, keys and default model in the README are the gateway's own."""
    spec, base_url, keys, model = row[:4]
    gateway = build_gateway(EXAMPLES.get(spec, spec), AZURE)
    assert _describe(gateway) == (base_url, keys.replace("`", ""), model)


_NO_DEFAULT = {"replay": "the lesson's"}  # where the model isn't named, nor the gateway's


def _describe(gateway: Gateway) -> tuple[str, str, str]:
    where = "in the process" if gateway.answers_in_process else gateway.base_url
    optional = ", if set" if gateway.is_key_optional else ""
    return where, gateway.key_names + optional, gateway.default_model or _NO_DEFAULT.get(gateway.preset, "name one")


def test_table_of_dependencies_is_pyprojects() -> None:
    """Every dependency has a line that says what it is for, and nothing else has one."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [re.split(r"[<>=~!\[; ]", requirement)[0] for requirement in project["dependencies"]]
    rows = read_table(README, "Dependencies")
    assert [name for name, _ in rows] == named
    assert all(len(reason) > 10 for _, reason in rows)


def test_readme_opens_with_two_commands() -> None:
    """The first two code blocks are one command each: the demo, then the tests."""
    blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", README, re.DOTALL)
    assert blocks[0].strip().endswith(".venv/bin/heliconemagic demo") and blocks[0].count("\n") == 1
    assert (
        blocks[1].strip().endswith(".venv/bin/python -m pytest -n auto --dist loadfile") and blocks[1].count("\n") == 1
    )


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *sorted(p.name for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_lead_somewhere(page: str) -> None:
    """Every relative link of a page, and every picture, is a file that is here."""
    path = next(folder / page for folder in (ROOT, ROOT / "docs") if (folder / page).exists())
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_examples_name_no_unknown_option() -> None:
    """Options in the README's examples of magics exist."""
    known = {
        name
        for magic in ("llm", "helicone_session", "helicone_step")
        for usage, _ in build_option_table(magic)
        for name in usage.replace(",", "").split()
    }
    used = {
        word
        for block in re.findall(r"^```text\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
        for line in block.splitlines()
        if line.startswith("%")
        for word in re.findall(r"(?<!\S)--?[a-z][a-z-]*", line)
    }
    assert used and used <= known


def test_unknown_gateway_stays_unknown() -> None:
    """The check above would notice a preset that isn't one."""
    with pytest.raises(InputError):
        build_gateway("heliconn", {})


# ---- the layers of docs/architecture.md


@cache
def read_layers() -> dict[str, int]:
    """The row of each module; rows without a name belong to the layer above them but come later all the same."""
    return {
        module: number
        for number, row in enumerate(read_table(ARCHITECTURE, "Layers"))
        for module in re.findall(r"[\w.*]+", row[1])
    }


def find_layer(layers: dict[str, int], module: str) -> int:
    """The row of ``module``, by its own name or its folder's."""
    return layers[module] if module in layers else layers[module.partition(".")[0] + ".*"]


@cache
def list_modules() -> dict[str, Path]:
    """The modules of the package by their names in the table."""
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py")]
    named = {".".join(path.with_suffix("").parts): PACKAGE / path for path in paths}
    folders = {name for name in named if name.endswith(".__init__")}
    return {
        ("heliconemagic" if name == "__init__" else name): path for name, path in named.items() if name not in folders
    }


def iterate_imports(path: Path) -> Iterator[str]:
    """Modules of the package that ``path`` imports, wherever it does so, but for annotations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = {id(node) for block in ast.walk(tree) if _is_type_checking(block) for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in typed:
            package = (node.module or "").removeprefix("heliconemagic").removeprefix(".")
            if (node.module or "").split(".")[0] == "heliconemagic":
                yield from {_name_import(package, alias.name) for alias in node.names}


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _name_import(package: str, name: str) -> str:
    inner = f"{package}.{name}".strip(".")
    return inner if inner in list_modules() else package or "heliconemagic"


def test_every_module_has_its_layer() -> None:
    """The table names every module there is, and no other."""
    layers, modules = read_layers(), list_modules()
    assert sorted(name for name in modules if name not in layers and name.partition(".")[0] + ".*" not in layers) == []
    assert sorted(name for name in layers if name not in modules and not name.endswith(".*")) == []


@pytest.mark.parametrize("module", sorted(list_modules()))
def test_imports_go_one_way(module: str) -> None:
    """A module imports only what stands in its own row or above it; the package itself only loads the extension."""
    layers = read_layers()
    own = find_layer(layers, module)
    imported = {name: find_layer(layers, name) for name in iterate_imports(list_modules()[module])}
    assert {name for name, layer in imported.items() if layer > own} == set()
