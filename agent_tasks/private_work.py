"""What an agent committed where no harvest looks, in the private git of its checkout: kept beside the try, and told."""

from dataclasses import dataclass

from plait.agent_tasks.trying import TryFolder
from plait.plans.wording import listed
from plait.workspace.checkouts import Checkout
from plait.workspace.control import Control
from plait.workspace.output import plain
from plait.workspace.private_git import MOST_BYTES, PrivateGit, keep_private_git, private_git


@dataclass(slots=True)
class PrivateWork:
    """The private git of one try, from the moment at which its agent gets it."""

    control: Control
    checkout: Checkout
    folder: TryFolder
    before: PrivateGit | None = None
    """As the agent got it; nothing while it has not begun."""
    kept: str | None = None
    """Where it is, once it has been kept."""

    def begin(self) -> None:
        """Remember what is there before the agent: the set-up may have fetched something."""
        self.before = private_git(self.checkout.directory)

    def keep(self, *, all_of_it: bool) -> str:
        """Keep it where it has what the files need not have; in a sentence what is kept where, or nothing.

        Args:
            all_of_it: Whether nothing else is left of the try, so that any object counts. Where the files were taken
                it is kept for other branches and stashes alone: that the agent committed what it left in the files is
                the rule.
        """
        if self.before is None:
            return ""
        now = private_git(self.checkout.directory)
        elsewhere = now.elsewhere(self.before)
        if not (now.objects - self.before.objects and (all_of_it or elsewhere)):
            return ""
        what = "what it committed in its own git" + (f" ({plain(listed(elsewhere))})" if elsewhere else "")
        try:
            is_kept = keep_private_git(self.control, self.checkout.directory, self.folder.private_git)
        except OSError as problem:
            return f"{what} could not be kept: {problem.strerror or problem}"
        if not is_kept:
            return f"{what} is gone, being more than {MOST_BYTES:,} bytes"
        self.kept = str(self.folder.private_git)
        return f"{what} does not count, and is kept in {self.kept}"
