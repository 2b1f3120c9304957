"""What a batch did, told in lines: its chain, each verification, why a branch was not taken, how to do it again."""

import shlex
from collections.abc import Iterator
from datetime import timedelta

from plait.plans.landing.batch_words import refusal_words
from plait.plans.tasks.outcomes import BatchOutcome, Rejection, VerifiedTree, WeakenedTest
from plait.plans.tasks.planned_contracts import AGAINST
from plait.plans.wording import count, key_line, listed, one_line, spell_seconds
from plait.show.unlanded import accusation

_SETUP = "setup: "
"""What a set-up that failed is called among the commands."""
_NOTHING_RAN = {"unverified": "nothing to verify with", "unaffected": "no stage looks at what was changed"}
_BARE = "GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1"
"""Nobody's settings: line ends, filters and `merge.ff` of whoever types it would make something else of it."""
_SOMEBODY = "-c user.name=plait -c user.email=plait@localhost"
"""A merge asks who commits before it says what conflicts."""


def batch_story(batch: BatchOutcome) -> list[str]:
    """Plain lines without control characters; what belongs to the line before is indented."""
    lines = [(0, _headline(batch)), *((1, line) for line in _chain(batch))]
    lines += [(1, _told(tree)) for tree in batch.trees]
    for no in batch.rejected:
        lines.append((1, _rejected(no)))
        lines += [(2, row) for command in repeat_rejection(batch, no) for row in _as_typed(command)]
    lines += [(1, f"{held.task} is held back with {held.by}") for held in batch.held]
    lines += [(1, f"{file.path} of {file.task} was settled by {file.by}") for file in batch.settled]
    lines += [(1, f"look at {weakened_words(finding)}") for finding in batch.weakened]
    return ["  " * depth + one_line(text.lstrip(), 2000) for depth, text in lines]


def repeat_rejection(batch: BatchOutcome, no: Rejection) -> tuple[str, ...]:
    """The commands that show what a branch was rejected for, in a folder of their own; none where nobody knows."""
    if no.kind == "conflict":
        return _repeat_merge(batch, no)
    red = [tree for tree in batch.trees if tree.verdict in ("red", "timeout") and no.task in tree.branches]
    told = [tree for tree in red if no.partner is None or no.partner in tree.branches]
    smallest = min(told or red, key=lambda tree: len(tree.branches), default=None)
    return repeat_verification(batch, smallest) if smallest else ()


def repeat_verification(batch: BatchOutcome, tree: VerifiedTree) -> tuple[str, ...]:
    """The commands that make a folder with exactly this tree, and verify it as the batch did.

    Nothing of the user's repository is touched: the folder is a repository of its own, which borrows the objects.
    """
    if not batch.objects:
        return ()
    failed = tree.command or ""
    checks = () if failed.startswith(_SETUP) else (failed,) if failed else batch.checks
    against = f"{AGAINST}=real " if tree.contracts else ""
    return (
        *_folder(batch, tree.tree),
        f"{_BARE} git read-tree -u --reset {tree.tree}",
        *(f"{against}sh -e -c {shlex.quote(command)}" for command in (*batch.setup, *checks)),
    )


def weakened_words(finding: WeakenedTest) -> str:
    """Such as `tests/test_app.py:5 of CART: a skip was added`."""
    place = finding.path if finding.line is None else f"{finding.path}:{finding.line}"
    return f"{place} of {finding.task}: {finding.what}"


def _repeat_merge(batch: BatchOutcome, no: Rejection) -> tuple[str, ...]:
    members = {member.task: member for member in batch.chain}
    partner = members[no.partner].commit if no.partner in members else None
    onto = partner or batch.onto
    if not batch.objects or onto is None or no.task not in members:
        return ()
    tip = members[no.task].tip
    return (
        *_folder(batch, tip),
        f"{_BARE} git checkout --quiet --force --detach {onto}",
        f"{_BARE} git {_SOMEBODY} merge --no-edit {tip}",
    )


def _folder(batch: BatchOutcome, oid: str) -> tuple[str, ...]:
    name = f"{shlex.quote(batch.id)}-{oid[:9]}"
    form = " --object-format=sha256" if len(oid) == 64 else ""
    return (
        f"git init --quiet --template={form} {name} && cd {name}",
        f"echo {shlex.quote(batch.objects or '')} > .git/objects/info/alternates",
    )


def _headline(batch: BatchOutcome) -> str:
    took = batch.ended_at - batch.started_at if batch.started_at and batch.ended_at else timedelta()
    parts = [
        batch.state.value + (f" in {spell_seconds(took.total_seconds())}" if took else ""),
        count(batch.verifications, "verification"),
        *(
            [f"{'ready to land' if batch.ready else 'landed'} {listed(batch.landed, limit=None)}"]
            if batch.landed
            else []
        ),
        *([f"at {batch.commit[:9]}"] if batch.commit else []),
        *([f"no new failures ({listed(batch.red_on_base)} failed before)"] if batch.red_on_base else []),
        *([key_line(batch.reason)] if batch.reason else []),
    ]
    return f"{batch.id}: {', '.join(parts)}"


def _chain(batch: BatchOutcome) -> Iterator[str]:
    if batch.chain:
        members = (f"{one.task} {one.tip[:9]}{'' if one.commit else ' (left out)'}" for one in batch.chain)
        yield f"merged onto {(batch.onto or '?')[:9]}: {', '.join(members)}"


def _told(tree: VerifiedTree) -> str:
    what = listed(tree.branches, limit=None) if tree.branches else "without any branch"
    command = f" by `{tree.command}`" if tree.command else ""
    ran = "remembered" if tree.remembered else _NOTHING_RAN.get(tree.verdict, "")
    parts = [f"{tree.verdict}{command}", ran or spell_seconds(tree.seconds), f"tree {tree.tree[:9]}"]
    return f"verified {what}: {', '.join([*parts, *([tree.log] if tree.log else [])])}"


def _rejected(no: Rejection) -> str:
    if no.kind == "conflict":
        return refusal_words(no)
    files = f" ({listed(no.files)})" if no.files else ""
    return f"rejected {no.task}: it {accusation(no)}{files}"


def _as_typed(command: str) -> list[str]:
    """A command as a shell shows it, of which each line stays one."""
    return [f"{'>' if number else '$'} {line}" for number, line in enumerate(command.split("\n"))]
