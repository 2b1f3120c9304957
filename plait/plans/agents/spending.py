"""What a try has used up by the events of its program: each answer counted once, and nothing of what was before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from plait.plans.agents.stream import AgentEvent, Ended, Retrying, Said, Started, Tokens, ToolStarted, Used
from plait.plans.usage import Usage

_MOST_OPEN: Final = 64
"""Calls whose figures may still be told again: those of subagents run beside each other."""
_IN_ORDER: Final = frozenset({"completed", "turn limit", "budget", "refused"})
_MOST_TOKENS: Final = 10**15
_MOST_USD: Final = 10**9
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class _Sum:
    """Of several things that were used up; nothing where none of them told it."""

    tokens: Tokens | None = None
    usd: float | None = None
    is_exact: bool = True

    def plus(self, used: "Used | _Sum") -> "_Sum":
        usd = self.usd if used.usd is None else (self.usd or 0.0) + used.usd
        return _Sum(_plus(self.tokens, used.tokens), usd, self.is_exact and used.is_exact)


@dataclass(frozen=True, slots=True)
class Spending:
    """What the events so far have told; `after` takes the next one.

    A call is told as often as its program likes, and counts once. What a program says of the whole try takes the place
    of the calls until then: claude tells `output_tokens: 1` of each while it works, and at the end what it was.

    Example: two blocks of one answer (1,000 read, 3 and 9 written), then `try` (1,000 read, 50 written): 1,000 and 50.
    """

    tries: _Sum = field(default_factory=_Sum)
    settled: _Sum = field(default_factory=_Sum)
    """Calls since the last event of the scope `try`, which are told no more."""
    open: Mapping[str, Used] = field(default_factory=dict)
    """By id, the calls since then that may be told again."""
    calls: int = 0
    whole: Used | None = None
    """The last that was said of the whole session."""
    turns: int | None = None
    model: str | None = None
    session: str | None = None
    is_whole: bool = False
    """Whether nothing is left untold, as the program has ended in order: one that was cut, or whose provider broke off,
    has made a call that it can tell nothing exact of."""

    def after(self, event: AgentEvent) -> "Spending":
        match event:
            case Started():
                return replace(self, model=event.model or self.model, session=event.session or self.session)
            case Ended():
                turns = self.turns if event.turns is None else (self.turns or 0) + event.turns
                is_refused = (
                    event.ending == "provider error" and event.status is not None
                )  # refused, and not broken off
                is_whole = event.ending in _IN_ORDER or is_refused or not _has_tokens(self.tokens)
                return replace(self, turns=turns, session=event.session or self.session, is_whole=is_whole)
            case Said() | ToolStarted() | Retrying() if self.is_whole:
                return replace(self, is_whole=False)
            case Used():
                return self._using(replace(event, model=event.model or self.model))
        return self

    def _using(self, used: Used) -> "Spending":
        now = replace(self, model=used.model)
        if used.scope == "session":
            return replace(now, whole=used)
        if used.scope == "try":
            return replace(now, tries=self.tries.plus(used), settled=_Sum(), open={})
        now = replace(now, is_whole=False)
        if used.call is None:
            return replace(now, settled=self.settled.plus(used), calls=self.calls + 1)
        known = self.open.get(used.call)
        calls = {**self.open, used.call: used if known is None else _fuller(known, used)}
        settled = self.settled
        if len(calls) > _MOST_OPEN:
            settled = settled.plus(calls.pop(next(iter(calls))))
        return replace(now, open=calls, settled=settled, calls=self.calls + (known is None))

    @property
    def tokens(self) -> Tokens | None:
        """Of this try so far, for whoever looks on; nothing where nobody told any."""
        told = self._told.tokens
        return told if told is not None or self.whole is None else self.whole.tokens

    @property
    def usd(self) -> float | None:
        return self._told.usd if self._told.usd is not None or self.whole is None else self.whole.usd

    @property
    def _told(self) -> _Sum:
        told = self.tries.plus(self.settled)
        for used in self.open.values():
            told = told.plus(used)
        return told

    def usage(self, before: Usage | None = None) -> Usage | None:
        """What this try has used up; nothing where nobody told anything.

        Args:
            before: What the session's earlier tries have used up in all. A total of the session (claude's cost, codex's
                tokens) has them in it. Of another session they are left out of account.

        Example: codex tells 3,000 tokens of a thread whose earlier try had told 2,000: this one has used 1,000. Where
        the earlier one was killed, and told nothing, it is 3,000: then the sum of both is what was used.
        """
        if before is not None and before.session and self.session and before.session != self.session:
            before = None
        told, whole = self._told, self.whole
        tokens, usd = told.tokens, told.usd
        if whole is not None and (before is not None or tokens is None) and whole.tokens is not None:
            tokens = _larger(tokens, _beyond(whole.tokens, before))
        if whole is not None and (before is not None or usd is None) and whole.usd is not None:
            usd = max(usd or 0.0, _usd_beyond(whole.usd, before))
        turns = self.turns if self.turns is not None else self.calls or None
        if tokens is None and usd is None and not turns:
            return None
        return Usage(
            input_tokens=_count(tokens.read) if tokens else None,
            output_tokens=_count(tokens.written) if tokens else None,
            cached_input_tokens=_count(min(tokens.cached, tokens.read)) if tokens else None,
            usd=None if usd is None else round(min(max(usd, 0.0), _MOST_USD), 9),
            turns=_count(turns),
            model=(self.model or "")[:_LONGEST_NAME] or None,
            session=(self.session or "")[:_LONGEST_NAME] or None,
            exact=self.is_whole and told.is_exact and tokens is not None and (whole is None or whole.is_exact),
        )


def spending_of(events: Iterable[AgentEvent]) -> Spending:
    """What a try has told of what it used up."""
    spending = Spending()
    for event in events:
        spending = spending.after(event)
    return spending


def usage_of_events(events: Iterable[AgentEvent], *, before: Usage | None = None) -> Usage | None:
    """What a try has used up by its events; `before`: all that the session's earlier tries have used up."""
    return spending_of(events).usage(before)


def _fuller(known: Used, used: Used) -> Used:
    """Of two that are told of one call: the exact one, else the larger figures."""
    if known.is_exact != used.is_exact:
        return known if known.is_exact else used
    usd = max((usd for usd in (known.usd, used.usd) if usd is not None), default=None)
    return replace(used, tokens=_larger(known.tokens, used.tokens), usd=usd)


def _plus(here: Tokens | None, there: Tokens | None) -> Tokens | None:
    if here is None or there is None:
        return here or there
    return Tokens(
        read=here.read + there.read,
        written=here.written + there.written,
        cached=here.cached + there.cached,
        stored=here.stored + there.stored,
        thought=here.thought + there.thought,
    )


def _larger(here: Tokens | None, there: Tokens | None) -> Tokens | None:
    if here is None or there is None:
        return here or there
    return Tokens(
        read=max(here.read, there.read),
        written=max(here.written, there.written),
        cached=max(here.cached, there.cached),
        stored=max(here.stored, there.stored),
        thought=max(here.thought, there.thought),
    )


def _beyond(whole: Tokens, before: Usage | None) -> Tokens:
    """What a session's total has beyond its earlier tries; all of it where it is less: then it began anew."""
    if before is None or whole.read < (before.input_tokens or 0):
        return whole
    return replace(
        whole,
        read=whole.read - (before.input_tokens or 0),
        written=max(0, whole.written - (before.output_tokens or 0)),
        cached=max(0, whole.cached - (before.cached_input_tokens or 0)),
    )


def _usd_beyond(whole: float, before: Usage | None) -> float:
    spent = (before.usd if before is not None else None) or 0.0
    return whole if whole < spent else whole - spent


def _has_tokens(tokens: Tokens | None) -> bool:
    return tokens is not None and tokens != Tokens()


def _count(figure: int | None) -> int | None:
    return None if figure is None else max(0, min(figure, _MOST_TOKENS))
