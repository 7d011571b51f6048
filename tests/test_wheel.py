"""The built wheel, installed where nothing of the checkout can be seen."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from environs import ROOT, build_environ

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

Execute = Callable[..., str]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by the backend that this environment has."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def execute(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Execute:
    """Runs a command of a new environment that has the wheel, and its dependencies from this one."""
    folder = tmp_path_factory.mktemp("clean")
    subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True, timeout=120)
    scripts = folder / "venv" / "bin"
    pip = [str(scripts / "python"), "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(pip, check=True, timeout=120)
    # Its own packages come first; of ours it sees the folder only, so no editable install.
    own = next((folder / "venv" / "lib").glob("python*/site-packages"))
    (own / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(command: str, *arguments: str) -> str:
        environ = {**build_environ(folder), "PYTHONPATH": str(folder / "guard")}
        done = subprocess.run(
            [str(scripts / command), *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_what_is_in_the_wheel(wheel: Path) -> None:
    """The package with its type marker and licence, and nothing else."""
    names = zipfile.ZipFile(wheel).namelist()
    assert "heliconemagic/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert {name.partition("/")[0] for name in names} == {
        "heliconemagic",
        f"heliconemagic-{PROJECT['version']}.dist-info",
    }
    assert {name for name in names if "__pycache__" in name} == set()


def test_all_modules_are_the_wheels(execute: Execute) -> None:
    """The environment has the wheel's modules, not those of the checkout."""
    assert "clean" in execute("python", "-c", "import heliconemagic; print(heliconemagic.__file__)")


def test_version(execute: Execute) -> None:
    """Command, package and project agree."""
    assert execute("heliconemagic", "--version").split()[-1] == PROJECT["version"]
    assert (
        execute("python", "-c", "import heliconemagic; print(heliconemagic.__version__)").strip() == PROJECT["version"]
    )


def test_session_on_the_demo(execute: Execute) -> None:
    """The main job works, and what it did is in the journal."""
    assert "lesson-1" in execute("heliconemagic", "demo", "--fast", "--no-notebook")
    assert "Course Creation" in execute("heliconemagic", "sessions")


def test_session_in_a_shell(execute: Execute) -> None:
    """The magics load and answer in IPython."""
    script = "from IPython.core.interactiveshell import InteractiveShell as S; s = S.instance(); "
    script += "s.run_line_magic('load_ext', 'heliconemagic'); "
    script += "s.run_line_magic('helicone_session', 'Wheel --gateway demo -m demo-fast'); "
    script += "print(s.run_cell_magic('llm', '/a -q', 'Hello').finish_reason); "
    script += "s.run_line_magic('unload_ext', 'heliconemagic')"
    assert execute("python", "-c", script).splitlines()[-1] == "stop"


def test_dependencies_are_declared(execute: Execute) -> None:
    """What the wheel asks for is what the project says."""
    asked = execute("python", "-c", "import importlib.metadata as m; print(*m.requires('heliconemagic'), sep='\\n')")
    always = [re.split(r"[<>=~!\[; ]", line)[0] for line in asked.splitlines() if "extra ==" not in line]
    assert sorted(always) == sorted(re.split(r"[<>=~!\[; ]", line)[0] for line in PROJECT["dependencies"])
