"""Values of the notebook as bytes: Pillow's images, matplotlib's figures, tables, bytes themselves.

No library is imported: a value is recognised by the module and name of its class, and asked to write itself.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heliconemagic.errors import InputError
from heliconemagic.prompt.value_text import build_value_text, is_table

_SAVED_AS_THEY_ARE = frozenset({"1", "L", "LA", "P", "RGB", "RGBA", "I", "I;16"})  # modes of Pillow that PNG has, too


@dataclass(frozen=True, slots=True)
class ValueBytes:
    """A value as bytes, what has to be said of it (empty: nothing), and the name that fits it, if one does."""

    data: bytes
    note: str = ""
    name: str = ""


def read_value(value: Any, label: str) -> ValueBytes | Path:
    """The bytes of ``value``, or the file that it names; ``label`` is how it was typed.

    Raises:
        InputError: it is nothing that can be attached.
    """
    if isinstance(value, Path):
        return value
    if isinstance(value, str):
        return _read_name(value, label)
    if isinstance(value, bytes | bytearray | memoryview):
        return ValueBytes(bytes(value))
    if isinstance(value, io.BytesIO):
        return ValueBytes(value.getvalue())
    try:
        found = _write_value(value, label)
    except InputError:
        raise
    except Exception as error:  # whatever the notebook's own objects raise
        message = f"-a {label!r}: the {type(value).__name__} cannot be written."
        raise InputError(message, cause=f"{type(error).__name__}: {error}") from error
    if found is None:
        raise _build_refusal(value, label)
    return found


def _read_name(value: str, label: str) -> Path:
    if "\n" in value or len(value) > 1000 or not value.strip():
        raise InputError(
            f"-a {label!r}: a text is taken for the path of a file, and this one is no path.",
            hint=f"put the text into the prompt: {{{{ {label} }}}}",
        )
    return Path(value)


def _write_value(value: Any, label: str) -> ValueBytes | None:
    if is_of_class(value, "PIL", "Image"):
        return ValueBytes(_write_image(value))
    if is_of_class(value, "matplotlib", "Figure"):
        return ValueBytes(_write_figure(value))
    if is_table(value):
        text = build_value_text(value, label)
        return ValueBytes(text.text.encode(), text.note, f"{label}.md" if label.isidentifier() else "table.md")
    return None


def is_of_class(value: Any, package: str, name: str) -> bool:
    """Whether the value's class, or one that it inherits from, is ``name`` of ``package``."""
    return any(kind.__name__ == name and kind.__module__.partition(".")[0] == package for kind in type(value).__mro__)


def _write_image(image: Any) -> bytes:
    """As PNG, which keeps every pixel; colours that PNG doesn't have become RGB."""
    buffer = io.BytesIO()
    kept = image if image.mode in _SAVED_AS_THEY_ARE else image.convert("RGB")
    kept.save(buffer, format="PNG")
    return buffer.getvalue()


def _write_figure(figure: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return buffer.getvalue()


def _build_refusal(value: Any, label: str) -> InputError:
    kind = type(value).__name__
    hint = "attach bytes, a path, a Pillow image, a matplotlib figure or a DataFrame"
    if is_of_class(value, "matplotlib", "Axes") or is_of_class(value, "matplotlib", "_AxesBase"):
        hint = f'attach its figure: -a "{{{{ {label}.figure }}}}"'
    elif is_of_class(value, "numpy", "ndarray"):
        hint = f"make a Pillow image of it with Image.fromarray({label}), or put its numbers into the prompt"
    elif isinstance(value, list | tuple) and value:
        hint = f'attach one at a time: -a "{{{{ {label}[0] }}}}"'
    elif kind == "Reply" or isinstance(value, int | float | dict):
        hint = f"put it into the prompt: {{{{ {label} }}}}"
    elif value is None:
        hint = "it is None: did the cell that makes it run?"
    return InputError(f"-a {label!r} is of type {kind}, which cannot be attached.", hint=hint)
