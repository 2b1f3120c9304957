"""What became of a feature on base: landed there, taken back out, or kept from either, and why."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

BaseState = Literal[
    "landed",
    "undone",
    "already",
    "ready-to-land",
    "planned",
    "requested",
    "asked",
    "left",
    "conflict",
    "red",
    "refused",
    "unreachable",
    "held",
]
"""`already`: there was nothing to do; `ready-to-land`: a checkout has base, and its user types the command; `planned`:
what a dry run would do; `requested`: as a pull request; `asked`: a person is to say whether it lands; `left`:
nobody asked for it, or it is not complete; `refused`: the remote does not take it; `unreachable`: it does not answer;
`held`: for another reason."""

DONE: tuple[BaseState, ...] = ("landed", "undone", "already", "planned", "requested")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PushedBranch(_Part):
    """A branch of the feature on its way to a remote."""

    branch: str
    commit: str
    state: Literal["pushed", "there", "held", "not-pushed"]
    """`there`: it was there already; `held`: the remote has something else, or refuses it; `not-pushed`: no answer."""
    reason: str = ""


class PullRequest(_Part):
    """A request to take the feature: opened, or as text and link for a person."""

    title: str
    body: str
    url: str | None = None
    """Of the request, once it is open."""
    link: str | None = None
    """Where a person opens it in a browser."""
    reason: str = ""
    """Why it is not open."""


class BaseOutcome(_Part):
    """What `plait land` and `plait undo` print, and a run that lands by itself reports."""

    feature: str
    edition: str = ""
    """What `plait run PLAN --edition` takes for the edition that the feature is; empty where it is none."""
    state: BaseState
    base: str
    """The branch, such as `main`, or `origin/main` where it is a remote's."""
    way: str = ""
    """`fast-forward`, `merge`, `squash`; `undo`."""
    old: str | None = None
    """The commit that base was at."""
    commit: str | None = None
    """The one that it is at now, or would be."""
    tree: str | None = None
    verified: str = ""
    """`yes`, `no` (the plan has nothing to verify with), or `no new failures`."""
    tasks: tuple[str, ...] = ()
    """Whose work it was about."""
    files: tuple[str, ...] = ()
    """Those in conflict."""
    command: str | None = None
    """What the user types, where a checkout has base."""
    reason: str | None = None
    log: str | None = None
    """Of the verification that was red."""
    notes: tuple[str, ...] = ()
    remote: str | None = None
    """Where branches of the feature were pushed to."""
    pushed: tuple[PushedBranch, ...] = ()
    pull_request: PullRequest | None = None

    @property
    def is_done(self) -> bool:
        """Whether what was asked for is so now, or would be; a refused one may wait as a pull request."""
        return self.state in DONE or (self.pull_request is not None and self.pull_request.url is not None)

    @property
    def keeps_back(self) -> bool:
        """Whether a run that was to land it by itself is held back by what came of it."""
        return not self.is_done and self.state not in ("asked", "left", "unreachable")
