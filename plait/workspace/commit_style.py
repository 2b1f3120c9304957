"""Whose name plait's commits bear, who signs them off, and who signs what lands."""

from dataclasses import dataclass

from plait.plans.language.model import Integration
from plait.plans.persons import PLAIT, Person, read_person
from plait.workspace.control import Control
from plait.workspace.git import GitRepository
from plait.workspace.signing import Signer, signer_of, user_of


@dataclass(frozen=True, slots=True)
class CommitStyle:
    """How the commits of one run are written."""

    author: Person = PLAIT
    """Of merges and of what plait writes itself; what an agent made names the agent. The committer is always plait:
    by that plait knows its own commits again (`trailers.named_works`)."""
    signed_off: Person | None = None
    signer: Signer | None = None

    @property
    def trailers(self) -> dict[str, str]:
        """What stands at the end of each message."""
        return {"Signed-off-by": str(self.signed_off)} if self.signed_off else {}

    def to_land(self, repository: GitRepository, commit: str) -> str:
        """The commit that lands in this one's place: signed where that is asked for.

        Raises:
            NotSigned: it is to be signed and cannot be.
        """
        return self.signer.sign(repository, commit) if self.signer else commit


PLAIN = CommitStyle()


def style_of(control: Control, integration: Integration) -> CommitStyle:
    """What a plan and its user's git say of it.

    Raises:
        CallError: the user's git does not know them, or has no key.
    """
    return CommitStyle(
        author=read_person(integration.author) if integration.author else PLAIT,
        signed_off=user_of(control) if integration.signoff else None,
        signer=signer_of(control) if integration.sign else None,
    )


def require_style(control: Control, integration: Integration) -> None:
    """Find out before anything starts that what lands could not be written as the plan asks.

    Raises:
        CallError, NotSigned: it could not.
    """
    style = style_of(control, integration)
    if style.signer is not None:
        style.signer.try_out(control.store)
