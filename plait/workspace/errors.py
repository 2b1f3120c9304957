"""What can go wrong at the door to git and processes."""

import re

from plait.plans.errors import EnvironmentProblem, PlaitError

_DENIED = re.compile(r"Read-only file system|insufficient permission|Permission denied|unable to create directory")
_PASSING = re.compile(
    r"\.lock': File exists|is locked|another git process|Resource temporarily unavailable|Cannot allocate memory"
)


class GitFailed(EnvironmentProblem):
    """git did not do what it was asked: the repository or the machine is at fault, never a branch."""

    def __init__(self, command: str, status: int, stderr: str) -> None:
        super().__init__(f"git {command} ended with {status}: {_sentence(stderr)}", _hint(stderr))
        self.args = command, status, stderr  # what it is made of anew when it is unpickled
        self.command, self.status, self.stderr = command, status, stderr

    @property
    def may_pass(self) -> bool:
        """Whether the same command could succeed soon: another git held a lock, the machine was short of something."""
        return _PASSING.search(self.stderr) is not None


class SubmoduleMissing(EnvironmentProblem):
    """A submodule that cannot be filled: of base the machine is at fault, else the branch that names another one."""


class ObjectsGone(GitFailed):
    """Something that new work consists of is nowhere any more: it lay unnamed in the target, and was collected there.

    Whoever makes the work again makes it whole: git writes what is not there.
    """


class NoCommonHistory(GitFailed):
    """Two commits whose histories begin apart; unlike what else git cannot do it may be said of a branch."""


class NotSigned(GitFailed):
    """A commit that is to be signed could not be: nothing of it lands unsigned."""

    def __init__(self, status: int, stderr: str) -> None:
        super().__init__("commit-tree -S", status, stderr)
        self.args = status, stderr
        self.hint = "see what your own git says: git commit-tree -S -m trial HEAD^{tree}"

    def __str__(self) -> str:
        return f"what lands cannot be signed: {_sentence(self.stderr)}"


def _sentence(stderr: str) -> str:
    """git's messages in one line, each without its first word."""
    lines = (line.strip() for line in stderr.splitlines())
    sentences = (re.sub(r"\A((error|fatal): )+", "", line) for line in lines if line)
    return "; ".join(sentences) or "no message"


def _hint(stderr: str) -> str:
    if _DENIED.search(stderr):
        return "make the repository writable for the user that plait runs as, and run again"
    if _PASSING.search(stderr):
        return "run again; a lock that stays was left by a git that was killed, and can be deleted"
    return "`git fsck` in the repository says what is missing or damaged; mend that, and run again"


class RefMoved(PlaitError):
    """A compare-and-swap found another commit than expected: somebody else moved the branch."""

    def __init__(self, ref: str, expected: str) -> None:
        super().__init__(ref, expected)
        self.ref, self.expected = ref, expected

    def __str__(self) -> str:
        return f"{self.ref} is no longer at {self.expected[:12]}"


class DiskFull(EnvironmentProblem):
    """No space left where plait or git has to write."""
