"""What an agent does now, for whoever looks on: its model and tool of the moment, its tokens so far, its last words."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from plait.plans.agents.spending import Spending
from plait.plans.agents.stream import (
    AgentEvent,
    Denied,
    Ended,
    Retrying,
    Said,
    Started,
    Tokens,
    ToolEnded,
    ToolStarted,
    Used,
)
from plait.plans.wording import one_line

PATIENCE: Final = 6
"""How often in a row a program may ask for an answer again that breaks off, until it is taken to go on so for ever."""
_MOST_TOOLS: Final = 16
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class AtWork:
    """An agent at work; `after` takes the next event. All texts are one line, fit to be shown."""

    model: str = ""
    tools: tuple[ToolStarted, ...] = ()
    """Those that it uses now, the last one begun last."""
    words: str = ""
    """What it said last."""
    retrying: str = ""
    """Why it waits for its provider; empty while it works."""
    denials: int = 0
    in_vain: int = 0
    """How often in a row its answer broke off, by no refusal, and it asked again."""
    is_over: bool = False
    spending: Spending = field(default_factory=Spending)

    def after(self, event: AgentEvent) -> "AtWork":
        now = replace(self, spending=self.spending.after(event))
        match event:
            case Started():
                return replace(now, model=one_line(event.model or self.model, _SHOWN))
            case Said():
                return replace(now, words=one_line(event.text, _SHOWN) or self.words, retrying="", is_over=False)
            case ToolStarted():
                tools = (*self.tools, event)[-_MOST_TOOLS:]
                return replace(now, tools=tools, retrying="", in_vain=0, is_over=False)
            case ToolEnded():
                return replace(now, tools=tuple(tool for tool in self.tools if tool.call != event.call), in_vain=0)
            case Denied():
                return replace(now, denials=self.denials + 1)
            case Retrying():
                return replace(now, retrying=_why(event), in_vain=self.in_vain + event.is_broken, is_over=False)
            case Used() if event.scope == "call" and event.tokens and event.tokens.written:
                return replace(now, retrying="", in_vain=0)
            case Ended():
                words = one_line(event.words, _SHOWN) or self.words
                return replace(now, tools=(), words=words, retrying="", in_vain=0, is_over=True)
        return now

    @property
    def tool(self) -> str:
        """The tool of the moment, with its subject: `Bash: make test`; empty where it uses none."""
        if not self.tools:
            return ""
        last = self.tools[-1]
        subject = last.detail or ", ".join(last.paths[:3])
        return one_line(f"{last.tool}: {subject}" if subject else last.tool, _SHOWN)

    @property
    def tokens(self) -> Tokens | None:
        """Used so far; nothing where its program tells none before its end, as codex and gemini."""
        return self.spending.tokens

    @property
    def usd(self) -> float | None:
        """Spent so far, where its program tells it."""
        return self.spending.usd

    @property
    def doing(self) -> str:
        """What it does now, in a line: its provider that it waits for, its tool, else its last words."""
        return self.retrying or self.tool or self.words

    @property
    def goes_nowhere(self) -> bool:
        """Whether it asks for ever: opencode takes a cut answer for an empty step, and has no limit of such steps."""
        return self.in_vain >= PATIENCE


def at_work(events: Iterable[AgentEvent]) -> AtWork:
    """What an agent does after these events."""
    state = AtWork()
    for event in events:
        state = state.after(event)
    return state


def is_going_nowhere(events: Iterable[AgentEvent]) -> bool:
    """Whether a program that has told this should be stopped: it asks again and again, and gets no whole answer."""
    return at_work(events).goes_nowhere


def _why(retry: Retrying) -> str:
    status = f" ({retry.status})" if retry.status is not None and str(retry.status) not in retry.words else ""
    after = "" if retry.delay is None else f", again in {retry.delay:.0f} s"
    return one_line(f"waits for its provider{status}: {retry.words or 'no answer'}{after}", _SHOWN)
