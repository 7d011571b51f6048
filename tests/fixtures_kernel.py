"""Kernels as fixtures: one that many tests share, and one's own. Import them in `conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_helicone import HELICONE_KEY, PROVIDER_KEY, FakeHelicone
from kernels import Kernel, read_pythons

KEYS = {"OPENAI_API_KEY": PROVIDER_KEY, "HELICONE_API_KEY": HELICONE_KEY}


def leave_out_other_kernels(items: list[pytest.Item]) -> list[pytest.Item]:
    """Takes the tests marked ``any_kernel`` out of ``items`` but for the first kernel's; gives those."""
    first = next(iter(read_pythons().items()))

    def is_double(item: pytest.Item) -> bool:
        pair = getattr(item, "callspec").params.get("kernel_python") if hasattr(item, "callspec") else None  # noqa: B009
        return pair not in (None, first) and item.get_closest_marker("any_kernel") is not None

    doubles = [item for item in items if is_double(item)]
    items[:] = [item for item in items if not is_double(item)]
    return doubles


StartKernel = Callable[..., Kernel]
"""Starts a kernel of one's own; all of a test share a folder, and so a journal. Takes environment variables."""


@pytest.fixture(scope="session", params=read_pythons().items(), ids=lambda pair: pair[0])
def kernel_python(request: pytest.FixtureRequest) -> str:
    """An interpreter whose kernel is tested."""
    return str(request.param[1])


@pytest.fixture(scope="session")
def shared_kernel(kernel_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """A kernel with the extension loaded, for all tests that leave it as it was."""
    folder = tmp_path_factory.mktemp("kernel")
    with Kernel(kernel_python, folder, JPY_SESSION_NAME=str(folder / "shared.ipynb"), **KEYS) as kernel:
        kernel.run_all(["%load_ext heliconemagic"])
        assert kernel.has_subshells in (True, False)  # asked before a cell runs, as JupyterLab does
        yield kernel


@pytest.fixture
def kernel(shared_kernel: Kernel, fake: FakeHelicone) -> Kernel:
    """The shared kernel with a new session at the fake Helicone."""
    shared_kernel.run_all([f'%helicone_session "Course Creation" --new --gateway {fake.url}'])
    return shared_kernel


@pytest.fixture(scope="session")
def kernel_pair(kernel_python: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Kernel, Kernel]]:
    """Two kernels of one notebook, as before and after a restart, with one journal and no session yet."""
    folder = tmp_path_factory.mktemp("pair")
    named = {"JPY_SESSION_NAME": str(folder / "pair.ipynb"), **KEYS}
    with Kernel(kernel_python, folder, **named) as first, Kernel(kernel_python, folder, **named) as second:
        for kernel in (first, second):
            kernel.run_all(["%load_ext heliconemagic"])
        yield first, second


@pytest.fixture
def start_kernel(kernel_python: str, tmp_path: Path) -> Iterator[StartKernel]:
    """Kernels for tests that end them."""
    with ExitStack() as stack:

        def start(**environ: str) -> Kernel:
            named = {"JPY_SESSION_NAME": str(tmp_path / "own.ipynb"), **KEYS, **environ}
            kernel = stack.enter_context(Kernel(kernel_python, tmp_path, **named))
            kernel.run_all(["%load_ext heliconemagic"])
            return kernel

        yield start
