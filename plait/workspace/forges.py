"""Pull requests: opened by `gh` where the user has it and is logged in, else as a link that a person opens."""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from plait.plans.errors import EnvironmentProblem
from plait.plans.tasks.base_outcome import PullRequest
from plait.plans.wording import one_line
from plait.workspace.environment import user_environment
from plait.workspace.output import plain
from plait.workspace.process import run_quick

FORGE_SECONDS = 60.0

_ADDRESS = re.compile(r"(?:https?|ssh|git)://(?:[^@/]*@)?(?P<host>[^@/:]+)(?::[0-9]+)?/(?P<path>[^?#]+)")
_SHORT = re.compile(r"(?:[^@/:]+@)?(?P<host>[^@/:]+):(?P<path>[^/][^?#]*)")
"""As ssh takes it: `git@github.com:owner/name.git`."""
_URL = re.compile(r"https?://[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Forge:
    """Where a remote's repository is shown to people; without the credentials that its address may hold."""

    host: str
    path: str
    """`owner/name`, or deeper."""

    @property
    def owner(self) -> str:
        return self.path.partition("/")[0]

    def link(self, *, base: str, branch: str) -> str:
        """The page on which a person opens a pull request, or a merge request."""
        place = f"https://{self.host}/{quote(self.path)}"
        if "gitlab" in self.host:
            asked = {"merge_request[source_branch]": branch, "merge_request[target_branch]": base}
            return f"{place}/-/merge_requests/new?{urlencode(asked)}"
        if "bitbucket" in self.host:
            return f"{place}/pull-requests/new?{urlencode({'source': branch, 'dest': base})}"
        return f"{place}/compare/{quote(base)}...{quote(branch)}?expand=1"


def forge_of(url: str) -> Forge | None:
    """The forge that a remote's address is of; nothing for a path, a host without a dot (an alias of ssh's), a `file:`.

    Example: `https://me:secret@github.com/ada/shop.git` and `git@github.com:ada/shop.git` are `ada/shop` on
    `github.com`.
    """
    found = _ADDRESS.fullmatch(url) or (None if "://" in url else _SHORT.fullmatch(url))
    if found is None or "." not in found["host"].strip("."):
        return None
    path = found["path"].strip("/").removesuffix(".git")
    return Forge(found["host"].lower(), path) if path and path.isprintable() else None


def open_request(request: PullRequest, *, forge: Forge | None, base: str, branch: str, directory: Path) -> PullRequest:
    """Open it by the user's `gh`; where that is not there, not logged in, or fails, the reason is in what comes back.

    Args:
        branch: Its head; `owner:branch` where that is in another repository.
        directory: The repository, for a `gh` that finds out by itself where it belongs.
    """
    where = ("--hostname", forge.host) if forge else ()
    try:
        status, text = _gh("auth", "status", *where, directory=directory)
        if status:
            return request.model_copy(update={"reason": "`gh` is not logged in: gh auth login"})
        with tempfile.NamedTemporaryFile("w", prefix="plait-request-", suffix=".md", encoding="utf-8") as body:
            body.write(request.body)
            body.flush()
            there = ("--repo", f"{forge.host}/{forge.path}") if forge else ()
            words = ("--base", base, "--head", branch, "--title", request.title, "--body-file", body.name)
            status, text = _gh("pr", "create", *there, *words, directory=directory)
    except EnvironmentProblem:
        return request.model_copy(update={"reason": "there is no `gh` here to open it with"})
    found = _URL.findall(plain(text))
    if found and (status == 0 or "already exists" in text):
        return request.model_copy(update={"url": found[-1]})
    return request.model_copy(update={"reason": f"`gh pr create`: {one_line(plain(text), 300)}"})


def _gh(*arguments: str, directory: Path) -> tuple[int, str]:
    environment = {**user_environment(), "GH_PROMPT_DISABLED": "1", "GH_NO_UPDATE_NOTIFIER": "1", "NO_COLOR": "1"}
    return run_quick(("gh", *arguments), directory=directory, environment=environment, timeout=FORGE_SECONDS)
