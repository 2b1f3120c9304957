"""Where a finished feature goes: a branch of the user's repository, or the branch of a remote that it follows."""

from dataclasses import dataclass

from plait.plans.errors import CallError
from plait.plans.names import foreign_problem
from plait.workspace.control import HEADS, Control
from plait.workspace.ref_landing import ReadyToLand, RefLanded, land, mark_landed
from plait.workspace.remotes import Update, fetched_tip, push, remotes_of, seen_ref

REMOTES = "refs/remotes/"


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A branch of the repository that the user named."""

    control: Control
    feature: str
    branch: str

    @property
    def name(self) -> str:
        """What people call it."""
        return self.branch

    note = None

    def tip(self) -> str:
        """Where it is.

        Raises:
            CallError: there is no such branch.
        """
        tip = self.control.branch(self.branch)
        if tip is None:
            raise CallError(f"there is no branch {self.branch} any more", hint="name another one: --onto BRANCH")
        return tip

    def not_there(self, commit: str) -> int:  # noqa: ARG002 - the face of `RemotePlace`
        """How many commits of the user's would go along that base does not have: of its own branch, none."""
        return 0

    def land(self, *, batch: str, old: str, new: str) -> RefLanded | ReadyToLand:
        """Move it by compare-and-swap, or say how its user does where a checkout has it.

        Raises:
            RefMoved: it is elsewhere.
            GitFailed: git could not.
        """
        return land(self.control, feature=self.feature, batch=batch, branch=self.branch, old=old, new=new, base=old)


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """A branch of a remote: moved there by a push that holds only while it is where it was seen."""

    control: Control
    feature: str
    remote: str
    branch: str
    """As the remote calls it."""
    local: str | None = None
    """The branch of the repository that follows it; plait does not move that."""

    @property
    def name(self) -> str:
        return f"{self.remote}/{self.branch}"

    def tip(self) -> str:
        """Where it is now, fetched.

        Raises:
            CallError: the remote has no such branch.
            RemoteGone: it does not answer.
        """
        tip = fetched_tip(self.control, self.remote, self.branch)
        if tip is None:
            raise CallError(
                f"{self.remote} has no branch {self.branch}", hint=f"git push {self.remote} {self.local or self.branch}"
            )
        return tip

    def known_tips(self) -> tuple[str, ...]:
        """Where it was seen last, by plait and by the user's own fetches and pushes; nobody is asked."""
        refs = (seen_ref(self.remote, self.branch), f"{REMOTES}{self.name}")
        return tuple(dict.fromkeys(filter(None, map(self.control.target.resolve, refs))))

    @property
    def note(self) -> str | None:
        """What a user should know of a branch of theirs that follows it."""
        return f"your {self.local} is as it was: git pull brings it" if self.local else None

    def not_there(self, commit: str) -> int:
        """How many commits below this one the remote's branch, as it was fetched last, does not have."""
        tip = self.control.target.resolve(seen_ref(self.remote, self.branch))
        exclude = (f"^{tip}",) if tip else ()
        return int(self.control.store.ask("rev-list", "--count", commit, *exclude).text)

    def land(self, *, batch: str, old: str, new: str) -> RefLanded | ReadyToLand:
        """Push it there by lease.

        Raises:
            RefMoved: it is elsewhere.
            PushRefused: the remote does not take it.
            RemoteGone: it does not answer.
        """
        ref = HEADS + self.branch
        with self.control.bringing(new, old=old):
            push(self.control, self.remote, (Update(ref, new, old),))[ref].require(self.remote)
        mark_landed(self.control, self.feature, batch, new)
        return RefLanded(new)


Place = LocalPlace | RemotePlace


def landing_place(control: Control, feature: str, name: str, *, local: bool = False) -> Place:
    """Where a feature that began on this branch goes: with a remote that the branch follows, there.

    Example: `main` follows `origin/main`: what lands is pushed to `origin`. A `main` that follows nothing is moved
    itself, and `origin/main` is a remote's branch anyway.

    Args:
        name: A local branch, or a remote's as `origin/main`, also in full; empty where the feature began on none.
        local: Take the local branch, also where it follows a remote's.

    Raises:
        CallError: there is no such branch.
    """
    if not name:
        sentence = f"{feature} did not begin on a branch, so it is open where it goes"
        raise CallError(sentence, hint="name it: --onto BRANCH")
    if problem := foreign_problem(name):
        raise CallError(f"the base {problem}")
    short = name.removeprefix(HEADS)
    if not name.startswith(REMOTES) and control.branch(short) is not None:
        followed = None if local else _followed(control, short)
        return (
            RemotePlace(control, feature, *followed, local=short) if followed else LocalPlace(control, feature, short)
        )
    fetched = name.removeprefix(REMOTES)
    for remote in remotes_of(control):
        branch = fetched.removeprefix(f"{remote}/")
        if branch != fetched and control.target.resolve(f"{REMOTES}{fetched}"):
            return RemotePlace(control, feature, remote, branch)
    if name.startswith("refs/") and control.target.resolve(name) is None:  # of which the feature began
        gone = f"{name.removeprefix(HEADS).removeprefix(REMOTES)}, on which {feature} began, is gone"
        raise CallError(gone, hint="name another branch: --onto BRANCH")
    there = control.base_commit(name)[0]  # who has it knows what is near
    raise CallError(f"{there} is no branch, so nothing can land on it", hint="name one: --onto BRANCH")


def _followed(control: Control, branch: str) -> tuple[str, str] | None:
    """The remote, and the branch of it, that a local branch follows."""
    remote = control.target.run("config", "--get", f"branch.{branch}.remote").text
    merged = control.target.run("config", "--get", f"branch.{branch}.merge").text
    if remote in remotes_of(control) and merged.startswith(HEADS):
        return remote, merged.removeprefix(HEADS)
    return None
