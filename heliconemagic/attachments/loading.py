"""From the word after ``-a`` to a checked attachment: a variable, a file, or an address.

Reads files and asks values to write themselves; sends nothing and fetches nothing.
"""

from __future__ import annotations

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliconemagic.attachments import media
from heliconemagic.attachments.attachment import build_attachment, clean_name
from heliconemagic.attachments.gathering import Loaded
from heliconemagic.attachments.limits import MOST_BYTES, MOST_CHARACTERS, Kind, format_size
from heliconemagic.attachments.measures import has_place
from heliconemagic.attachments.thumbnails import build_thumbnail
from heliconemagic.attachments.values import read_value
from heliconemagic.errors import InputError
from heliconemagic.prompt.templates import TemplateMode, compute_single_span, fill_template

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|data:")
_NOT_IMAGES = (".pdf", ".wav", ".mp3", ".txt", ".md", ".csv", ".json", ".html", ".mp4", ".zip")
_MOST_LISTED = 2_000  # names of a folder that are looked at for "did you mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where attachments may come from: the notebook's names, its folder, and the web if that is allowed."""

    names: Mapping[str, Any]
    mode: TemplateMode = TemplateMode.SPANS
    folder: Path | None = None  # None: it is gone
    allows_url: bool = False


def load_attachments(words: Sequence[Any], sources: Sources) -> Loaded:
    """What the words after ``-a`` stand for, in their order; from Python also the values themselves.

    Raises:
        InputError: one of them cannot be attached, and what to type instead.
    """
    loaded = Loaded()
    for word in words:
        _load(word, sources, loaded)
    return loaded


def _load(word: Any, sources: Sources, loaded: Loaded) -> None:
    value, label = _resolve(word, sources)
    if isinstance(value, str) and _ADDRESS.match(value):
        loaded.parts.append(_build_address_part(value, sources))
        return
    source = read_value(value, label)
    if isinstance(source, Path):
        _load_file(source, str(source), sources, loaded)
    else:
        loaded.notes += [source.note] if source.note else []
        take_bytes(source.data, loaded, label=label, name=source.name)


def _resolve(word: Any, sources: Sources) -> tuple[Any, str]:
    """The value that a word stands for, and how to name it: a variable's, a template's, or a file's path."""
    if not isinstance(word, str):
        return word, type(word).__name__.lower()
    found = compute_single_span(word, sources.names, mode=sources.mode)
    if found is not None:
        return found.value, found.expression
    text = fill_template(word, sources.names, mode=sources.mode).text
    if text != word or not text.isidentifier() or text not in sources.names:
        return (text if _ADDRESS.match(text) else Path(text)), text
    if sources.folder is not None and (sources.folder / text).exists():
        raise InputError(
            f"-a {text!r} is a variable of the notebook and a file beside it.",
            hint=f'for the file type -a ./{text}, for the variable -a "{{{{ {text} }}}}"',
        )
    return sources.names[text], text


def _build_address_part(address: str, sources: Sources) -> dict[str, Any]:
    """The part that lets the provider fetch an image; nothing is fetched here."""
    shown = address if len(address) <= 80 else address[:79] + "…"
    if not re.match(r"https?://\S+$", address, re.IGNORECASE):
        raise InputError(
            f"-a {shown!r}: only http(s) addresses and files can be attached.", hint="type the file's path, as it is"
        )
    if not sources.allows_url:
        raise InputError(
            f"-a {shown!r} is an address, which the provider would fetch.",
            hint="add --allow-url if it may, or download the file and attach that",
        )
    if re.split(r"[?#]", address)[0].casefold().endswith(_NOT_IMAGES):
        raise InputError(
            f"-a {shown!r}: providers fetch images only, and this is none.", hint="download the file and attach that"
        )
    return {"type": "image_url", "image_url": {"url": address, "detail": "auto"}}


# ---- files


def _load_file(path: Path, label: str, sources: Sources, loaded: Loaded) -> None:
    full = _find_file(path, label, sources)
    data = _read_file(full, label, sources.names)
    take_bytes(data, loaded, label=label, name=full.name, path=_find_relative(full, sources.folder))


def _find_file(path: Path, label: str, sources: Sources) -> Path:
    try:
        expanded = path.expanduser()
    except RuntimeError:  # nobody knows that home
        expanded = path
    return expanded if sources.folder is None else sources.folder / expanded


def _find_relative(path: Path, folder: Path | None) -> str:
    """The path from the notebook's folder; empty for a file elsewhere, whose place is nobody's business."""
    if folder is None:
        return ""
    relative = Path(os.path.normpath(path))
    base = Path(os.path.normpath(folder))
    return relative.relative_to(base).as_posix() if relative.is_relative_to(base) else ""


def _read_file(path: Path, label: str, names: Mapping[str, Any]) -> bytes:
    """The file's bytes: a regular file's, and no more of them than the largest limit."""
    most = max(MOST_BYTES.values())
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise _build_folder_error(path, label)
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"-a {label!r} is no ordinary file.", hint="attach a file, not a device or a pipe")
        if found.st_size > most:
            raise _build_size_error(label, found.st_size, most, "nothing may have more")
        with path.open("rb") as file:
            return file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _build_missing_error(path, label, names) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise InputError(
            f"-a {label!r} cannot be read.", hint="check its permissions", cause=getattr(error, "strerror", str(error))
        ) from error


def _build_folder_error(path: Path, label: str) -> InputError:
    inside = sorted(name for name in _list_names(path) if Path(name).suffix.lower() in media.SUFFIXES)[:1]
    example = f"-a {label.rstrip('/')}/{inside[0]}" if inside else f"-a {label.rstrip('/')}/FILE"
    return InputError(f"-a {label!r} is a folder.", hint=f"attach the files in it, one -a each: {example}")


def _build_missing_error(path: Path, label: str, names: Mapping[str, Any]) -> InputError:
    variables = [name for name in names if not name.startswith("_")] if label.isidentifier() else []
    called = difflib.get_close_matches(label, variables, n=1, cutoff=0.6)
    close = difflib.get_close_matches(path.name, list(_list_names(path.parent)), n=2, cutoff=0.6)
    folder = label[: len(label) - len(path.name)] if label.endswith(path.name) else ""
    meant = " or ".join(f"-a {_quote(name)}" for name in (*called, *(folder + name for name in close)))
    hint = (
        f"did you mean {meant}?" if meant else "paths start at the notebook's folder; a variable is given by its name"
    )
    return InputError(f"-a {label!r}: there is no such file, and no variable of that name.", hint=hint)


def _list_names(folder: Path) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for _, entry in zip(range(_MOST_LISTED), entries, strict=False):
                yield entry.name
    except OSError:
        return


def _quote(name: str) -> str:
    return f'"{name}"' if " " in name else name


# ---- what the bytes are


def take_bytes(data: bytes, loaded: Loaded, *, label: str, name: str = "", path: str = "", detail: str = "") -> None:
    """Checks ``data`` and adds them to what is loaded.

    ``label`` is how errors call them, ``name`` the file's name if they have one, ``path`` where it lies, ``detail``
    how closely an image is to be looked at.

    Raises:
        InputError: they are empty, too large, or of a type that cannot be sent.
    """
    suffix = Path(name).suffix.lower()
    form = check_format(data, label, suffix)
    data = _check_text(data, label) if form.kind is Kind.TEXT else data
    name = clean_name(name) or _build_name(label, form)
    loaded.notes += _list_notes(data, form, name, suffix)
    attachment = build_attachment(data, form, name, path=path, detail=detail, thumbnail=build_thumbnail(data, form))
    loaded.add(attachment, data)


def check_format(data: bytes, label: str, suffix: str = "") -> media.Format:
    """The format of ``data``, which decides; a suffix that promises a picture where there is text is refused.

    Raises:
        InputError: empty, too large, or of a type that cannot be sent.
    """
    if not data:
        raise InputError(f"-a {label!r} is empty.", hint="was it written? A file that is open may need .flush() first")
    form = media.find_format(data)
    if isinstance(form, media.Refusal):
        raise InputError(f"-a {label!r} is {form.what}, which models are not sent.", hint=form.hint)
    if len(data) > MOST_BYTES[form.kind]:
        raise _build_size_error(label, len(data), MOST_BYTES[form.kind], f"{_name_kind(form.kind)} may have no more")
    promised = media.SUFFIXES.get(suffix)
    if promised is not None and form.kind is not promised.kind:
        raise InputError(
            f"-a {label!r} is called {suffix}, but is {_name_found(form)}.",
            hint="is it what was meant to be there? Then give it the right suffix",
        )
    return form


def _name_kind(kind: Kind) -> str:
    return {Kind.IMAGE: "an image", Kind.PDF: "a PDF", Kind.AUDIO: "a recording", Kind.TEXT: "a text"}[kind]


def _name_found(form: media.Format) -> str:
    return "text" if form.kind is Kind.TEXT else f"{form.name} inside"


def _build_size_error(label: str, size: int, most: int, rule: str) -> InputError:
    return InputError(
        f"-a {label!r} has {format_size(size)}: {rule} than {format_size(most)}.",
        hint="make an image smaller, cut a recording, or take the pages out that matter",
    )


def _check_text(data: bytes, label: str) -> bytes:
    """The text in UTF-8, in which it is sent and stored."""
    text = media.decode_text(data) or ""
    if len(text) > MOST_CHARACTERS:
        raise InputError(
            f"-a {label!r} has {len(text):,} characters: a text may have no more than {MOST_CHARACTERS:,}.",
            hint="attach a part of it, or a summary; for a table a DataFrame's first rows",
        )
    if not text.strip():
        raise InputError(f"-a {label!r} has nothing but blanks.", hint="was it written?")
    return text.encode()


def _build_name(label: str, form: media.Format) -> str:
    """A file's name for a value without one: ``fig.png`` of ``fig``."""
    words = re.findall(r"\w+", label)
    return clean_name("-".join(words[:4]) or "attachment") + form.suffix


def _list_notes(data: bytes, form: media.Format, name: str, suffix: str) -> list[str]:
    notes = []
    promised = media.SUFFIXES.get(suffix)
    if promised is not None and promised is not form:
        notes.append(f"{name} is {form.name} inside, and sent as that")
    if form is media.GIF and b"NETSCAPE2.0" in data:
        notes.append(f"{name} is animated: models see one picture of it at most")
    if form is media.JPEG and has_place(data):
        notes.append(f"{name} says where it was taken (GPS in its EXIF data)")
    if form is media.TEXT and suffix == ".svg":
        notes.append(f"{name} is sent as its text: models are sent no SVG")
    return notes
