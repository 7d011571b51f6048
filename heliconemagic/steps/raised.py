"""What a person's function raised, in words. Pure; asks an exception for its text once, whatever that does."""

from __future__ import annotations

import traceback


def describe_error(error: BaseException) -> str:
    """Its type and its message."""
    try:
        said = str(error)
    except Exception:  # noqa: BLE001  # the person's own exception may not even print
        said = ""
    return f"{type(error).__name__}: {said}".removesuffix(": ")


def find_place(error: BaseException) -> str:
    """The line that raised, by its function; never by its file, whose path is nobody's business."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    name = frames[-1].name
    return f"raised in line {frames[-1].lineno} of {'the cell' if name.startswith('<') else f'{name}()'}"
