"""Whether a program ended because of its account: read from the last lines that it printed, never from all of them."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from types import MappingProxyType
from typing import Any, Final, Literal

from plait.plans.accounts.named_times import named_time
from plait.plans.wording import one_line

Kind = Literal["quota", "login", "overload"]

LAST_LINES: Final = 8
"""How many of the last lines are looked at of a program that broke: gemini prints an error before its details."""
LAST_LINES_OF_WORK: Final = 3
"""And of one that has changed files, or ended well: an agent that works on such things writes about them, too."""
_LONGEST_LINE = 2_000
_SHOWN = 200

_STATUS: Final[Mapping[str, Kind]] = MappingProxyType(
    {"401": "login", "402": "quota", **dict.fromkeys(("429", "500", "502", "503", "504", "529"), "overload")}
)
"""What a provider's answer means; 403 is not in it: it may be a matter of what was asked."""

_NAMED_STATUS = re.compile(
    r"(?:API Error:?|last status:|unexpected status|status ?code[\"':= ]{1,4}|error_status[\"': ]{1,4}|Error code:"
    r"|HTTP(?:/[\d.]+)?|rejected \()\s?\(?(401|402|429|500|502|503|504|529)\b",
    re.IGNORECASE,
)
"""claude: `API Error: 529`, `Request rejected (429)`; codex: `last status: 429`; SDKs: `Error code: 401`."""

_QUOTA = (
    r"\b(?:usage|hourly|5-hour|daily|weekly|monthly|session|opus|sonnet|plan|message|spend(?:ing)?|token) limit "
    r"(?:has been )?reached",
    r"\byou(?:['’]ve| have)? (?:hit|reached|exceeded|exhausted|used up) (?:your|the) (?:[\w.'’-]{1,30} ){0,6}"
    r"(?:limits?|quota|capacity|credits?)\b",
    r"\b(?:limit|quota)\b.{0,40}\b(?:will )?resets? (?:at|after|on|in)?\s?\w",
    r"(?<!rate[ _-])\b(?:limit|quota) reached\b",
    r"\bout of (?:extra usage|credits?|quota|tokens)\b",
    r"\bcredit balance is too low",
    r"\binsufficient[_ ](?:quota|credits?|funds|balance)\b",
    r"\bquota (?:has been )?(?:exceeded|exhausted)",
    r"\bexceed(?:ed|s)? (?:your|the) (?:current )?quota",
    r"\bRESOURCE_EXHAUSTED\b",
    r"\bTerminalQuotaError\b",
    r"\b(?:billing|spending|budget) (?:hard )?limit\b.{0,30}\b(?:reached|exceeded)",
    r"\bbudget has been exceeded\b",
    r"\bno (?:more )?(?:credits?|quota)\b.{0,20}\b(?:left|remaining|available)\b",
    r"\bpayment required\b",
)
_LOGIN = (
    r"\bplease run\W{0,3}/login\b",
    r"\brun\W{1,3}(?:claude|codex|gemini|opencode|copilot|cursor-agent|amp|qwen|gh)[\w -]{0,20} login\b",
    r"\b(?:invalid|incorrect|missing|expired|no) (?:api|x-api)[- ]key\b",
    r"\binvalid_api_key\b",
    r"\bapi key (?:is )?(?:not valid|invalid|missing|expired|required)",
    r"\bfailed to authenticate\b",
    r"\bauthentication[_ ](?:error|failed|required)\b",
    r"\bAuthenticationError\b",
    r"\bnot able to authenticate\b",
    r"\bnot (?:logged|signed) in\b",
    r"\bplease (?:log|sign) ?in\b",
    r"\b(?:log|sign) (?:in|out and sign in) again\b",
    r"\b(?:oauth|access|refresh|auth) token (?:has |is |was |could not be )?(?:expired|revoked|invalid|refreshed)",
    r"\b(?:login|session) (?:has )?expired\b",
    r"\bUNAUTHENTICATED\b",
    r"\b401 unauthorized\b",
    r"\bplease set an? auth method\b",
    r"\b(?:set|export) (?:the )?[A-Z_]{2,40}_API_KEY\b",
)
_OVERLOAD = (
    r"\brate[ _-]?limit(?:_error| error| reached| exceeded|ed\b)",
    r"\bRateLimitError\b",
    r"\bRetryableQuotaError\b",
    r"\bhas rate limited you\b",
    r"\btoo many requests\b",
    r"\boverloaded(?:_error)?\b",
    r"\b(?:is|are) (?:currently )?at capacity\b",
    r"\bno capacity available\b",
    r"\bexperiencing high demand\b",
    r"\btemporarily (?:unavailable|limiting requests|overloaded)\b",
    r"\b503 service unavailable\b",
)


def _all_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


WORDS: Final[Mapping[Kind, re.Pattern[str]]] = MappingProxyType(
    {"login": _all_of(*_LOGIN), "quota": _all_of(*_QUOTA), "overload": _all_of(*_OVERLOAD)}
)
"""What claude, codex, gemini, opencode, aider and the libraries below them print, as recorded and in their sources: one
list for all of them, as a role's program is often a script around one."""

_FRAME = re.compile(
    r"\s*(?:at .{0,400}[:(]\d|\W{0,4}$|\d{1,3}: <unknown>$|Stack backtrace:$)|tokens used\b|\s*[\d,]{1,12}$",
    re.IGNORECASE,
)
"""Lines of a stack trace, of braces alone, and codex's count of tokens, which comes after its last words."""
_ENDS = frozenset({"result", "error", "turn.failed"})
"""The events of a stream that say how it ended; all others quote what agents and tools have said."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a program said of its account."""

    kind: Kind
    words: str
    """The line that says it."""
    until: float | None = None
    """When it works again by its own words, in seconds since the epoch; nothing where they name no time."""


def last_lines(tail: str, *, few: bool) -> tuple[str, ...]:
    """The lines that may tell why a program ended, the last one first, each of bounded length.

    `few`: it has changed files, or ended as if it had.
    """
    most = LAST_LINES_OF_WORK if few else LAST_LINES
    lines: list[str] = []
    for line in reversed(tail.splitlines()):
        if len(lines) == most:
            break
        if line.strip() and not _FRAME.match(line[:_LONGEST_LINE]):
            lines.extend(_verdict(line.strip()))
    return tuple(lines)


def refusal_in(
    lines: tuple[str, ...],
    now: datetime,
    zone_of: Callable[[str], tzinfo | None],
    *,
    own: Callable[[str], bool] = lambda _line: False,
) -> Refusal | None:
    """What the last lines say of the account; nothing where they say nothing of it.

    Args:
        lines: From `last_lines`.
        now: With the zone of this machine.
        own: Whether a line fits what the role itself says of its program (`pause_on`).
    """
    for line in lines:
        kind = "quota" if own(line) else kind_of(line)
        if kind is not None:
            times = (named_time(text, now, zone_of) for text in (line, *lines))
            until = next((moment for moment in times if moment is not None), None)
            return Refusal(kind, one_line(line, _SHOWN), until)
    return None


def kind_of(line: str) -> Kind | None:
    """What a last line says of the account; nothing where it says nothing of it."""
    for kind, words in WORDS.items():
        if words.search(line):
            return kind
    status = _NAMED_STATUS.search(line)
    return _STATUS[status[1]] if status else None


def _verdict(line: str) -> Iterator[str]:
    """A line as it is; of an event of a stream what it says about the end, and nothing where it is about the work."""
    if line.startswith("{"):
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            pass  # the beginning of a long line is cut off, or it is no JSON
        else:
            if isinstance(event, dict):
                yield from _of_event(event)
            return
    yield line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE // 2]} … {line[-_LONGEST_LINE // 2 :]}"


def _of_event(event: dict[str, Any]) -> Iterator[str]:
    kind = event.get("type")
    if kind == "rate_limit_event":  # claude's: it names the time, and is sent when all is well, too
        info = event.get("rate_limit_info")
        if isinstance(info, dict) and info.get("status") == "rejected":
            yield f"usage limit reached, resets at {str(info.get('resetsAt'))[:40]}"
    elif kind not in _ENDS and not (kind is None and "error" in event):
        return
    elif kind != "result" or event.get("is_error") or event.get("status") == "error":
        told = (event.get("result"), event.get("message"), _text_of(event.get("error")))
        status = event.get("api_error_status")
        words = " ".join(str(part) for part in told if part)
        text = f"API Error: {status} {words}" if status and str(status) not in words else words
        if not text.startswith("Reconnecting"):  # codex's, which is not the end
            yield " ".join(text.split())[:_LONGEST_LINE]


def _text_of(error: Any) -> str:
    """What an error says, with all beside it: opencode nests status and headers two levels deep."""
    if not isinstance(error, dict):
        return str(error or "")
    data = error.get("data")
    message = error.get("message") or (data.get("message") if isinstance(data, dict) else None) or ""
    rest = "" if error.keys() <= {"message", "type"} else f" {json.dumps(error, ensure_ascii=False)}"
    return f"{message}{rest}"
