"""The columns of the journal's tables that hold the field of a record as it is, by the field's name."""

from __future__ import annotations

SESSION_COLUMNS = ("id", "name", "title", "gateway", "notebook", "source", "started_at", "ended_at")
FEEDBACK_COLUMNS = ("id", "session_id", "step_id", "name", "note", "given_at")
ATTEMPT_COLUMNS = ("request_id", "started_at", "first_byte_at", "ended_at", "status_code", "helicone_id", "error")
STEP_COLUMNS = (
    *("id", "session_id", "path", "gateway", "model", "fingerprint", "cell", "run", "parent_id"),
    *("comparison", "variant", "input", "user"),
    *("started_at", "first_token_at", "ended_at", "text", "reasoning", "refusal"),
    *("finish_reason", "answered_by", "cost", "error"),
)
USAGE_COLUMNS = ("prompt_tokens", "completion_tokens", "cached_tokens", "reasoning_tokens")
