"""An answer's bytes as the stream of events that was asked for, whatever the server made of that.

The SDK loses the first event of a stream that begins with a byte order mark, which a reader of events has to ignore
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream), and all of an answer that is
JSON and no stream: an error mostly, with the server's words.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import AsyncIterator

import httpx2

_LINE_BREAKS = bytes.maketrans(b"\r\n", b"  ")  # in JSON they stand between its parts only
_JSON_BEGINS = (b"{", b"[")


class EventStream(httpx2.AsyncByteStream):
    """Wraps the bytes as they came."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        begun: bytes | None = b""
        is_json = False
        async for piece in self._stream:
            if begun is not None:
                begun = _drop_nothings(begun + piece)
                if BOM_UTF8.startswith(begun):
                    continue
                piece, begun = begun, None
                is_json = piece.startswith(_JSON_BEGINS)
                if is_json:
                    yield b"data: "
            yield piece.translate(_LINE_BREAKS) if is_json else piece
        if is_json:
            yield b"\n\n"

    async def aclose(self) -> None:
        """Closes what it wraps."""
        await self._stream.aclose()


def _drop_nothings(begun: bytes) -> bytes:
    """Without the mark and the blanks that the bytes begin with: some servers send blanks for as long as they think."""
    return begun if BOM_UTF8.startswith(begun) else begun.removeprefix(BOM_UTF8).lstrip()
