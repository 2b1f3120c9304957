"""The one door to git: argument lists, an environment built from nothing, never a `.git` that an agent could write."""

import atexit
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from plait.plans.errors import EnvironmentProblem
from plait.workspace.errors import DiskFull, GitFailed, RefMoved
from plait.workspace.places import is_file, is_folder
from plait.workspace.stale_locks import past_stale_locks

if TYPE_CHECKING:  # imported late: see `_gitpython`
    from git.cmd import Git


ZERO = "0" * 40
"""The object name that means "this ref must not exist" to `update-ref`."""

_OID = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_OF_THE_USER = re.compile(
    r"HOME|USER|LOGNAME|EMAIL|XDG_CONFIG_HOME|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL)"
)
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_MOVED = re.compile(r"but expected|already exists|unable to resolve reference (?!.*: reference broken)")

_IDENTITY = {
    "GIT_AUTHOR_NAME": "plait",
    "GIT_AUTHOR_EMAIL": "plait@localhost",
    "GIT_COMMITTER_NAME": "plait",
    "GIT_COMMITTER_EMAIL": "plait@localhost",
}

# Each was checked against git 2.39.5: what planted configuration could execute, these switch off. Filters, merge
# drivers and upload-pack have no switch, which is why `git_dir` is never one that an agent could write.
_HARDENING = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.sshCommand=false",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.quotePath=false",
    "diff.external=",
    "commit.gpgSign=false",
    "tag.gpgSign=false",
    "push.gpgSign=false",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "safe.bareRepository=explicit",
    "safe.directory=*",
    "gc.auto=0",
    "maintenance.auto=false",
    "merge.conflictStyle=zdiff3",
    "merge.directoryRenames=conflict",
    "merge.renames=true",
    "core.autocrlf=false",
    "advice.detachedHead=false",
)

_ENVIRONMENT = {
    "PATH": os.defpath + ":/usr/local/bin",
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "/bin/false",
    "SSH_ASKPASS": "/bin/false",
    "GIT_EDITOR": "/bin/false",
    "GIT_PAGER": "cat",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "file",
}


def git_date(moment: datetime | None = None) -> str:
    """A moment as git writes it, such as `1700000000 +0000`; now when absent."""
    return f"{int((moment or datetime.now(UTC)).timestamp())} +0000"


@cache
def _empty_directory() -> str:
    """A private empty directory: git's HOME, and where commands without a work tree run.

    merge-tree reads `.gitattributes` of the current directory (measured on 2.39.5), so that has to be empty.
    """
    try:
        directory = tempfile.mkdtemp(prefix="plait-git-")
    except OSError:  # a disk that is full to the last byte: who only looks needs no more than a place without a `.git`
        return "/"
    atexit.register(_remove_empty, directory)
    return directory


def _remove_empty(directory: str) -> None:
    with suppress(OSError):
        Path(directory).rmdir()


@cache
def git_program() -> str:
    """Where git is, looked up once on the caller's PATH; absolute, as it is run from an agent's checkout too."""
    for directory in os.environ.get("PATH", os.defpath).split(os.pathsep):
        candidate = Path(directory).absolute() / "git"
        if directory and is_file(candidate) and os.access(candidate, os.X_OK):
            return str(candidate)
    raise EnvironmentProblem("git is not on the PATH", hint="install git 2.39 or newer")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one git command gave back."""

    status: int
    stdout: bytes
    stderr: str

    @property
    def text(self) -> str:
        """Standard output for people and object names: odd bytes of file names survive as surrogates."""
        return self.stdout.decode("utf-8", "surrogateescape").rstrip("\n")

    @property
    def lines(self) -> list[str]:
        """Standard output line by line; not `splitlines`, for names of branches may hold U+2028."""
        return self.text.split("\n") if self.text else []

    @property
    def records(self) -> list[str]:
        """Standard output of a `-z` command, split at NUL."""
        return [part.decode("utf-8", "surrogateescape") for part in self.stdout.split(b"\0")][:-1]


@dataclass(frozen=True, slots=True)
class GitRepository:
    """A git directory that plait trusts, with the work tree and index of the moment given call by call."""

    git_dir: Path
    objects: Path | None = None
    """Where new objects go, when not below `git_dir`: a place that is thrown away, say."""
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Added to every call: dates that make commits repeatable, in tests and in chains."""

    def run(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        work_tree: Path | None = None,
        index: Path | None = None,
        environment: Mapping[str, str] | None = None,
        configuration: tuple[str, ...] = (),
    ) -> Answer:
        """Run one git command and give back its exit status, output and messages; only a full disk raises.

        Args:
            arguments: The sub-command and its operands; refs in full, never starting with a dash.
            stdin: What the command reads; nothing when absent.
            work_tree: The directory that the command reads or writes files of.
            index: The index file to use in place of the git directory's.
            environment: Further variables, such as `GIT_AUTHOR_DATE`.
            configuration: Further `name=value` settings.

        Raises:
            DiskFull: git could not write.
        """
        variables = {**_ENVIRONMENT, **_IDENTITY, "HOME": _empty_directory(), "GIT_DIR": str(self.git_dir)}
        variables |= {**self.environment, **(environment or {})}
        places = {"GIT_OBJECT_DIRECTORY": self.objects, "GIT_WORK_TREE": work_tree, "GIT_INDEX_FILE": index}
        variables |= {name: str(place) for name, place in places.items() if place is not None}
        command = _command(variables, configuration)
        answer = _execute([*command, *arguments], cwd=str(work_tree or _empty_directory()), stdin=stdin)
        if answer.status and _FULL.search(answer.stderr):
            raise DiskFull(f"git {arguments[0]}: no space left on device", hint="free some space and run again")
        return answer

    def ask(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        work_tree: Path | None = None,
        index: Path | None = None,
        environment: Mapping[str, str] | None = None,
        configuration: tuple[str, ...] = (),
    ) -> Answer:
        """Like `run`, but a status other than 0 raises.

        Raises:
            GitFailed: git ended with another status than 0.
            DiskFull: git could not write.
        """
        answer = self.run(
            *arguments,
            stdin=stdin,
            work_tree=work_tree,
            index=index,
            environment=environment,
            configuration=configuration,
        )
        if answer.status:
            raise GitFailed(" ".join(arguments[:3]), answer.status, answer.stderr)
        return answer

    def resolve(self, revision: str, kind: str = "commit") -> str | None:
        """The object name of a full ref or object name, or nothing when there is no such `kind`."""
        answer = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{{kind}}}")
        return answer.text if answer.status == 0 and _OID.match(answer.text) else None

    def changed_paths(self, old: str, new: str) -> tuple[str, ...]:
        """The paths in which two commits or trees differ; a file that was moved has both of its paths.

        Raises:
            GitFailed: one of them is not there.
        """
        if old == new:
            return ()
        return tuple(self.ask("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new).records)

    def tree_of(self, commit: str) -> str:
        """The tree of a commit.

        Raises:
            GitFailed: there is no such commit.
        """
        return self.ask("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}").text

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`.

        Raises:
            GitFailed: one of them is missing (status 128), which is not an answer.
        """
        answer = self.run("merge-base", "--is-ancestor", older, newer)
        if answer.status not in (0, 1):
            raise GitFailed("merge-base --is-ancestor", answer.status, answer.stderr)
        return answer.status == 0

    def outside(self, commits: Collection[str], *tips: str) -> frozenset[str]:
        """Those of some commits that none of the tips contains, for many in one question.

        Raises:
            GitFailed: a commit is missing.
        """
        if not commits or not tips:
            return frozenset(commits)
        revisions = "".join(f"{revision}\n" for revision in (*commits, *(f"^{tip}" for tip in tips)))
        listed = self.ask("rev-list", "--stdin", stdin=revisions.encode()).text.split()
        return frozenset(commits).intersection(listed)

    def are_related(self, one: str, other: str) -> bool:
        """Whether two commits have an ancestor in common.

        Raises:
            GitFailed: one of them is missing.
        """
        answer = self.run("merge-base", one, other)
        if answer.status not in (0, 1):
            raise GitFailed("merge-base", answer.status, answer.stderr)
        return answer.status == 0

    def commit_tree(
        self, tree: str, parents: tuple[str, ...], message: str, *, date: str, author: str = "plait"
    ) -> str:
        """Write a commit and give its name; equal arguments give the equal commit, so a crashed run repeats itself.

        Args:
            date: As git writes it, such as `1700000000 +0000`.
            author: A name without control characters; the committer is always plait.
        """
        arguments = [argument for parent in parents for argument in ("-p", parent)]
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date, "GIT_AUTHOR_NAME": author}
        body = message.encode("utf-8", "replace")
        return self.ask("commit-tree", tree, *arguments, "-F", "-", stdin=body, environment=dates).text

    def move_ref(self, ref: str, new: str, old: str, *, reason: str) -> None:
        """Move a ref by compare-and-swap: `old` is where it must be, `ZERO` when it must not exist.

        Raises:
            RefMoved: it is elsewhere.
            GitFailed: anything else, such as a lock file that a killed git left behind.
        """
        # An empty old value means "must not exist" in every object format; forty zeros name nothing in a SHA-256 one.
        answer = self.run("update-ref", "--no-deref", "-m", reason, ref, new, "" if old == ZERO else old)
        if answer.status and _MOVED.search(answer.stderr):
            raise RefMoved(ref, old)
        if answer.status:
            raise GitFailed("update-ref", answer.status, answer.stderr)

    def set_ref(self, ref: str, new: str, *, reason: str) -> None:
        """Set a ref that only plait writes, wherever it is now, and past the lock that a killed git left on it."""
        self.past_stale_lock(ref, lambda: self.ask("update-ref", "--no-deref", "-m", reason, ref, new))

    def set_refs(self, refs: Mapping[str, str | None], *, reason: str) -> None:
        """Set refs that only plait writes, wherever they are now, in one process; those with nothing are deleted."""
        lines = [f"update {ref} {new}\n" if new else f"delete {ref}\n" for ref, new in refs.items()]
        if not lines:
            return
        own = {os.path.realpath(self.git_dir / f"{ref}.lock") for ref in refs}
        past_stale_locks(
            lambda: self.ask("update-ref", "--no-deref", "-m", reason, "--stdin", stdin="".join(lines).encode()),
            ours=lambda lock: os.path.realpath(lock) in own,
        )

    def delete_ref(self, ref: str) -> None:
        """Delete a ref that only plait writes, as `set_ref`; nothing happens when it does not exist."""
        self.past_stale_lock(ref, lambda: self.ask("update-ref", "--no-deref", "-d", ref))

    def past_stale_lock(self, ref: str, action: Callable[[], object]) -> None:
        """Change a ref that only plait writes, and again when a killed git had left its lock: this ref's and no other.

        Raises:
            GitFailed, RefMoved: as the action.
        """
        own = os.path.realpath(self.git_dir / f"{ref}.lock")
        past_stale_locks(action, ours=lambda lock: os.path.realpath(lock) == own)

    def present(self, oids: Iterable[str]) -> list[str]:
        """Those of these objects that are there."""
        asked = "".join(f"{oid}\n" for oid in oids).encode()
        lines = self.ask("cat-file", "--batch-check=%(objectname)", stdin=asked).lines if asked else []
        return [line for line in lines if not line.endswith(" missing")]

    def refs(self, prefix: str) -> dict[str, str]:
        """Full ref names below `prefix` (such as `refs/heads/feature/x/`) with the commits they name."""
        answer = self.ask("for-each-ref", "--format=%(objectname) %(refname)", prefix)
        lines = (line.split(" ", 1) for line in answer.lines)
        return {name: oid for oid, name in lines}


def ask_about(directory: Path, *arguments: str) -> Answer:
    """Run a command that only reads, in a directory of the user's, and let git find the repository that it is in.

    The one place where git looks for a repository by itself, a bare one included: for `rev-parse` at the very start,
    in the directory that the user named, never in one that an agent could write.
    """
    variables = {**_ENVIRONMENT, "HOME": _empty_directory()}
    command = _command(variables, ("safe.bareRepository=all",))
    return _execute([*command, *arguments], cwd=str(directory), stdin=None)


def ask_as_user(git_dir: Path, *arguments: str) -> Answer:
    """Ask git as the user's own shell would, with their configuration and names: for `config` and `var` alone.

    Nothing that a configuration names is run by these. `git_dir` is that of the repository that the user named.
    """
    theirs = {name: value for name, value in os.environ.items() if _OF_THE_USER.fullmatch(name)}
    variables = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **theirs, "GIT_DIR": str(git_dir)}
    command = ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), git_program()]
    return _execute([*command, *arguments], cwd=_empty_directory(), stdin=None)


def repository_around(directory: Path) -> str | None:
    """The real path of the git directory that a directory belongs to, which linked worktrees share; none outside.

    Raises:
        EnvironmentProblem: git is missing.
    """
    if not is_folder(directory):
        return None
    answer = ask_about(directory, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return None if answer.status else os.path.realpath(answer.text)


def version() -> tuple[int, int, int]:
    """git's version.

    Raises:
        EnvironmentProblem: git is missing.
    """
    answer = _execute(["env", "-i", f"PATH={_ENVIRONMENT['PATH']}", git_program(), "--version"], cwd="/", stdin=None)
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", answer.text)
    if not match:
        raise EnvironmentProblem(f"cannot tell git's version from {answer.text!r}")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def require_git(minimum: tuple[int, int] = (2, 39)) -> None:
    """Refuse a git that lacks what plait rests on (`merge-tree --write-tree -z`).

    Raises:
        EnvironmentProblem: git is missing or too old.
    """
    present = version()
    if present[:2] < minimum:
        raise EnvironmentProblem(
            f"git {'.'.join(map(str, present))} is too old",
            hint=f"plait needs git {minimum[0]}.{minimum[1]} or newer",
        )


def _command(variables: Mapping[str, str], configuration: tuple[str, ...]) -> list[str]:
    """git with its environment and settings, as an argument list.

    GitPython starts from a copy of our environment, with secrets and perhaps a GIT_DIR; only `env -i` keeps those out.
    """
    settings = [part for setting in (*_HARDENING, *configuration) for part in ("-c", setting)]
    return ["env", "-i", *(f"{name}={value}" for name, value in variables.items()), git_program(), *settings]


def _execute(command: list[str], *, cwd: str, stdin: bytes | None) -> Answer:
    """One process through GitPython's `execute`, the only part of it that plait uses.

    Its convenience layer had nine advisories in 2026 and is not safe across threads; `execute` alone is (240 calls in
    8 threads).
    """
    if not os.access(cwd, os.X_OK):  # GitPython would silently run in our own directory instead
        raise GitFailed(command[-1], 128, f"cannot enter {cwd}")
    with tempfile.TemporaryFile() if stdin else nullcontext() as source:
        if source is not None:
            source.write(stdin or b"")
            source.seek(0)
        # As a Path: in a text GitPython takes `~` and `$HOME` for more than names of folders.
        status, stdout, stderr = _gitpython()(Path(cwd)).execute(
            command,
            istream=source,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            start_new_session=True,  # Ctrl-C in a terminal must not end a git that is about to land something
        )
    return _answer(status, stdout, stderr)


@cache
def _gitpython() -> type["Git"]:
    """GitPython looks for git when it is imported, and fails there when there is none: import it late and quietly."""
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")
    try:
        from git.cmd import Git  # noqa: PLC0415  (importing it looks for git and reads the environment)
    except ImportError as error:  # it runs `git version`, and that failed: a broken ~/.gitconfig, no memory
        whole = " ".join(str(error).split())
        words = re.search(r"stderr: '(.+)'", whole)
        hint = "`git version` in your shell says the same: mend what it names"
        raise EnvironmentProblem(f"git does not run: {words.group(1) if words else whole}", hint) from error
    return Git


def _answer(status: int, stdout: object, stderr: object) -> Answer:
    output = stdout if isinstance(stdout, bytes) else str(stdout).encode()
    message = stderr.decode("utf-8", "replace") if isinstance(stderr, bytes) else str(stderr)
    return Answer(status=int(status), stdout=output, stderr=message)
