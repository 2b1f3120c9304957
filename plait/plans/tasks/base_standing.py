"""Where what a feature starts from stands beside it: how much of base the feature was not tested with, and in words."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from plait.plans.wording import count, run_command

Course = Literal["fixed", "same", "behind", "landed", "rewritten", "gone"]


class BaseStanding(BaseModel):
    """Base as it is in the repository, held against the feature branch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """As people call it: `main`, `origin/main`, `v1`."""
    course: Course = "same"
    """fixed: a tag or a commit, which does not move; same: the feature has all of it; behind: it has more; landed: it
    has the feature; rewritten: it has lost what the feature rests on; gone: there is none of that name any more."""
    behind: int = 0
    """Commits of base that the feature was not tested with."""
    dropped: int = 0
    """Commits that the feature rests on and base does not have any more."""
    ref: str | None = None
    """Its full name; nothing where it does not move."""
    now: str | None = None
    """Its commit; nothing where it is gone."""
    began: str = ""
    """The commit that the feature began from."""
    rests_on: str = ""
    """The newest commit of base that the feature has: what later tasks start from."""
    landed_as: str | None = None
    """The commit of base that has the feature's work, where it is one of its own, as a squash is."""

    refresh: str = ""
    """The task that takes it in, in a run that does."""
    took_in: bool = False
    """Whether that has landed: what base has more by now came since."""

    edition: str = ""
    """What `plait run PLAN --edition` takes for the edition that the feature is; empty where it is none."""

    @property
    def is_tried(self) -> bool:
        """Whether taking it in is being done, or has just been tried: nobody is told to do it."""
        return bool(self.refresh) and not self.took_in

    @property
    def taken_in(self) -> bool:
        """Whether the feature has taken base in since it began."""
        return self.rests_on != self.began


def base_words(standing: BaseStanding | None) -> str:
    """What people have to know of base, in a sentence without a full stop; nothing where there is nothing to say.

    Example: `main has moved on by 3 commits since this feature began; it was not tested with them: …`.
    """
    if standing is None:
        return ""
    since = "since it was last taken in" if standing.taken_in else "since this feature began"
    them = "it" if standing.behind == 1 else "them"
    match standing.course:
        case "behind":
            moved = f"{standing.name} has moved on by {count(standing.behind, 'commit')} {since}"
            return f"{moved}; the feature was not tested with {them}{_how(standing)}"
        case "landed":
            where = f", as {standing.landed_as[:10]}" if standing.landed_as else ""
            return f"{standing.name} has the work of this feature{where}"
        case "rewritten":
            return f"{standing.name} was rewritten {since}: {_dropped(standing)}"
        case "gone":
            return f"{standing.name}, where this feature began, is gone: whether it has moved on cannot be said"
        case _:
            return ""


def _how(standing: BaseStanding) -> str:
    """What takes it in; nothing where that is being done, or has just been tried."""
    return "" if standing.is_tried else f": `{run_command(edition=standing.edition, refresh=True)}`"


def _dropped(standing: BaseStanding) -> str:
    is_one = standing.dropped == 1
    lost = f"{count(standing.dropped, 'commit')} that the feature has {'is' if is_one else 'are'} not on it any more"
    untested = f"; the feature was not tested with {count(standing.behind, 'commit')} of it" if standing.behind else ""
    back = f"a merge would bring {'it' if is_one else 'them'} back; --fresh starts over from there"
    return f"{lost}, and {back}{untested}"
