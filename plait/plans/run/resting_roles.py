"""Which roles start no agent now: their account has refused, or their program says the same at every task and ends."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from plait.plans.accounts.pauses import AccountPause, paused_by
from plait.plans.accounts.refusals import Refusal
from plait.plans.journal.manifest import Manifest
from plait.plans.run.statuses import AccountWait, StoppedRoleWait, Wait

_ENOUGH: Final = 2
"""Of how many tasks the last words must be equal."""
_MOMENTS = re.compile(
    r"\d{4}-\d\d-\d\d[T ]?|\d{1,2}:\d\d(?::\d\d)?(?:[.,]\d+)?Z?|\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\breq_\w+"
)
"""What differs each time although the same is said: dates, times, and the numbers of requests."""


class RestingRoles:
    """The accounts that are paused and the roles that are stopped, in one run."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self.pauses: dict[str, AccountPause] = dict(manifest.account_pauses)
        """By account; one that is over stays until the account has worked again."""
        self.stopped: dict[str, str] = {}
        """By role, the words with which its program ends."""
        self.waited_for: frozenset[str] = frozenset()
        """Accounts that the run does nothing but wait for, as of the last event."""
        self.idle_for: dict[str, float] = {}
        """By account, seconds in which the run did nothing but wait for it, in all."""
        self.idle_seconds = 0.0
        """The same of all accounts: of several that were waited for at once, counted once."""
        self.ended_waiting = False
        """Whether the run is closed although tasks only waited for an account."""
        self._words: dict[str, dict[str, set[str]]] = {}

    # What happens.

    def refuse(self, role: str, refusal: Refusal, now: float, *, worked: float) -> AccountPause:
        """An agent of a role was refused by its account, after it had worked for so many seconds."""
        account = self.account_of(role)
        before = self.pauses.get(account)
        self.pauses[account] = pause = paused_by(refusal, now, before=before, worked=worked)
        return pause

    def succeed(self, role: str, now: float) -> None:
        """An agent of a role has done its work: the account gives, and the program can do what it is for."""
        self._words.pop(role, None)
        account = self.account_of(role)
        pause = self.pauses.get(account)
        if pause is None:
            return
        if pause.is_on(now):  # it began before that
            self.pauses[account] = replace(pause, waited=0.0)
        else:
            del self.pauses[account]

    def break_off(self, role: str, task: str, words: str) -> bool:
        """A program has ended with an error at once, with these words; whether that stops its role."""
        tasks = self._words.setdefault(role, {}).setdefault(_MOMENTS.sub("", words).strip(), set())
        tasks.add(task)
        if role in self.stopped or len(tasks) < _ENOUGH:
            return False
        self.stopped[role] = words
        return True

    def pass_time(self, seconds: float) -> None:
        """So much time has passed in which the run may have done nothing but wait."""
        self.idle_seconds += seconds if self.waited_for else 0.0
        for account in self.waited_for:
            self.idle_for[account] = self.idle_for.get(account, 0.0) + seconds
            pause = self.pauses[account]
            self.pauses[account] = replace(pause, waited=pause.waited + seconds)

    # What follows.

    def account_of(self, role: str) -> str:
        """The account that a role uses."""
        return self._manifest.accounts.get(role, f"role {role}")

    def roles_of(self, account: str) -> tuple[str, ...]:
        """The roles of this run that use an account."""
        return tuple(role for role in self._manifest.slots if self.account_of(role) == account)

    def rests(self, role: str, now: float) -> bool:
        """Whether no agent of a role may start now."""
        return role in self.stopped or self._is_paused(role, now)

    def resting(self, now: float) -> frozenset[str]:
        """The roles of which no agent may start now."""
        if not self.is_of_concern:
            return frozenset()
        return frozenset(role for role in self._manifest.slots if self.rests(role, now))

    @property
    def is_of_concern(self) -> bool:
        """Whether any account has refused that has not worked since, or any role is stopped."""
        return bool(self.pauses or self.stopped)

    def waits_of(self, roles: Iterable[str], now: float) -> Iterator[AccountWait | StoppedRoleWait]:
        """What a task waits for that only agents of these roles can do; nothing while any of them can."""
        roles = tuple(roles) if self.is_of_concern else ()
        if not roles or not all(self.rests(role, now) for role in roles):
            return
        paused = next((role for role in roles if role not in self.stopped), None)
        if paused is None:
            yield StoppedRoleWait(roles[0], self.stopped[roles[0]])
        else:
            account = self.account_of(paused)
            yield AccountWait(account, self.pauses[account].kind)

    def may_wait(self, waits: Iterable[Wait]) -> bool:
        """Whether any of these is for an account that the run has not waited for as long as it may."""
        accounts = (wait.account for wait in waits if isinstance(wait, AccountWait))
        return any(self.pauses[account].waited < self._manifest.quota_wait for account in accounts)

    def next_change(self, now: float) -> float | None:
        """When the next pause ends, or has been waited for long enough, in seconds since the epoch."""
        ends = [pause.until for pause in self.pauses.values() if pause.is_on(now)]
        waits = (self.pauses[account].waited for account in self.waited_for)
        ends += [now + max(0.0, self._manifest.quota_wait - waited) for waited in waits]
        return min(ends, default=None)

    def paused(self, now: float) -> Mapping[str, AccountPause]:
        """By account, the pauses that go on."""
        return {account: pause for account, pause in self.pauses.items() if pause.is_on(now)}

    def _is_paused(self, role: str, now: float) -> bool:
        pause = self.pauses.get(self.account_of(role))
        return pause is not None and pause.is_on(now)
