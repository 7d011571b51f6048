"""A lesson's file: read whole and checked, or written line by line while its session goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import Any, TypeVar

from heliconemagic.errors import InputError
from heliconemagic.lessons.lesson import (
    Lesson,
    LessonHead,
    Piece,
    Recording,
    build_key,
    build_recording,
    drop_system,
    hash_id,
    is_lesson_step,
    list_current,
)
from heliconemagic.lessons.line_values import LineError, parse_line
from heliconemagic.lessons.lines import (
    MessageShelf,
    decode_head,
    decode_recording,
    decode_superseded,
    encode_head,
    encode_recording,
    print_line,
)
from heliconemagic.lessons.portable import Portable
from heliconemagic.records import Step

MAX_BYTES = 200_000_000
"""Of a whole file: an hour of answers takes a thousandth of it, pictures more."""
MAX_ANSWERS = 20_000

Decoded = TypeVar("Decoded")


# ---- reading


def find_file(text: str, folder: Path | None) -> Path:
    """The file that ``text`` names, from ``folder``, where the notebook runs."""
    path = Path(text)
    with contextlib.suppress(RuntimeError):  # nobody's home: the tilde stays
        path = path.expanduser()
    return path if folder is None else folder / path


def read_lesson(path: Path, portable: Portable) -> Lesson:
    """The lesson in ``path``. Lines of kinds that there aren't yet are passed over.

    Raises:
        InputError: it isn't there, cannot be read, is too large, or has a line that is none of a lesson.
    """
    head, *lines = read_file_lines(path)
    parsed = _name_line(path, 1, lambda: decode_head(parse_line(head)))
    shelf, recordings, superseded = MessageShelf(), list[Recording](), set[str]()
    for number, text in enumerate(lines, start=2):
        if not text.strip():
            continue
        line = _name_line(path, number, lambda text=text: parse_line(text))  # type: ignore[misc]
        left_out = _name_line(path, number, lambda line=line: decode_superseded(line))  # type: ignore[misc]
        superseded.update(left_out or ())
        if left_out is None and "messages" in line:
            recordings.append(_name_line(path, number, lambda line=line: decode_recording(line, shelf)))  # type: ignore[misc]
        if len(recordings) > MAX_ANSWERS:
            raise InputError(f"the lesson {path.name!r} has more than {MAX_ANSWERS:,} answers.", hint=_HINT)
    kept = [_make_portable(recording, portable, parsed) for recording in recordings if recording.id not in superseded]
    return Lesson(name=path.name, head=parsed, recordings=tuple(kept))


_HINT = "record it again with %helicone_session record FILE"


def read_file_lines(path: Path, what: str = "lesson") -> list[bytes]:
    """The lines of a file that should be ``what``, as they stand there.

    Raises:
        InputError: it cannot be read, or is too large.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path.name!r} is larger than {MAX_BYTES // 1_000_000} MB: it is no {what}.", hint=_HINT)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise _explain(path, error, "read", what) from error
    return (data.removesuffix(b"\n") or b" ").split(b"\n")


def _name_line(path: Path, number: int, decode: Callable[[], Decoded]) -> Decoded:
    try:
        return decode()
    except (LineError, RecursionError) as error:
        said = str(error) if isinstance(error, LineError) else "is nested too deeply"
        raise InputError(f"the lesson {path.name!r} cannot be read: line {number} {said}.", hint=_HINT) from None


def _make_portable(recording: Recording, portable: Portable, head: LessonHead) -> Recording:
    """With the keys that this user's requests have, which lose the same things before they are compared."""
    messages = portable.make_messages(recording.messages)
    parameters = portable.make(recording.parameters)
    bare = drop_system(messages)
    return replace(
        recording,
        key=build_key(recording.model, messages, parameters),
        bare_key=build_key(recording.model, bare, parameters) if head.fills_system and bare != messages else "",
    )


def _explain(path: Path, error: OSError, done: str, what: str = "lesson") -> InputError:
    reasons = {
        errno.ENOENT: "there is no such file" if done == "read" else f"there is no folder {path.parent.name!r}",
        errno.EISDIR: "it is a folder",
        errno.EACCES: "it may not be " + done,
        errno.EPERM: "it may not be " + done,
        errno.EROFS: "its disk is read-only",
        errno.ENOSPC: "its disk is full",
    }
    hints = {
        "read": "name a file that %helicone_session record or export has written, seen from the notebook's folder",
        "written": "name a file in a folder that is there, such as %helicone_session record lesson.jsonl",
    }
    reason = reasons.get(error.errno or 0, error.strerror or str(error))
    return InputError(f"the {what} {path.name!r} cannot be {done}: {reason}.", hint=hints[done])


# ---- writing


def check_regular(path: Path) -> None:
    """What another file would take the place of is a file itself, or nothing.

    Raises:
        OSError: it is a folder, or a device, a pipe or a socket, and would be gone.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError("it is a device, a pipe or a socket, and would be gone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What a recording began with."""

    answers: int  # in the file now
    is_continued: bool  # the file was there, of the same session


@dataclass(slots=True, kw_only=True)
class LessonWriter:
    """Writes the answers of one session to a file, each as it ends. Safe to use from any thread."""

    path: Path
    head: LessonHead
    portable: Portable
    fault: str | None = None  # why answers are missing in the file; None: none is
    answers: int = 0
    _shelf: MessageShelf = field(default_factory=MessageShelf)
    _written: set[str] = field(default_factory=set)  # ids
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def found_folders(self) -> bool:
        """Whether something that was written had a folder of this machine in it."""
        return self.portable.found_folders

    def begin(self, steps: Sequence[Step]) -> Begun:
        """Writes the file with what ``steps`` hold; a lesson of the same session keeps its recorded times.

        Raises:
            InputError: the file is there and something else, or cannot be written.
        """
        earlier = self._read_earlier()
        recordings = [
            earlier.get(hash_id(step.id)) or build_recording(self.portable.make_step(step))
            for step in list_current(steps)
        ]
        lines = [
            self.portable.make(encode_head(self.head)),
            *(encode_recording(each, self._shelf) for each in recordings),
        ]
        self._replace(print_line(line) for line in lines)
        self._written = {recording.id for recording in recordings}
        self.answers = len(recordings)
        return Begun(answers=self.answers, is_continued=bool(earlier))

    def add(self, step: Step, pieces: Sequence[Piece] = ()) -> None:
        """Adds the answer of ``step``, if it is one; `fault` says so if that fails, for it fails no cell."""
        recording = build_recording(self.portable.make_step(step), pieces) if is_lesson_step(step) else None
        if recording is None or recording.id in self._written:
            return
        with self._lock:
            if self._append(encode_recording(recording, self._shelf)):
                self._written.add(recording.id)
                self.answers += 1

    def supersede(self, step_ids: Iterable[str]) -> None:
        """Says of answers that their cells have given newer ones: they are not played again."""
        with self._lock:
            names = [name for name in map(hash_id, step_ids) if name in self._written]
            if names and self._append({"superseded": names}):
                self._written.difference_update(names)
                self.answers -= len(names)

    def _read_earlier(self) -> Mapping[str, Recording]:
        """The answers that the file has, by their ids, if it is a lesson of the same session."""
        try:
            check_regular(self.path)
            if not self.path.exists() or self.path.stat().st_size == 0:
                return {}
        except OSError as error:
            raise _explain(self.path, error, "written") from error
        lesson = self._read_own()
        what = _describe_other(lesson, self.head)
        if lesson is None or what:
            message = f"{self.path.name!r} is there already, and is {what}: it was left as it is."
            raise InputError(message, hint="name another file, or delete it")
        return {recording.id: recording for recording in lesson.recordings}

    def _read_own(self) -> Lesson | None:
        """The lesson in the file; its last line may have been cut off by a full disk or a dying kernel."""
        try:
            return read_lesson(self.path, self.portable)
        except InputError:
            pass
        try:
            lines = self.path.read_bytes().split(b"\n")
            head = decode_head(parse_line(lines[0]))
        except (OSError, LineError):
            return None
        return Lesson(name=self.path.name, head=head)

    def _replace(self, lines: Iterator[bytes]) -> None:
        """Writes a new file beside the old one and puts it in its place."""
        beside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with beside.open("wb") as file:
                file.writelines(lines)
            beside.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            raise _explain(self.path, error, "written") from error

    def _append(self, line: Mapping[str, Any]) -> bool:
        """Adds a whole line or nothing."""
        try:
            # "r+": a file that somebody deleted isn't begun anew in its middle
            with self.path.open("r+b", buffering=0) as file:
                _write_whole(file, print_line(line))
        except OSError as error:
            self.fault = f"not added to {self.path.name}: {error.strerror or error}"
            return False
        self.fault = None
        return True


def _describe_other(lesson: Lesson | None, head: LessonHead) -> str:
    """What a file is that the lesson of ``head`` doesn't go on in; empty for its own."""
    if lesson is None:
        return "no lesson"
    if lesson.head.id != head.id:
        return f"the lesson of another session, {lesson.head.title!r}"
    return "an export of this session" if lesson.head.is_export else ""


def _write_whole(file: FileIO, line: bytes) -> None:
    """Adds ``line`` at the end; where it doesn't fit, the file stays as it was.

    Raises:
        OSError: it wasn't written.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        if file.write(line) != len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with contextlib.suppress(OSError):
            file.truncate(size)
        raise
