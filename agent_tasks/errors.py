"""Why a try ends early: each is rebuilt from one message string, so it may cross a Prefect result."""

from plait.plans.agents.outcomes import Outcome
from plait.plans.errors import PlaitError
from plait.workspace.output import plain


class _TryEnded(PlaitError):
    """Its message is printed, logged and sent as JSON by Prefect too, and may quote what an agent made."""

    def __init__(self, reason: str) -> None:
        super().__init__(plain(reason))

    def __str__(self) -> str:
        return str(self.args[0])


class TryFailed(_TryEnded):
    """The try does not count; the next one is told why."""

    def __init__(self, reason: str, outcome: Outcome = "check failed") -> None:
        super().__init__(reason)
        self.outcome: Outcome = outcome
        """For the record of the try; what Prefect rebuilds from the message has the default."""


class TaskStopped(_TryEnded):
    """The run was cancelled while the agent worked: never retried."""

    def __init__(self, reason: str = "the run was cancelled") -> None:
        super().__init__(reason)


class TaskPutOff(_TryEnded):
    """The run was paused before another try could begin; the message says why the try before does not count."""


class AccountRefused(_TryEnded):
    """The agent's account gives nothing now: the message is what it said, the rest is in the record of the try."""


class SetUpFailed(_TryEnded):
    """The set-up cannot be carried out: no agent began, so no try counts; in full, with what it printed."""


class TaskImpossible(_TryEnded):
    """Trying again would not help: the environment is broken, or another hand moved the branch."""
