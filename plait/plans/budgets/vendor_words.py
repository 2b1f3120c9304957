"""What the door itself answers, in each vendor's own shape, so that programs understand it."""

import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from plait.plans.budgets.usage_fields import Api

Reason = Literal["budget", "pause", "rest", "token", "path", "request", "too large", "upstream", "silence", "busy"]
"""`pause`: it works again soon, and may be waited for; `rest`: it does not."""

_STATUS: Final[Mapping[Reason, int]] = {
    "budget": 402,
    "pause": 429,
    "rest": 429,
    "token": 401,
    "path": 404,
    "request": 400,
    "too large": 413,
    "upstream": 502,
    "silence": 504,
    "busy": 503,
}
_SPENT: Final[Mapping[Api, int]] = {"messages": 402, "responses": 429, "chat": 429, "generate": 403}
_ANTHROPIC: Final[Mapping[Reason, str]] = {
    "budget": "billing_error",
    "pause": "rate_limit_error",
    "rest": "rate_limit_error",
    "token": "authentication_error",
    "path": "not_found_error",
    "request": "invalid_request_error",
    "too large": "request_too_large",
    "upstream": "api_error",
    "silence": "timeout_error",
    "busy": "overloaded_error",
}
_OPENAI: Final[Mapping[Reason, tuple[str, str]]] = {
    "budget": ("insufficient_quota", "insufficient_quota"),
    "pause": ("rate_limit_error", "rate_limit_exceeded"),
    # codex 0.171 waits for as long as `retry-after` says, be it hours, unless it is told this code.
    "rest": ("insufficient_quota", "insufficient_quota"),
    "token": ("invalid_request_error", "invalid_api_key"),
    "path": ("invalid_request_error", "not_found"),
    "request": ("invalid_request_error", "bad_request"),
    "too large": ("invalid_request_error", "request_too_large"),
    "upstream": ("server_error", "bad_gateway"),
    "silence": ("server_error", "timeout"),
    "busy": ("server_error", "server_is_overloaded"),
}
_GOOGLE: Final[Mapping[Reason, str]] = {
    "budget": "PERMISSION_DENIED",
    "pause": "RESOURCE_EXHAUSTED",
    "rest": "RESOURCE_EXHAUSTED",
    "token": "UNAUTHENTICATED",
    "path": "NOT_FOUND",
    "request": "INVALID_ARGUMENT",
    "too large": "INVALID_ARGUMENT",
    "upstream": "UNAVAILABLE",
    "silence": "DEADLINE_EXCEEDED",
    "busy": "UNAVAILABLE",
}


def status_of(api: Api, reason: Reason) -> int:
    """The HTTP status of a refusal.

    A spent budget has the one on which programs end at once: claude 2.1.332 asks again for minutes on a 429, and never
    on a 402; codex 0.171 asks five times more on a 402 and never on a 429 with the code `insufficient_quota`.
    """
    return _SPENT[api] if reason == "budget" else _STATUS[reason]


def refusal_body(api: Api, reason: Reason, message: str, *, retry_after: int | None = None) -> bytes:
    """The JSON of a refusal in the vendor's shape."""
    return json.dumps(_record(api, reason, message, retry_after)).encode()


def refusal_event(api: Api, reason: Reason, message: str) -> bytes:
    """The server-sent event that ends a stream which has begun well, in the vendor's shape."""
    record = _record(api, reason, message, None)
    if api == "messages":
        return f"event: error\ndata: {json.dumps(record)}\n\n".encode()
    if api == "responses":
        error = {"code": _OPENAI[reason][1], "message": message}
        event = {"type": "response.failed", "response": {"object": "response", "status": "failed", "error": error}}
        return f"event: response.failed\ndata: {json.dumps(event)}\n\n".encode()
    return f"data: {json.dumps(record)}\n\n".encode()


def _record(api: Api, reason: Reason, message: str, retry_after: int | None) -> dict[str, Any]:
    match api:
        case "messages":
            return {"type": "error", "error": {"type": _ANTHROPIC[reason], "message": message}}
        case "generate":
            kind = "type.googleapis.com/google.rpc.RetryInfo"
            details = [] if retry_after is None else [{"@type": kind, "retryDelay": f"{retry_after}s"}]
            error = {"code": status_of(api, reason), "message": message, "status": _GOOGLE[reason], "details": details}
            return {"error": error}
        case _:
            kind, code = _OPENAI[reason]
            return {"error": {"message": message, "type": kind, "param": None, "code": code}}
