"""The user's repository, and plait's own control repository beside it, which reads its objects and keeps new ones."""

import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import CallError, EnvironmentProblem
from plait.workspace.bases import branch_commit, find_base
from plait.workspace.deleting import delete_tree
from plait.workspace.errors import DiskFull, GitFailed
from plait.workspace.excludes import excludes_of
from plait.workspace.filters import attributes_beside
from plait.workspace.git import ZERO, GitRepository, ask_about
from plait.workspace.kept_packs import kept_pack
from plait.workspace.places import is_folder, is_there
from plait.workspace.small_files import read_plain_file, write_whole

HEADS = "refs/heads/"
_PINS = "refs/plait/pin/"
_HELD = f"{_PINS}run/"
_FORMATS = ("sha1", "sha256")


@dataclass(frozen=True, slots=True)
class Control:
    """One target repository, seen twice: `target` holds the branches, `store` is how objects are read and written."""

    target: GitRepository
    """The user's repository, for its refs alone: hardened, hooks off."""
    store: GitRepository
    """plait's control repository: its configuration is ours; what is made stays in it until a ref of the target is to
    name it, where the user's garbage collection does not come. What the target has it reads."""
    common_dir: Path
    """The target's git directory, the one that its linked worktrees share."""
    git_dir: Path
    """The git directory of the worktree that the user named: its HEAD is where the user stands."""
    directory: Path
    """Where plait keeps what belongs to this target: `<home>/repositories/<name>-<hash>`."""
    objects: Path
    """The target's object store."""
    object_format: str
    """`sha1` or `sha256`."""

    def base_commit(self, wanted: str | None) -> tuple[str, str]:
        """What a name of a base stands for, as people call it, and its commit; without one, what HEAD names.

        Raises:
            CallError, GitFailed: as `find_base`.
        """
        base = find_base(self.target, self.git_dir, wanted)
        return base.name, base.commit

    def branch(self, name: str) -> str | None:
        """The commit of a branch, or nothing when there is no such branch.

        Raises:
            GitFailed: the branch names an object that is missing or damaged.
        """
        return branch_commit(self.target, HEADS + name)

    @property
    def ignores_case(self) -> bool:
        """Whether names that differ only in case are one file where the user works, as git itself found out."""
        return self.target.run("config", "--type=bool", "--get", "core.ignoreCase").text == "true"

    def branch_clash(self, name: str) -> str | None:
        """The branch that keeps git from holding one of this name: `a` beside `a/b`, in either direction."""
        parts = name.split("/")
        above = {"/".join(parts[:end]) for end in range(1, len(parts))}
        for ref in self.target.refs(HEADS + parts[0]):
            other = ref.removeprefix(HEADS)
            if other in above or other.startswith(name + "/"):
                return other
        return None

    def worktree_of(self, branch: str) -> Path | None:
        """The checkout of the user's that has this branch checked out, the main or a linked one."""
        ref = HEADS + branch
        answer = self.target.ask("for-each-ref", "--format=%(refname) %(worktreepath)", ref)
        for line in answer.lines:
            listed, _, path = line.partition(" ")
            if listed == ref and path:
                return self._checkout_at(Path(path))
        return self._rebased_in(ref)

    def _rebased_in(self, ref: str) -> Path | None:
        """The checkout in which a branch is in the middle of a rebase or a bisection: HEAD does not name it then."""
        for git_dir in (self.common_dir, *(self.common_dir / "worktrees").glob("*")):
            for name in ("rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"):
                with suppress(OSError, ValueError):
                    if read_plain_file(git_dir / name, most=10_000).strip() in (ref, ref.removeprefix(HEADS)):
                        return self._checkout_of(git_dir)
        return None

    def _checkout_of(self, git_dir: Path) -> Path | None:
        """Where the files of a worktree with this git directory are."""
        if git_dir == self.common_dir:
            return self._checkout_at(git_dir.parent if git_dir.name == ".git" else git_dir)
        return self._checkout_at(Path(read_plain_file(git_dir / "gitdir", most=10_000).strip()).parent)

    def require_writable(self) -> None:
        """Refuse a repository that no branch could be made in.

        Raises:
            EnvironmentProblem: its git directory is on a read-only disk, or belongs to somebody else.
        """
        for place in (self.objects, self.common_dir, self.common_dir / "refs"):
            if not os.access(place, os.W_OK | os.X_OK):
                raise EnvironmentProblem(
                    f"the repository cannot be written: {place} is read-only",
                    hint="make it writable for the user that plait runs as, or run in a clone of it",
                )

    @contextmanager
    def bringing(self, *commits: str, old: str | None = None) -> Iterator[None]:
        """Inside, the target has these commits with all that belongs to them: refs of it may be moved to them.

        Args:
            old: Where the ref is that is to be moved by compare-and-swap: as long as it is there, that is there.

        Raises:
            ObjectsGone: a part of them is nowhere any more.
            EnvironmentProblem: they cannot be written (DiskFull: for want of space).
        """
        known = {*([old] if old else ()), *self.target.refs(_PINS).values()} or {*self.target.refs("refs/").values()}
        with kept_pack(self.store, self.objects, commits, known=known):
            yield

    def move_ref(self, ref: str, new: str, old: str, *, reason: str) -> None:
        """Move a ref of the target by compare-and-swap, as `GitRepository.move_ref`, to what plait has made.

        Raises:
            RefMoved: it is elsewhere.
            GitFailed, DiskFull: as `bringing`, and anything that git says.
        """
        with self.bringing(new, old=None if old == ZERO else old):
            self.target.move_ref(ref, new, old, reason=reason)

    def set_ref(self, ref: str, new: str, *, reason: str) -> None:
        """Set a ref of the target that only plait writes, wherever it is now, to what plait has made."""
        with self.bringing(new):
            self.target.set_ref(ref, new, reason=reason)

    def pin(self, name: str, oid: str) -> None:
        """Keep an object in the target from the user's garbage collection until it is unpinned."""
        self.set_ref(_PINS + name, oid, reason="plait: in work")

    def unpin(self, name: str) -> None:
        """Let go of a pinned object; nothing happens when it is not pinned."""
        self.target.delete_ref(_PINS + name)

    @contextmanager
    def holding(self, feature: str, commits: Collection[str]) -> Iterator[None]:
        """Inside, a run of a feature finds these commits, and those of `hold`, whatever the user does to branches.

        What an earlier run of the feature has left pinned when it was killed is let go.
        """
        self.hold(feature, *commits)
        self._release(feature, but=commits)
        try:
            yield
        finally:
            with suppress(GitFailed, DiskFull):  # the next run of the feature makes up for it
                self._release(feature)

    def hold(self, feature: str, *commits: str) -> None:
        """Pin commits in the target until the run of the feature ends; call inside `holding`.

        Raises:
            ObjectsGone: the user has deleted the last branch with one of them, and a collection was there before us.
        """
        held = self.target.refs(f"{_HELD}{feature}/")
        new = {ref: commit for commit in commits if (ref := f"{_HELD}{feature}/{commit}") not in held}
        if new:
            with self.bringing(*new.values()):
                self.target.set_refs(new, reason="plait: in work")

    def _release(self, feature: str, *, but: Collection[str] = ()) -> None:
        held = self.target.refs(f"{_HELD}{feature}/")
        self.target.set_refs({ref: None for ref, commit in held.items() if commit not in but}, reason="plait: done")

    def _checkout_at(self, path: Path) -> Path | None:
        """git names the git directory itself for a bare repository and for a submodule; a deleted worktree is none."""
        if path != self.common_dir:
            return path if is_there(path) else None
        if self.target.run("config", "--type=bool", "--get", "core.bare").text == "true":
            return None
        elsewhere = self.target.run("config", "--get", "core.worktree").text
        return Path(os.path.normpath(self.common_dir / elsewhere))


def open_control(repository: Path, *, home: Path) -> Control:
    """Find the repository that a directory belongs to and open plait's control repository for it, making it when new.

    Args:
        repository: Any directory inside a clone, a linked worktree or a bare repository.
        home: plait's state directory (`PLAIT_HOME`).

    Raises:
        CallError: not a repository, a shallow or partial one, or one without a commit.
        EnvironmentProblem: the repository or `home` cannot be read or written.
    """
    git_dir, common_dir, object_format = _discover(repository)
    objects = Path(os.path.realpath(common_dir / "objects"))
    directory = directory_of(common_dir, home=home)
    control_dir = directory / "control.git"
    try:
        _establish(control_dir, git_dir, common_dir, objects, object_format)
    except OSError as error:
        raise EnvironmentProblem(f"cannot write {control_dir}: {error}", hint="set PLAIT_HOME elsewhere") from error
    control = Control(
        target=GitRepository(common_dir),
        store=GitRepository(control_dir),
        common_dir=common_dir,
        git_dir=git_dir,
        directory=directory,
        objects=objects,
        object_format=object_format,
    )
    _refuse_unusable(control, repository)
    return control


def directory_of(common_dir: Path, *, home: Path) -> Path:
    """Where plait keeps what belongs to the repository with this git directory."""
    return home.absolute() / "repositories" / _key(common_dir)


def _discover(repository: Path) -> tuple[Path, Path, str]:
    """The worktree's git directory, the common one, and the object format."""
    if not is_folder(repository):
        sentence = f"{repository} is no directory" if is_there(repository) else f"there is no directory {repository}"
        raise CallError(sentence, hint="name a directory inside a git clone")
    answer = ask_about(
        repository,
        "rev-parse",
        "--is-shallow-repository",
        "--show-object-format",
        "--path-format=absolute",
        "--git-dir",
        "--git-common-dir",
    )
    if answer.status:
        if "not a git repository" in answer.stderr:
            raise CallError(f"{repository} is not in a git repository", hint="git init, and a first commit")
        raise GitFailed("rev-parse", answer.status, answer.stderr)
    facts = answer.text.split("\n")
    if len(facts) != 4:
        raise CallError(f"{repository}: a repository's path may not have a newline in it")
    shallow, object_format, git_dir, common_dir = facts
    if any("\udc80" <= letter <= "\udcff" for letter in git_dir + common_dir):
        raise CallError(
            f"{repository}: a repository's path has to be UTF-8, as a Prefect server keeps it as text",
            hint="rename its folder, or clone it to another place",
        )
    if shallow == "true":
        raise CallError(
            f"{repository} is a shallow clone: merging needs the whole history", hint="git fetch --unshallow"
        )
    if object_format not in _FORMATS:
        raise CallError(f"{repository} keeps its objects as {object_format}; plait knows {' and '.join(_FORMATS)}")
    return Path(os.path.realpath(git_dir)), Path(os.path.realpath(common_dir)), object_format


def _refuse_unusable(control: Control, repository: Path) -> None:
    promised = control.target.run("config", "--type=bool", "--get-regexp", r"^remote\..*\.promisor$").lines
    extended = control.target.run("config", "--get", "extensions.partialClone").text
    if extended or any(line.endswith(" true") for line in promised):
        raise CallError(
            f"{repository} is a partial clone: objects that merging needs may be missing",
            hint="clone it again without --filter",
        )
    if control.target.ask("for-each-ref", "--count=1", HEADS, "refs/remotes/", "refs/tags/").text:
        return
    if GitRepository(control.git_dir).resolve("HEAD") is None:
        raise CallError(f"{repository} has no commit yet", hint="git commit")


def _key(common_dir: Path) -> str:
    """A name that people recognise, and a hash that tells two clones of one name apart."""
    place = common_dir.parent if common_dir.name == ".git" else common_dir
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", place.name.removesuffix(".git")).strip(".-")[:40] or "repository"
    return f"{readable}-{hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:12]}"


def _establish(control_dir: Path, git_dir: Path, common_dir: Path, objects: Path, object_format: str) -> None:
    """Make the control repository, or write its configuration anew: nobody else's setting may stay in it.

    Built under another name and renamed, so that of two processes at once one wins and the other uses the winner's.
    """
    control_dir.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (control_dir / "HEAD").exists():
        built = Path(tempfile.mkdtemp(prefix=".control-", dir=control_dir.parent))
        for part in ("refs", "objects/info", "objects/pack", "info"):
            (built / part).mkdir(parents=True)
        (built / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        try:
            built.rename(control_dir)
        except OSError:
            delete_tree(built)
            if not (control_dir / "HEAD").exists():
                raise
    _replace(control_dir / "config", configuration_of(object_format, bare=True).encode())
    _replace(control_dir / "objects" / "info" / "alternates", os.fsencode(objects) + b"\n")
    _replace(control_dir / "info" / "exclude", excludes_of(common_dir, git_dir))
    _replace(control_dir / "info" / "attributes", attributes_beside(common_dir))


def configuration_of(object_format: str, *, bare: bool) -> str:
    """The first part of the configuration of any repository that plait makes."""
    extension = "" if object_format == "sha1" else f"[extensions]\n\tobjectFormat = {object_format}\n"
    version = 1 if extension else 0
    core = f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = {str(bare).lower()}\n\tfileMode = true\n"
    return core + extension


def _replace(path: Path, content: bytes) -> None:
    """Write a file anew; one that is right already is left alone."""
    if path.is_file() and path.read_bytes() == content:
        return
    write_whole(path, content)
