"""Checks the role messages of ``--messages NAME``, which are sent before the conversation.

They are mappings as chat completions take them, or objects of the openai library; images in them become attachments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from heliconemagic.attachments.gathering import Examples, Loaded
from heliconemagic.attachments.loading import take_bytes
from heliconemagic.attachments.wire import decode_part, read_detail
from heliconemagic.errors import InputError
from heliconemagic.records import Message

ROLES = ("system", "developer", "user", "assistant", "tool")
SYSTEM_ROLES = ("system", "developer")
PART_TYPES = ("text", "image_url", "input_audio", "file", "refusal")
_EXAMPLE = '[{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]'


def read_examples(given: Any, names: Mapping[str, Any], *, allows_url: bool, has_system: bool) -> Examples:
    """The messages in the variable that ``given`` names, or, from Python, in ``given`` itself.

    Raises:
        InputError: it is no list of messages; the error names the one that is none, counted from 0.
    """
    name, value = _find_value(given, names)
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Sequence):
        raise InputError(
            f"--messages {name!r} is of type {type(value).__name__}, and should be a list.", hint=f"{name} = {_EXAMPLE}"
        )
    if not value:
        raise InputError(f"--messages {name!r} is an empty list.", hint=f"leave it out, or {name} = {_EXAMPLE}")
    examples = Examples()
    for index, item in enumerate(value):
        examples.messages.append(_Item(f"{name}[{index}]", allows_url, examples.loaded).read(item))
    _check_system(name, examples.messages, has_system=has_system)
    _check_calls(name, examples.messages)
    return examples


def _find_value(given: Any, names: Mapping[str, Any]) -> tuple[str, Any]:
    """The value, and what errors call it."""
    if not isinstance(given, str):
        return "messages", given
    if given not in names:
        raise InputError(
            f"--messages {given!r}: the notebook has no such variable.", hint=f"make it in a cell: {given} = {_EXAMPLE}"
        )
    return given, names[given]


class _Item:
    """One message while it is checked; ``where`` names it in errors."""

    def __init__(self, where: str, allows_url: bool, loaded: Loaded) -> None:
        self._where = where
        self._allows_url = allows_url
        self._loaded = loaded

    def read(self, item: Any) -> Message:
        message = self._read_mapping(item)
        role = message.get("role")
        if role not in ROLES:
            raise self._build_error(f"has the role {role!r}", f"roles are {', '.join(ROLES)}")
        if role == "tool" and not isinstance(message.get("tool_call_id"), str):
            raise self._build_error("is of a tool and names no 'tool_call_id'", "add the id of the call it answers")
        if message.get("content") is None:
            if role == "assistant" and message.get("tool_calls"):
                return message
            raise self._build_error("has no 'content'", 'add "content": "…"')
        return {**message, "content": self._read_content(message["content"])}

    def _read_mapping(self, item: Any) -> dict[str, Any]:
        """The item as plain JSON."""
        dump = getattr(item, "model_dump", None)  # a message object of openai's
        given = dump(exclude_none=True) if callable(dump) and not isinstance(item, type) else item
        if not isinstance(given, Mapping):
            raise self._build_error(
                f"is of type {type(item).__name__}, and should be a dict", 'type {"role": …, "content": …}'
            )
        try:
            plain: dict[str, Any] = json.loads(json.dumps(dict(given)))
        except (TypeError, ValueError, RecursionError) as error:
            raise self._build_error(
                "holds something that is no JSON", "use texts, numbers, lists and dicts", error
            ) from error
        return plain

    def _read_content(self, content: Any) -> str | list[Any]:
        if isinstance(content, str):
            return content
        if not isinstance(content, list) or not content:
            raise self._build_error(
                f"has content of type {type(content).__name__}", "content is a text, or a list of parts"
            )
        return [part for number, item in enumerate(content) for part in self._read_part(number, item)]

    def _read_part(self, number: int, part: Any) -> Iterable[Any]:
        where = f"{self._where}['content'][{number}]"
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind not in PART_TYPES:
            raise InputError(
                f"--messages: {where} has the type {kind!r}.", hint=f"types of parts are {', '.join(PART_TYPES)}"
            )
        if kind == "text" and not isinstance(part.get("text"), str):
            raise InputError(f"--messages: {where} has no 'text'.", hint='type {"type": "text", "text": "…"}')
        try:
            decoded = decode_part(part)
        except ValueError as error:
            raise InputError(
                f"--messages: {where} cannot be read.", hint="encode its bytes with base64", cause=str(error)
            ) from error
        if decoded is None:
            self._check_address(part, where)
            return [part]
        before = len(self._loaded.parts)
        take_bytes(decoded[1], self._loaded, label=where, name=decoded[0], detail=read_detail(part))
        return self._loaded.parts[before:]

    def _check_address(self, part: Mapping[str, Any], where: str) -> None:
        if part.get("type") == "image_url" and not self._allows_url:
            raise InputError(
                f"--messages: {where} is an address, which the provider would fetch.",
                hint="add --allow-url if it may, or put the image itself there",
            )

    def _build_error(self, what: str, hint: str, cause: Exception | None = None) -> InputError:
        return InputError(f"--messages: {self._where} {what}.", hint=hint, cause=str(cause) if cause else None)


def _check_system(name: str, messages: Sequence[Message], *, has_system: bool) -> None:
    places = [index for index, message in enumerate(messages) if message["role"] in SYSTEM_ROLES]
    if places and has_system:
        raise InputError(
            f"--messages: {name}[{places[0]}] is a system message, and there is a system prompt already.",
            hint=f"keep one of them: take it out of {name}, or out of -s here or on the session line",
        )


def _check_calls(name: str, messages: Sequence[Message]) -> None:
    """Every call of a tool is answered right after it, as the API insists."""
    waiting: dict[str, int] = {}
    for index, message in enumerate(messages):
        if message["role"] == "tool":
            if waiting.pop(message["tool_call_id"], None) is None:
                raise InputError(
                    f"--messages: {name}[{index}] answers {message['tool_call_id']!r}, which nobody asked for.",
                    hint="put it after the assistant's message with that id in its 'tool_calls'",
                )
            continue
        if waiting:
            break
        calls = message.get("tool_calls") or ()
        waiting = {str(call.get("id")): index for call in calls if isinstance(call, Mapping)}
    if waiting:
        call, index = next(iter(waiting.items()))
        raise InputError(
            f"--messages: {name}[{index}] asks for the call {call!r}, and no message answers it.",
            hint='add {"role": "tool", "tool_call_id": …, "content": …} after it',
        )
