"""Pushes the branches of a feature to the user's remote, and asks there for it to be taken."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

from plait.agent_tasks.workshop import Workshop
from plait.plans.language.verify_stages import commands_in
from plait.plans.names import integration_branch
from plait.plans.tasks.base_outcome import PullRequest, PushedBranch
from plait.plans.wording import code_block, markdown, one_line
from plait.workspace.ancestry import commit_contents
from plait.workspace.control import HEADS, Control
from plait.workspace.errors import GitFailed
from plait.workspace.forges import forge_of, open_request
from plait.workspace.git import ask_as_user
from plait.workspace.landed_work import landed_work
from plait.workspace.landing_places import RemotePlace
from plait.workspace.remotes import RemoteGone, Update, push, remotes_of, tips_of, url_of
from plait.workspace.small_files import read_json_object, write_whole

_PUSHED = "pushed.json"


def push_remote(control: Control, base_remote: str | None) -> str | None:
    """Where branches of the user's go: what their git says, else where base is, else `origin`, else the only one."""
    remotes = remotes_of(control)
    chosen = ask_as_user(control.common_dir, "config", "--get", "remote.pushDefault").text
    for name in (chosen, base_remote, "origin"):
        if name and name in remotes:
            return name
    return remotes[0] if len(remotes) == 1 else None


def push_branches(shop: Workshop, remote: str, what: str) -> tuple[PushedBranch, ...]:
    """Push what is not there yet; nothing that somebody else has put there is overwritten, and nothing is raised.

    What plait itself pushed before is replaced where the feature was begun anew.

    Args:
        what: `integration`, or `all`: the agents' branches, too.
    """
    control, prefix = shop.control, f"{HEADS}feature/{shop.feature}/"
    refs = control.target.refs(prefix)
    chosen = HEADS + integration_branch(shop.feature)
    tips = {ref: tip for ref, tip in refs.items() if ref == chosen or (what == "all" and "/agent/" in ref)}
    if not tips:
        return ()
    try:
        there = tips_of(control, remote, list(tips))
        before = _pushed_before(control, remote)
        updates = [_update(control, ref, tip, there.get(ref), before.get(ref)) for ref, tip in tips.items()]
        wanted = [update for update in updates if isinstance(update, Update)]
        answers = push(control, remote, wanted) if wanted else {}
    except (RemoteGone, GitFailed) as gone:
        words = one_line(str(gone), 500)
        return tuple(_told(ref, tip, "not-pushed", words) for ref, tip in tips.items())
    pushed = [update for update in updates if isinstance(update, PushedBranch)]
    for ref, answer in answers.items():
        words = answer.words if answer.state == "refused" else "somebody else moved it meanwhile"
        state = "pushed" if answer.state == "done" else "held"
        pushed.append(_told(ref, tips[ref], state, "" if state == "pushed" else words))
    done = {HEADS + branch.branch: branch.commit for branch in pushed if branch.state in ("pushed", "there")}
    _remember(control, remote, done)
    return tuple(sorted(pushed, key=lambda branch: branch.branch))


def ask_for_it(shop: Workshop, base: RemotePlace, remote: str) -> PullRequest:
    """A pull request for the feature branch, which is at the remote already: opened, or with text and link.

    `remote`: where the branch was pushed to; a fork where that is not base's own.
    """
    branch, control = integration_branch(shop.feature), shop.control
    forge, own = forge_of(url_of(control, base.remote)), forge_of(url_of(control, remote))
    head = f"{own.owner}:{branch}" if own and forge and own.path != forge.path else branch
    link = forge.link(base=base.branch, branch=head) if forge else None
    request = PullRequest(title=_title(shop), body=_body(shop, base), link=link)
    return open_request(request, forge=forge, base=base.branch, branch=head, directory=control.common_dir)


def _update(control: Control, ref: str, tip: str, there: str | None, before: str | None) -> Update | PushedBranch:
    """How a branch gets there; or that it is there, or that somebody else has put something else there."""
    if there == tip:
        return _told(ref, tip, "there")
    ours = there is None or there == before
    known = there is not None and control.target.resolve(there) == there
    if ours or (known and control.target.is_ancestor(there or "", tip)):
        return Update(ref, tip, there)
    return _told(ref, tip, "held", f"somebody else has put {(there or '')[:10]} there, which is not overwritten")


def _told(ref: str, tip: str, state: str, reason: str = "") -> PushedBranch:
    return PushedBranch.model_validate(
        {"branch": ref.removeprefix(HEADS), "commit": tip, "state": state, "reason": reason}
    )


def _pushed_before(control: Control, remote: str) -> dict[str, str]:
    with suppress(OSError, ValueError):
        kept = read_json_object(control.directory / _PUSHED).get(remote)
        return {str(ref): str(tip) for ref, tip in kept.items()} if isinstance(kept, dict) else {}
    return {}


def _remember(control: Control, remote: str, pushed: Mapping[str, str]) -> None:
    kept: dict[str, object] = {}
    with suppress(OSError, ValueError):
        kept = read_json_object(control.directory / _PUSHED)
    with suppress(OSError):  # a full disk, say: what is ours is not known as ours then, and not overwritten
        write_whole(
            control.directory / _PUSHED, json.dumps({**kept, remote: {**_pushed_before(control, remote), **pushed}})
        )


def _title(shop: Workshop) -> str:
    goal = one_line(shop.facts.goal, 150)
    return f"{shop.feature}: {goal}" if goal else f"Feature {shop.feature}"


def _body(shop: Workshop, base: RemotePlace) -> str:
    """What was done, by whom, how it was checked, and how it is taken back."""
    checks = list(commands_in(shop.facts.integration.verify))
    tested = (
        "Each state of this branch was verified with:"
        if checks
        else "Nothing verifies this branch: its plan has no checks."
    )
    parts = [
        markdown(shop.facts.goal, 2000),
        "## Tasks\n\n" + "\n".join(_tasks(shop)),
        "## Checks\n\n" + "\n\n".join([tested, *([code_block(checks)] if checks else [])]),
        f"## To take it back\n\n`plait undo {shop.feature}`, once it is on {markdown(base.branch)}.",
        f"Made by plait, run {markdown(shop.run_id)}.",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _tasks(shop: Workshop) -> Sequence[str]:
    control = shop.control
    tip = control.branch(integration_branch(shop.feature))
    work = landed_work(control, shop.feature, tip=tip, base=shop.base)
    newest = {task: claims[0] for task, claims in work.claims.items()}
    contents = commit_contents(control.store, {claim.commit for claim in newest.values()})
    lines = []
    for task, claim in sorted(newest.items()):
        subject = contents[claim.commit].partition("\n\n")[2].partition("\n")[0].partition(": ")[2]
        by = f", by {claim.trailers['Plait-Agent']}" if "Plait-Agent" in claim.trailers else ""
        lines.append(f"- **{markdown(task)}** {markdown(subject)} ({claim.commit[:10]}{markdown(by)})")
    return lines
