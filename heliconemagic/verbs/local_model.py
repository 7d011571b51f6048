"""``%helicone_session models install`` and ``models remove``: what is fetched is told first, then how it goes."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from heliconemagic.errors import LocalModelError, StepInterrupted
from heliconemagic.gateways.presets import LOCAL_NOTE
from heliconemagic.local.fetching import find_fetcher
from heliconemagic.local.installing import install
from heliconemagic.local.packages import MEGABYTE, LocalModel, Package
from heliconemagic.local.store import LocalStore
from heliconemagic.render.figures import format_seconds
from heliconemagic.render.notice import Notice, build_notice_bundle

Bundle = dict[str, Any]

HOW_TO_USE = 'open a session with it: %helicone_session "NAME" --gateway local'
_COLUMNS = ("package", "what for", "licence", "to fetch", "on disk")


class LocalModelLine:
    """Installs and removes the local model for one user."""

    def __init__(
        self,
        environ: Mapping[str, str],
        publish: Callable[..., None],
        *,
        redraws: Callable[[], bool],
        store: LocalStore | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``redraws``: whether what was shown can be replaced; a terminal would get it line after line."""
        self._store = store or LocalStore.find(environ)
        self._environ = environ
        self._publish = publish
        self._redraws = redraws
        self._clock = clock

    def install(self) -> Bundle:
        """Fetches what is missing, and says so first.

        Raises:
            LocalModelError: it cannot be had.
            StepInterrupted: it was interrupted; nothing is left behind.
        """
        missing = self._store.find_missing()
        lines = [f"sha256 of the weights is right: {self._store.model.sha256[:16]}…", LOCAL_NOTE, HOW_TO_USE]
        if missing:
            lines.insert(0, self._fetch(missing))
        else:
            lines.insert(0, "all of it is here: nothing was fetched")
        return build_notice_bundle(Notice(head=f"{self._store.model.name} is installed", lines=tuple(lines)))

    def _fetch(self, missing: Sequence[Package]) -> str:
        progress = Progress(self._publish, self._build_offer(missing), missing, redraws=self._redraws())
        began = self._clock()
        try:
            install(self._store, missing, progress.note_bytes)
        except KeyboardInterrupt:
            progress.end("interrupted")
            raise StepInterrupted("interrupted: nothing of it is left, and the line can be run again.") from None
        except BaseException:
            progress.end("failed")
            raise
        took = f"fetched and checked in {format_seconds(self._clock() - began)}"
        progress.end("done")
        return took

    def _build_offer(self, missing: Sequence[Package]) -> Notice:
        fetcher, _ = find_fetcher()
        return Notice(
            head="models install",
            facts=(f"fetches {_describe_size(missing, sum(package.fetched_size for package in missing))}",),
            lines=(
                f"into {shorten_home(self._store.folder, self._environ)}; this Python environment is not changed",
                f"ready-made packages through {fetcher}, with its settings; nothing is compiled, none of it runs now",
            ),
            columns=_COLUMNS,
            rows=tuple(_describe_package(package) for package in missing),
        )

    def remove(self) -> Bundle:
        """Deletes the local model.

        Raises:
            LocalModelError: it is in use where that prevents it.
        """
        freed = self._store.remove()
        head, line = f"{self._store.model.name} is removed", f"{format_megabytes(freed)} freed"
        if not freed:
            head, line = f"{self._store.model.name} is not installed", "there was nothing to remove"
        return build_notice_bundle(Notice(head=head, lines=(line,)))


class Progress:
    """The offer, with how far its fetching is."""

    def __init__(
        self, publish: Callable[..., None], offer: Notice, packages: Sequence[Package], *, redraws: bool
    ) -> None:
        self._publish = publish
        self._offer = offer
        self._total = sum(package.fetched_size for package in packages)
        self._redraws = redraws
        self._display_id = f"heliconemagic-{uuid.uuid4().hex}"
        self._said = ""
        publish(build_notice_bundle(offer), display_id=self._display_id)

    def note_bytes(self, count: int) -> None:
        """Says how much is on disk by now, in a terminal each quarter; packed and unpacked lie there for a moment."""
        shown = count if self._redraws else count * 4 // self._total * self._total // 4
        if shown:
            self._say(f"{shown // MEGABYTE} MB fetched" if shown < self._total else "unpacking and checking")

    def end(self, word: str) -> None:
        """The last state."""
        self._say(word)

    def _say(self, words: str) -> None:
        if words == self._said:
            return
        self._said = words
        if not self._redraws:
            self._publish({"text/plain": f"  {words}"})
            return
        notice = Notice(
            head=self._offer.head,
            facts=(*self._offer.facts, words),
            lines=self._offer.lines,
            columns=self._offer.columns,
            rows=self._offer.rows,
        )
        self._publish(build_notice_bundle(notice), display_id=self._display_id, update=True)


def describe_local_model(store: LocalStore) -> str:
    """For ``doctor``: what is installed, its sum computed."""
    try:
        store.check_weights()
        version = getattr(store.import_library(), "__version__", "of an unknown version")
    except LocalModelError as error:
        return str(error.message)
    model: LocalModel = store.model
    return f"{model.name}, {format_megabytes(model.size)}, its sha256 is right; {model.library.name} {version}"


def format_megabytes(count: int) -> str:
    """Bytes, for reading.

    >>> format_megabytes(98_362_432)
    '98 MB'
    """
    return f"{round(count / MEGABYTE):,} MB"


def shorten_home(path: Path, environ: Mapping[str, str]) -> str:
    """``path`` as it may stand in a notebook that is passed on: the home folder is ``~``.

    >>> shorten_home(Path("/home/ada/data/local"), {"HOME": "/home/ada"})
    '~/data/local'
    """
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    if home and path.is_relative_to(home):
        return f"~/{path.relative_to(home).as_posix()}"
    return str(path)


def _describe_package(package: Package) -> tuple[str, ...]:
    return (
        f"{package.name} {package.version}",
        package.holds,
        package.licence,
        _describe_size([package], package.fetched_size),
        _describe_size([package], package.size),
    )


def _describe_size(packages: Sequence[Package], size: int) -> str:
    at_most = "at most " if any(package.varies for package in packages) else ""
    return at_most + format_megabytes(size)
