"""Which files a line names: by name, by pattern, or a folder with all below it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from glob import escape, glob, has_magic
from pathlib import Path

from heliconemagic.errors import InputError
from heliconemagic.saved.reading import NAMES_HINT, READERS

MOST_FILES = 2_000
_NOTEBOOK = ".ipynb"
_FOLDER_HINT = "name the folder that they are in; exported sessions are named by their suffix, as in folder/*.jsonl"


def find_files(words: Sequence[str], folder: Path | None) -> list[Path]:
    """The files that ``words`` name, seen from ``folder``, each once. A missing one is found out when it is read.

    Raises:
        InputError: a pattern or a folder has none, or there are too many.
    """
    found = list(dict.fromkeys(path for word in words for path in _find(word, folder)))
    if len(found) > MOST_FILES:
        raise InputError(f"these are {len(found):,} files; {MOST_FILES:,} is the most.", hint="name fewer at a time")
    return found


def _find(word: str, folder: Path | None) -> list[Path]:
    path = _locate(word, folder)
    if path.is_dir():
        return _need(path.rglob(f"*{_NOTEBOOK}"), f"the folder {word!r} has no notebooks (.ipynb)", _FOLDER_HINT)
    if has_magic(word) and not path.exists():
        pattern = str(_locate(word, folder, spell=escape))
        suffix = path.suffix if path.suffix in READERS else _NOTEBOOK
        paths = (Path(name) for name in glob(pattern, recursive=True))  # noqa: PTH207 - an absolute pattern
        return _need(paths, f"no {suffix} file has a name like {word!r}", NAMES_HINT, suffix)
    return [path]


def _locate(word: str, folder: Path | None, *, spell: Callable[[str], str] = str) -> Path:
    """Where ``word`` leads; ``spell`` says how the folders are spelled that weren't typed."""
    first, *others = Path(word).parts or ("",)
    if first.startswith("~"):
        with contextlib.suppress(RuntimeError):  # nobody's home: the tilde stays
            return Path(spell(str(Path(first).expanduser())), *others)
    return Path(word) if folder is None else Path(spell(str(folder)), word)


def _need(paths: Iterator[Path], missing: str, hint: str, suffix: str = _NOTEBOOK) -> list[Path]:
    """Those that end in ``suffix``, in order; not Jupyter's own copies. ``missing`` says that there are none.

    Files of other kinds have to be asked for by their suffix: lines of JSON may be anything.

    Raises:
        InputError: there are none.
    """
    found = sorted(path for path in paths if path.suffix == suffix and ".ipynb_checkpoints" not in path.parts)
    if not found:
        raise InputError(f"{missing}.", hint=hint)
    return found
