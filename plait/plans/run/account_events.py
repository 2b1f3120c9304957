"""What a refusal by an account, and a program that breaks off, make of a run; and how long it waits for accounts."""

from plait.plans.accounts.refusals import Kind, Refusal
from plait.plans.journal.events import ProgramBroke, WorkRefused
from plait.plans.run.standings import Standings
from plait.plans.run.statuses import AccountWait, Waiting
from plait.plans.wording import listed, spell_seconds

_SAYS: dict[Kind, str] = {
    "quota": "no quota left",
    "login": "not logged in",
    "overload": "the provider is overloaded or limits the rate",
}
_MENDS: dict[Kind, str] = {
    "quota": "run the plan again once there is quota; a role with another account as its `fallback` would have gone on",
    "login": "log in with the agent program, or name its key under the role's `environment`, and run the plan again",
    "overload": "run the plan again later",
}


_NEWS = 60.0
"""Seconds by which a pause has to grow to be told of again: agents beside each other are refused one after another."""


def refused(run: Standings, agent: str, result: WorkRefused, *, worked: float) -> None:
    """An agent was refused by its account: all roles that use it rest."""
    role = agent.rpartition("-")[0]
    before = run.rests.pauses.get(run.rests.account_of(role))
    pause = run.rests.refuse(role, Refusal(result.account, result.words, result.until), run.now, worked=worked)
    if before is not None and before.is_on(run.now) and pause.until < before.until + _NEWS:
        return
    roles = run.rests.roles_of(run.rests.account_of(role)) or (role,)
    rest, after = "rests" if len(roles) == 1 else "rest", spell_seconds(pause.until - run.now)
    ends = f"for {after}, as it says" if pause.is_named else f"for {after}, then tried again"
    run.tell(f"{listed(roles)} {rest} {ends}: {_SAYS[pause.kind]}", reason=pause.words)


def program_broke(run: Standings, event: ProgramBroke) -> None:
    """A program has ended with an error at once: the same words at several tasks stop its role."""
    if run.stopping or event.task not in run.tasks or run.facts[event.task].is_command:
        return
    if run.rests.break_off(event.role, event.task, event.words):
        run.tell(f"{event.role} is stopped, as its program ends at once with the same words", reason=event.words)


def closed_roles(run: Standings) -> frozenset[str]:
    """The roles whose slots nobody gets now: an agent of them would start on a task that another role can do.

    A task that waits for an account is not offered a slot at all, so a role's own commands go on meanwhile.
    """
    resting = run.rests.resting(run.now)
    if not resting:
        return resting
    jobs = (run.facts[job] for job in run.dispatcher.ready if job in run.facts)  # no review is ready whose role rests
    ready = (facts for facts in jobs if not facts.is_command)
    return resting.intersection(role for task in ready for role in (task.role, *task.fallback))


def count_waiting(run: Standings, seconds: float) -> None:
    """So much time has passed since the last event, pauses by persons aside."""
    if run.rests.waited_for and seconds > 0:
        run.rests.pass_time(seconds)


def note_waiting(run: Standings) -> None:
    """See for which accounts the run does nothing but wait until the next event."""
    if run.rests.pauses:
        alone = not run.closed and run.stopping is None and not run.goes_on_beside_accounts()
        run.rests.waited_for = frozenset(_accounts_waited_for(run)) if alone else frozenset()


def why_ended(run: Standings) -> str | None:
    """What is said of a run that ended although its tasks only waited for an account; nothing where none did."""
    accounts = list(dict.fromkeys(_accounts_waited_for(run)))
    said = []
    for account in accounts:
        pause = run.rests.pauses[account]
        roles = listed(run.rests.roles_of(account))
        waited = f"waited {spell_seconds(pause.waited)} for"
        said.append(f"{waited} the account of {roles} ({_SAYS[pause.kind]}: {pause.words}): {_MENDS[pause.kind]}")
    return "; ".join(said) or None


def why_roles_stopped(run: Standings) -> str | None:
    """What is said of roles whose program ended with the same words everywhere."""
    return (
        "; ".join(
            f"{role} was stopped: its program ended at once with the same words at several tasks ({words}); see to it "
            "that it works by hand in a fresh clone, then run the plan again"
            for role, words in run.rests.stopped.items()
        )
        or None
    )


def _accounts_waited_for(run: Standings) -> list[str]:
    standings = (standing for standing in run.tasks.values() if isinstance(standing.status, Waiting))
    return [wait.account for standing in standings for wait in standing.waits if isinstance(wait, AccountWait)]
