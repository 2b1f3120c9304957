"""What became of a feature on base and at the remote, as plain lines."""

import shlex
from collections.abc import Iterator

from plait.plans.tasks.base_outcome import BaseOutcome, PullRequest
from plait.plans.wording import count, land_command, listed, one_line, run_command

_HOW = {"fast-forward": "as it is", "merge": "by a merge", "squash": "as one commit", "pull-request": ""}


def base_lines(outcome: BaseOutcome) -> Iterator[str]:
    """The sentence that matters first, then what helps; without control characters."""
    yield from (one_line(line, 2000) for line in _lines(outcome))


def told_of_base(outcome: BaseOutcome) -> list[str]:
    """All of it, as the end of a command: with what to do next, and a request that a person has to open."""
    commands = list(next_at_base(outcome))
    lines = [*base_lines(outcome), *(["next:"] if commands else []), *(f"  {command}" for command in commands)]
    if outcome.pull_request is not None:
        lines += ["", *request_text(outcome.pull_request)] if outcome.pull_request.url is None else []
    return lines


def next_at_base(outcome: BaseOutcome, *, repository: str = "") -> Iterator[str]:
    """The commands that help now.

    `repository`: its path, where the reader stands somewhere else.
    """
    where = f" --repo {shlex.quote(one_line(repository, 1000))}" if repository else ""
    if outcome.command:
        yield one_line(outcome.command, 1000)
    if outcome.state == "conflict" and outcome.way != "undo":
        again = run_command(edition=outcome.edition, where=where, refresh=True)
        yield f"{again} # takes {outcome.base} in, so that the two fit"
    if outcome.state == "refused" and outcome.pull_request is None:
        yield f"{land_command(outcome.feature, where=where)} --pull-request # asks for it there"
    if outcome.state == "asked":
        yield f"{land_command(outcome.feature, where=where)} # brings it onto {outcome.base}"
    if outcome.state in ("landed", "already"):
        yield f"plait undo {outcome.feature}{where} # takes it back out of {outcome.base}"
    if outcome.state == "undone":
        yield f"{run_command(edition=outcome.edition, where=where)} # does the feature anew"
    if outcome.state == "unreachable" or any(branch.state == "not-pushed" for branch in outcome.pushed):
        yield f"{land_command(outcome.feature, where=where)} # tries again, as the next run does"


def request_text(request: PullRequest) -> Iterator[str]:
    """A request that a person has to open: where, and what to say there."""
    if request.url is None:
        yield request.title
        yield ""
        yield from request.body.splitlines()


def _lines(outcome: BaseOutcome) -> Iterator[str]:
    sentence = _sentence(outcome)
    if sentence:
        tasks = f": {listed(outcome.tasks)}" if outcome.tasks and outcome.state in ("landed", "planned") else ""
        yield f"{sentence}{tasks}"
    if outcome.commit and outcome.state in ("landed", "undone"):
        unverified = ", unverified: the plan has no checks" if outcome.verified == "no" else ""
        yield f"  {outcome.base} is at {outcome.commit[:10]}{unverified}"
    if outcome.log:
        yield f"  log: {outcome.log}"
    yield from (f"  {note}" for note in outcome.notes)
    yield from _pushed(outcome)
    request = outcome.pull_request
    if request is not None:
        link = f"; open it yourself: {request.link}" if request.link else ""
        yield f"  pull request: {request.url or f'not open ({request.reason}){link}'}"


def _sentence(outcome: BaseOutcome) -> str:
    feature, base, reason = outcome.feature, outcome.base, outcome.reason or ""
    how = f", {_HOW.get(outcome.way, outcome.way)}".removesuffix(", ")
    match outcome.state:
        case "landed":
            return f"{feature} has landed on {base}{how}"
        case "undone":
            return f"{feature} is taken back out of {base}"
        case "already":
            return f"{feature} is on {base} already: nothing to do"
        case "planned" if outcome.way == "undo":
            return f"{feature} can be taken back out of {base}"
        case "planned":
            return f"{feature} would land on {base}{how}"
        case "requested":
            return f"{base} is asked to take {feature}"
        case "asked":
            return f"{feature} waits for a person to land it on {base}"
        case "left":
            return f"{base} is as it was: {reason}" if reason else ""
        case "ready-to-land":
            return f"{feature} is ready {'to be undone' if outcome.way == 'undo' else 'to land'}: {reason}"
        case _ if outcome.way == "undo":
            return f"{base} is as it was: {reason}"
        case _:
            return f"{feature} is not on {base}: {reason}"


def _pushed(outcome: BaseOutcome) -> Iterator[str]:
    """What went to the remote, in a line for each kind of answer."""
    done = [branch.branch for branch in outcome.pushed if branch.state in ("pushed", "there")]
    if done:
        more = f" and {count(len(done) - 1, 'more branch', 'more branches')}" if len(done) > 1 else ""
        first = next((name for name in done if name.endswith("/integration")), done[0])
        yield f"  pushed to {outcome.remote}: {first}{more}"
    yield from (
        f"  not pushed: {branch.branch}: {branch.reason}" for branch in outcome.pushed if branch.state == "held"
    )
    away = [branch for branch in outcome.pushed if branch.state == "not-pushed"]
    if away:
        yield f"  landed, not pushed: {away[0].reason}"
