"""The user's own git, for the network alone: fetches a branch, pushes branches by lease; nobody is asked anything.

It runs with the user's configuration, credentials and ssh, as their shell would: plait has none. What it pushes is
named by object, from the repository that the user named; no checkout is read, and no configuration that an agent could
write.
"""

import hashlib
import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from plait.plans.errors import EnvironmentProblem, ExitCode, PlaitError
from plait.plans.wording import one_line
from plait.workspace.control import HEADS, Control
from plait.workspace.environment import user_environment
from plait.workspace.errors import RefMoved
from plait.workspace.filters import lfs_storage
from plait.workspace.git import ask_as_user
from plait.workspace.output import plain
from plait.workspace.places import is_folder
from plait.workspace.process import TIMED_OUT, run_quick
from plait.workspace.small_files import read_plain_file

NETWORK_SECONDS = 300.0
"""How long one call of a remote may take: a hook of the user's that runs tests, a slow line, a prompt unanswered."""

T = TypeVar("T")

_SEEN = "refs/plait/remote/"
_AT_ONCE = 100
"""Branches of one call: of what it prints 64 KiB are read."""
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_STATUS = re.compile(r"^([ +*!=-])\t(\S*):(\S+)\t(.*)$", re.MULTILINE)
_MOVED = re.compile(
    r"stale info|fetch first|non-fast-forward|remote ref updated since checkout|reference already exists"
)
_OF_A_REPOSITORY = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX|"
    r"GRAFT_FILE|SHALLOW_FILE|TRACE.*|EDITOR|PAGER|REDIRECT_.*)"
)


class RemoteGone(EnvironmentProblem):
    """A remote that does not answer, or does not let the user in."""


class PushRefused(PlaitError):
    """A remote that does not take what is pushed: a protected branch, a hook."""

    exit_code = ExitCode.HELD_BACK

    def __init__(self, remote: str, ref: str, words: str) -> None:
        super().__init__(remote, ref, words)
        self.remote, self.ref, self.words = remote, ref, words

    def __str__(self) -> str:
        return f"{self.remote} does not take {self.ref.removeprefix(HEADS)}: {self.words}"


@dataclass(frozen=True, slots=True)
class Update:
    """One branch of a remote, where it is to be, and where it must be until then."""

    ref: str
    """In full, as the remote calls it."""
    new: str
    old: str | None
    """Nothing: it must not exist."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """What came of one update."""

    update: Update
    state: Literal["done", "moved", "refused"]
    words: str = ""
    """What the remote said of it."""

    def require(self, remote: str) -> None:
        """Raises:
        RefMoved: it was elsewhere.
        PushRefused: the remote did not take it.
        """
        if self.state == "moved":
            raise RefMoved(self.update.ref, self.update.old or "nothing")
        if self.state == "refused":
            raise PushRefused(remote, self.update.ref, self.words)


def remotes_of(control: Control) -> tuple[str, ...]:
    """The names of the repository's remotes, as the user's git has them."""
    answer = ask_as_user(control.common_dir, "config", "-z", "--get-regexp", r"^remote\..*\.url$")
    names = (record.partition("\n")[0].removeprefix("remote.").removesuffix(".url") for record in answer.records)
    return tuple(dict.fromkeys(name for name in names if name and not name.startswith("-")))


def url_of(control: Control, remote: str) -> str:
    """Where a remote is, as the user's git rewrites it (`insteadOf`); empty where nobody knows."""
    status, text = _run(control, "remote", "get-url", "--push", "--", remote)
    return "" if status else text.strip().split("\n")[0]


def fetched_tip(control: Control, remote: str, branch: str) -> str | None:
    """Where a branch of a remote is, with all that belongs to it fetched; nothing where there is none.

    Raises:
        RemoteGone: it does not answer.
    """
    place = seen_ref(remote, branch)
    options = ("--quiet", "--no-tags", "--no-prune", "--no-recurse-submodules", "--no-write-fetch-head")
    status, text = _run(control, "fetch", *options, "--", remote, f"+{HEADS}{branch}:{place}", hooks=False)
    if status and "couldn't find remote ref" in text:
        return None
    if status:
        raise _gone(remote, status, text)
    return control.target.resolve(place)


def seen_ref(remote: str, branch: str) -> str:
    """Where the target keeps what was fetched of a branch; a hash, so that `a` and `a/b` can both have been there."""
    return _SEEN + hashlib.sha256(f"{remote}\0{branch}".encode("utf-8", "surrogateescape")).hexdigest()[:20]


def tips_of(control: Control, remote: str, refs: Sequence[str]) -> dict[str, str]:
    """Where refs of a remote are, of those that it has.

    Raises:
        RemoteGone: it does not answer.
    """
    tips: dict[str, str] = {}
    for some in batched(refs, _AT_ONCE):
        status, text = _run(control, "ls-remote", "--quiet", "--", remote, *some, hooks=False)
        if status:
            raise _gone(remote, status, text)
        pairs = (line.split("\t", 1) for line in text.splitlines() if "\t" in line)
        tips |= {ref: oid for oid, ref in pairs if ref in some}
    return tips


def push(control: Control, remote: str, updates: Sequence[Update]) -> Mapping[str, Pushed]:
    """Move branches of a remote, each only from where it is said to be; what came of each, by ref.

    Call with the objects in the target (`Control.bringing`).

    Raises:
        RemoteGone: it does not answer, or takes too long.
    """
    pushed: dict[str, Pushed] = {}
    for some in batched(updates, _AT_ONCE):
        refusal = _lfs_refusal(control, remote, some)
        refused = {update.ref: Pushed(update, "refused", refusal) for update in some} if refusal else None
        pushed |= refused or _push(control, remote, some)
    return pushed


def _lfs_refusal(control: Control, remote: str, updates: Sequence[Update]) -> str:
    """Push what Git LFS keeps of the commits first, as its hook does, and say why that could not be; else nothing.

    Commits whose files nobody can have are of no use at the remote, and some remotes refuse them.
    """
    storage = Path(lfs_storage(control.common_dir))
    if has_lfs_hook(control) or not has_lfs_program() or not is_folder(storage / "objects"):
        return ""
    status, text = _run(control, "lfs", "push", remote, *(update.new for update in updates), hooks=False)
    if not status:
        return ""
    words = "it took too long" if status == TIMED_OUT else one_line(plain(text), 300)
    return f"Git LFS could not push the files: {words}"


def _push(control: Control, remote: str, updates: Sequence[Update]) -> Mapping[str, Pushed]:
    leases = [f"--force-with-lease={update.ref}:{update.old or ''}" for update in updates]
    refspecs = [f"{update.new}:{update.ref}" for update in updates]
    options = ("--porcelain", "--no-follow-tags", "--recurse-submodules=no", "--no-progress")
    status, text = _run(control, "push", *options, *leases, "--", remote, *refspecs)
    found = {ref: (flag, words) for flag, _, ref, words in _STATUS.findall(text)}
    if any(update.ref not in found for update in updates):
        hook = _refusing_hook(control, text)
        if hook:
            return {update.ref: Pushed(update, "refused", hook) for update in updates}
        raise _gone(remote, status, text)
    return {update.ref: _pushed(update, *found[update.ref], text) for update in updates}


def has_lfs_program() -> bool:
    """Whether the user has git-lfs, so that `git lfs` works."""
    return shutil.which("git-lfs", path=user_environment().get("PATH")) is not None


def has_lfs_hook(control: Control) -> bool:
    """Whether a pre-push hook of git-lfs runs with our pushes, and takes along what commits have pointers of."""
    place, inside = _hooks(control)
    hook = Path(place) / "pre-push"
    if inside or not os.access(hook, os.X_OK):
        return False
    with suppress(OSError, ValueError):
        return "git lfs" in read_plain_file(hook, most=100_000, errors="replace")
    return False


def skipped_hook(control: Control) -> str | None:
    """Where the user's git would look for a pre-push hook in a checkout: that is not run, as branches can change it."""
    place, inside = _hooks(control)
    return place if inside else None


def _pushed(update: Update, flag: str, words: str, text: str) -> Pushed:
    if flag != "!":
        return Pushed(update, "done", words)
    if _MOVED.search(words):
        return Pushed(update, "moved", words)
    told = [line.removeprefix("remote:").strip() for line in text.splitlines() if line.startswith("remote:")]
    reason = re.sub(r"^\[[a-z ]*rejected\] ?", "", words).strip("()")
    more = one_line(plain("; ".join(filter(None, told))), 300)
    return Pushed(update, "refused", f"{one_line(plain(reason))}{f' ({more})' if more else ''}")


def _refusing_hook(control: Control, text: str) -> str | None:
    """What a pre-push hook of the user's said; nothing where there is none, or the trouble is another one."""
    place, inside = _hooks(control)
    if inside or not os.access(Path(place) / "pre-push", os.X_OK) or "failed to push some refs" not in text:
        return None
    words = "; ".join(
        line for line in text.splitlines() if line and not line.startswith(("error: failed to push", "To "))
    )
    return f"your pre-push hook refused it{f': {one_line(plain(words))}' if words else ''}"


def _hooks(control: Control) -> tuple[str, bool]:
    """The directory of the user's hooks, and whether it is of a checkout."""
    chosen = ask_as_user(control.common_dir, "config", "--type=path", "--get", "core.hooksPath").text
    if not chosen:
        return str(control.common_dir / "hooks"), False
    if not Path(chosen).is_absolute():
        return chosen, True
    place, checkout = Path(os.path.realpath(chosen)), _checkout(control)
    inside = place.is_relative_to(checkout) and not place.is_relative_to(control.common_dir)
    return chosen, inside and checkout != control.common_dir


def _checkout(control: Control) -> Path:
    """Where git runs: beside a `.git`, or in a bare repository."""
    return control.common_dir.parent if control.common_dir.name == ".git" else control.common_dir


def _run(control: Control, *arguments: str, hooks: bool = True) -> tuple[int, str]:
    """git as the user has it, its prompts off; status and all that it printed."""
    settings = ["gc.auto=0", "maintenance.auto=false", "fetch.writeCommitGraph=false", "color.ui=false"]
    if not hooks or _hooks(control)[1]:
        settings.append("core.hooksPath=/dev/null")
    settings += [f"remote.{name}.mirror=false" for name in arguments[-2:] if name in remotes_of(control)]
    options = [part for setting in settings for part in ("-c", setting)]
    environment = {name: value for name, value in user_environment().items() if not _OF_A_REPOSITORY.fullmatch(name)}
    environment |= {
        "GIT_DIR": str(control.common_dir),
        "GIT_TERMINAL_PROMPT": "0",
        "GCM_INTERACTIVE": "never",
        "LC_ALL": "C.UTF-8",
        "LANGUAGE": "",
        **_ssh(control, environment),
    }
    command = ["git", *options, *arguments]
    status, text = run_quick(command, directory=_checkout(control), environment=environment, timeout=NETWORK_SECONDS)
    return status, _CREDENTIALS.sub("", text)


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """`size` of them at once."""
    return (items[at : at + size] for at in range(0, len(items), size))


def _ssh(control: Control, environment: Mapping[str, str]) -> dict[str, str]:
    """ssh as the user has it, without questions; another program of theirs is left as it is."""
    configured = ask_as_user(control.common_dir, "config", "--get", "core.sshCommand").text
    command = environment.get("GIT_SSH_COMMAND") or configured or ("" if "GIT_SSH" in environment else "ssh")
    try:
        program = Path(shlex.split(command)[0]).name if command else ""
    except (ValueError, IndexError):
        program = ""
    return {"GIT_SSH_COMMAND": f"{command} -oBatchMode=yes"} if program == "ssh" else {}


def _gone(remote: str, status: int, text: str) -> RemoteGone:
    if status == TIMED_OUT:
        return RemoteGone(f"{remote} took longer than {NETWORK_SECONDS:.0f} s, and was given up")
    lines = [re.sub(r"^(fatal|error|ssh): ", "", line) for line in plain(text).splitlines() if line.strip()]
    words = one_line("; ".join(lines[:4]), 400) or f"git ended with {status}"
    return RemoteGone(f"{remote} cannot be reached: {words}", hint=f"git ls-remote {shlex.quote(remote)}")
