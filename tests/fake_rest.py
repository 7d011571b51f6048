"""Helicone's REST interface over what a `FakeGateway` has logged: queries, signed bodies, feedback, scores, tags.

A filter without its wrapper gives an empty list, as there; so do rows that have not landed yet. A key that only
writes is refused.
"""

from __future__ import annotations

import copy
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fake_answers import Answer, Received, read_bearer, reply_json, reply_text

if TYPE_CHECKING:
    from fake_logging import Logged

SESSION_ID, SESSION_PATH, SESSION_NAME = "Helicone-Session-Id", "Helicone-Session-Path", "Helicone-Session-Name"
MOST_SESSIONS = 50
"""Sessions in one answer; there is no paging."""

Row = dict[str, Any]
Test = Callable[[Row], bool]


@dataclass
class FakeRest:
    """The interface, and what it was told. ``own`` are rows of one's own, beside those of what was logged."""

    own: list[Logged] = field(default_factory=list)
    queries_until_landed: int = 0  # questions that are answered before any logged row has landed
    bodies_are_gone: bool = False  # signed addresses have expired
    feedback: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, Any] = field(default_factory=dict)

    def answer(self, received: Received, url: str, logged: Mapping[str, Logged], known: set[str]) -> Answer | None:
        """The answer, or None where the path is another's; ``url`` is the server's own, for signed addresses."""
        path, _, query = received.path.partition("?")
        if path.startswith("/signed/"):
            return self._give_body(path.removeprefix("/signed/"), query, received, logged)
        if not re.match(r"/v1/(request|session)/", path):
            return None
        key = read_bearer(received, "authorization")
        if key not in known or key.startswith("pk-"):
            return reply_json({"data": None, "error": "API key not found"}, 401)
        exchanges = [*self.own, *self._list_landed(logged)]
        if path == "/v1/request/query-clickhouse":
            return self._query_requests(received.json, [build_row(one, url) for one in exchanges])
        if path == "/v1/session/query":
            return self._query_sessions(received.json, [build_row(one, url) for one in exchanges])
        return self._take(path, received.json, {one.id for one in exchanges})

    def _list_landed(self, logged: Mapping[str, Logged]) -> list[Logged]:
        if self.queries_until_landed > 0:
            self.queries_until_landed -= 1
            return []
        return list(logged.values())

    def _query_requests(self, asked: Any, rows: list[Row]) -> Answer:
        test = build_test(asked.get("filter"))
        is_newest_first = asked.get("sort", {"created_at": "desc"}).get("created_at") == "desc"
        found = sorted(filter(test, rows), key=lambda row: row["request_created_at"], reverse=is_newest_first)
        offset, limit = asked.get("offset", 0), asked.get("limit", 10)
        if not 0 <= limit <= 1000:
            return reply_json({"data": None, "error": "invalid limit"}, 500)
        return reply_json({"data": found[offset : offset + limit], "error": None})

    def _query_sessions(self, asked: Any, rows: list[Row]) -> Answer:
        missing = {"search", "timeFilter", "timezoneDifference", "filter"} - set(asked)
        if missing:
            return reply_json({"message": "Validation Failed", "details": sorted(missing)}, 422)
        begin, end = (_spell_time(asked["timeFilter"][name] / 1000) for name in ("startTimeUnixMs", "endTimeUnixMs"))
        word = asked["search"].casefold()
        test = build_test(asked["filter"])
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in filter(test, rows):
            key = (row["properties"].get(SESSION_ID, ""), row["properties"].get(SESSION_NAME, ""))
            is_named = any(word in part.casefold() for part in key)
            if key[0] and is_named and begin < row["request_created_at"] < end:
                groups.setdefault(key, []).append(row)
        found = sorted((_sum_session(*key, group) for key, group in groups.items()), key=_created_at, reverse=True)
        return reply_json({"data": found[:MOST_SESSIONS], "error": None})

    def _take(self, path: str, told: Any, known: set[str]) -> Answer:
        kind, about, verb = path.removeprefix("/v1/").split("/")
        if (kind, verb) == ("session", "tag"):
            self.tags[about] = told["tag"]
            return reply_json({"data": None, "error": None})
        if kind != "request" or verb not in ("feedback", "score"):
            return reply_json({"message": "Not Found"}, 404)
        if about not in known:
            return reply_json({"data": None, "error": "Request not found"}, 404)
        if verb == "score":
            if not all(isinstance(value, int) for value in told["scores"].values()):
                return reply_json({"data": None, "error": "only integers and booleans"}, 400)
            self.scores.setdefault(about, {}).update(told["scores"])
            return reply_json({"data": None, "error": None}, 201)
        self.feedback[about] = told["rating"]
        return reply_json({"data": None, "error": None})

    def _give_body(self, request_id: str, query: str, received: Received, logged: Mapping[str, Logged]) -> Answer:
        assert received.header("authorization") is None, "a store must not see the key"
        one = next((one for one in [*self.own, *logged.values()] if one.id == request_id), None)
        if self.bodies_are_gone or one is None or query != "X-Amz-Signature=fake":
            return reply_text("<Error><Code>AccessDenied</Code></Error>", 403)
        return reply_json({"request": one.request, "response": one.response})


def build_row(one: Logged, url: str) -> Row:
    """A row as the query of requests gives it."""
    usage = one.usage
    prompt, completion = usage.get("prompt_tokens", 0), usage.get("completion_tokens", 0)
    return {
        "response_id": f"response-{one.id}",
        "response_created_at": _spell_time(one.ended_at),
        "response_status": one.status,
        "request_id": one.id,
        "request_created_at": _spell_time(one.started_at),
        "request_body": dict(_PLACEHOLDER),
        "response_body": dict(_PLACEHOLDER),
        "request_user_id": one.user,
        "request_properties": copy.deepcopy(one.properties),
        "properties": copy.deepcopy(one.properties),
        "provider": one.provider,
        "delay_ms": round((one.ended_at - one.started_at) * 1000),
        "request_model": one.model,
        "model": one.model,
        "time_to_first_token": one.first_token_ms,
        "total_tokens": prompt + completion,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "cost": one.cost,
        "scores": dict(one.scores),
        "signed_body_url": f"{url}/signed/{urllib.parse.quote(one.id, safe='')}?X-Amz-Signature=fake",
    }


_PLACEHOLDER = {"helicone_message": "fetching body from signed_url…"}


def _spell_time(seconds: float) -> str:
    """As ClickHouse spells it: UTC, without saying so."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def _created_at(row: Row) -> str:
    return str(row["created_at"])


def _sum_session(session_id: str, name: str, rows: list[Row]) -> Row:
    prompt, completion = (sum(row[f"{kind}_tokens"] for row in rows) for kind in ("prompt", "completion"))
    times = sorted(row["request_created_at"] for row in rows)
    return {
        "created_at": times[0],
        "latest_request_created_at": times[-1],
        "session_id": session_id,
        "session_name": name,
        "avg_latency": sum(row["delay_ms"] for row in rows) / len(rows),
        "total_cost": sum(row["cost"] for row in rows),
        "total_requests": str(len(rows)),  # a count of ClickHouse's is a text
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


# ---- filters


def build_test(node: Any) -> Test:
    """Whether a row fits a filter. Anything that isn't wrapped as it should be fits nothing."""
    if node in ("all", {}):
        return lambda row: True
    if not isinstance(node, dict):
        return lambda row: False
    if "left" in node:
        left, right = build_test(node["left"]), build_test(node["right"])
        join = all if node.get("operator") == "and" else any
        return lambda row: join((left(row), right(row)))
    leaf = node.get("request_response_rmt")
    if not isinstance(leaf, dict) or len(leaf) != 1:  # more than one condition: only the first would count
        return lambda row: False
    return _build_leaf_test(*next(iter(leaf.items())))


_COLUMNS = {"user_id": "request_user_id", "status": "response_status", "model": "request_model"}


def _build_leaf_test(column: str, condition: Any) -> Test:
    if column == "properties":
        name, condition = next(iter(condition.items()))
        return lambda row: _compare(row["properties"].get(name, ""), *next(iter(condition.items())))
    name = _COLUMNS.get(column, column)
    return lambda row: _compare(row[name], *next(iter(condition.items())))


def _compare(value: Any, operator: str, wanted: Any) -> bool:
    if isinstance(wanted, str) and "T" in wanted and wanted.endswith("Z"):
        wanted = _spell_time(datetime.fromisoformat(wanted).timestamp())
    if operator in ("like", "ilike"):
        pattern = "".join({"%": ".*", "_": "."}.get(char, re.escape(char)) for char in str(wanted))
        return re.fullmatch(pattern, str(value), re.IGNORECASE if operator == "ilike" else 0) is not None
    tests: dict[str, Callable[[Any, Any], bool]] = {
        "equals": lambda a, b: a == b,
        "not-equals": lambda a, b: a != b,
        "gte": lambda a, b: a >= b,
        "gt": lambda a, b: a > b,
        "lte": lambda a, b: a <= b,
        "lt": lambda a, b: a < b,
    }
    return operator in tests and tests[operator](value, wanted)


def spell_stored_stream(chunks: bytes) -> dict[str, Any]:
    """A streamed answer as Helicone stores it: one message, and below it all chunks."""
    lines = (line.removeprefix(b"data: ") for line in chunks.split(b"\n"))
    data = [chunk for chunk in map(_read_chunk, lines) if chunk is not None]
    whole = copy.deepcopy(data[0]) if data else {}
    texts = [choice["delta"].get("content") or "" for chunk in data for choice in chunk.get("choices", ())]
    if whole.get("choices"):
        whole["choices"][0]["delta"]["content"] = "".join(texts)
    return {**whole, "streamed_data": data}


def _read_chunk(line: bytes) -> Any:
    """The chunk of a line; None for a malformed one, and for what is none."""
    try:
        return json.loads(line) if line.startswith(b"{") else None
    except ValueError:
        return None
