"""Submodules in checkouts, filled from the trusted side: what the user's clone has of them, else their own address.

A checkout gets the files and a private git of the submodule, as the checkout itself has one; no `.git` that an agent
could write is read for it. Each submodule has a repository of plait's beside the control repository, whose objects are
borrowed from the user's `.git/modules/<name>` where that is there.
"""

import fcntl
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import EnvironmentProblem
from plait.plans.wording import key_line
from plait.workspace.checkouts import naming_full_disk
from plait.workspace.clone_git import private_configuration
from plait.workspace.control import Control, configuration_of
from plait.workspace.errors import SubmoduleMissing
from plait.workspace.git import GitRepository, ask_as_user, git_program
from plait.workspace.nested import Module, modules_of
from plait.workspace.output import plain
from plait.workspace.places import is_file, is_folder
from plait.workspace.process import run_quick
from plait.workspace.small_files import write_whole
from plait.workspace.trees import entries_of

_GITLINK = "160000"
_DEEPEST = 8
"""Submodules within submodules."""
_FETCH_SECONDS = 1800.0
_OURS = re.compile(r"GIT_(?!SSH|ASKPASS|CONFIG_|ALLOW_PROTOCOL|PROXY|SSL|HTTP|TRACE)")
"""Variables of git that mean a repository, and not how the user reaches others."""


@dataclass(frozen=True, slots=True)
class _Level:
    """A repository with submodules: the target, or one of them."""

    store: GitRepository
    """What plait reads its objects with."""
    user_gits: tuple[Path, ...]
    """The git directories that the user's clone may have of it; their configuration counts."""
    place: Path
    """Where plait's repositories of its submodules are."""
    above: str = ""
    """The path to it, ending with a slash."""
    named_by: "tuple[_Level, Module] | None" = None
    """Nothing for the target itself."""
    depth: int = 0


def fill_submodules(control: Control, directory: Path, tree: str) -> tuple[str, ...]:
    """Put the files of a tree's submodules, nested ones too, into a checkout that was handed out with them empty.

    Returns:
        Their paths.

    Raises:
        SubmoduleMissing: a commit of one is nowhere on this machine (`fetch_submodules` gets it), or its name leads
            elsewhere.
        EnvironmentProblem: plait's repository of one cannot be written.
        DiskFull: no space for the files.
    """
    filled = []
    for level, module, commit in _walk(control, tree):
        store = _repository(control, level, module)
        if store.resolve(commit) is None:
            raise _missing(level, module, commit)
        _fill(control, store, directory / level.above / module.path, commit, _users(level, module))
        _activate(directory / level.above, module)
        filled.append(f"{level.above}{module.path}")
    return tuple(filled)


def fetch_submodules(control: Control, commit: str) -> None:
    """Get what is missing of the submodules that a commit of the user's names, from where their own git would get it.

    Raises:
        SubmoduleMissing: it cannot be got.
        EnvironmentProblem: as `fill_submodules`.
    """
    for level, module, wanted in _walk(control, commit):
        store = _repository(control, level, module)
        with _alone(store):
            if store.resolve(wanted) is None:
                _fetch(control, store, level, module, wanted)


@dataclass(frozen=True, slots=True)
class SubmoduleGit:
    """Where the git of a submodule may be in a checkout, whoever filled it."""

    path: str
    """The submodule's, from the root."""
    places: tuple[Path, ...]
    """In the submodule itself, where plait filled it; in the `.git` of the checkout, where `git submodule` did."""
    borrowed: Path
    """plait's objects of it, and the user's."""


def submodule_gits(control: Control, directory: Path, tree: str) -> Iterator[SubmoduleGit]:
    """The git of each submodule of a checkout, by the tree that was handed out there.

    Raises:
        SubmoduleMissing, EnvironmentProblem: as `fill_submodules`, for want of plait's own repository of one.
    """
    for level, module, _ in _walk(control, tree):
        names, above = [module.name], level
        while above.named_by is not None:
            above, named = above.named_by
            names.insert(0, named.name)
        path = f"{level.above}{module.path}"
        absorbed = directory.joinpath(".git", *(part for name in names for part in ("modules", name)))
        store = _repository(control, level, module)
        yield SubmoduleGit(path, (directory / path / ".git", absorbed), store.git_dir / "objects")


def _walk(control: Control, tree: str) -> Iterator[tuple[_Level, Module, str]]:
    """Each submodule with where it is named and its commit; an outer one before those in it.

    Whoever goes on has made sure that the commit is there.
    """
    # A linked worktree has submodules of its own.
    places = tuple(dict.fromkeys((control.common_dir, control.git_dir)))
    waiting = [(_Level(control.store, places, control.directory / "submodules"), tree)]
    while waiting:
        level, of = waiting.pop(0)
        modules = modules_of(level.store, of)
        for path, (mode, commit) in entries_of(level.store, of).items() if modules else ():
            if mode != _GITLINK or path not in modules:
                continue
            yield level, modules[path], commit
            if level.depth < _DEEPEST:
                waiting.append((_below(control, level, modules[path]), commit))


def _below(control: Control, level: _Level, module: Module) -> _Level:
    store, above = _repository(control, level, module), f"{level.above}{module.path}/"
    place = store.git_dir.with_suffix("")
    return _Level(store, _users(level, module), place, above, (level, module), level.depth + 1)


def _users(level: _Level, module: Module) -> tuple[Path, ...]:
    """Where the user's clone has the repository of a submodule."""
    places = (git / "modules" / module.name for git in level.user_gits)
    return tuple(place for place in places if is_folder(place / "objects"))


def _repository(control: Control, level: _Level, module: Module) -> GitRepository:
    """plait's repository of a submodule: new objects are its own, those of the user's clone it reads.

    Raises:
        SubmoduleMissing: its name leads elsewhere.
        EnvironmentProblem: it cannot be written.
    """
    if any(part in ("", ".", "..") for part in module.name.split("/")) or not module.name.isprintable():
        raise SubmoduleMissing(f"the submodule {plain(module.path)} has a name that git does not take")
    git_dir = level.place / f"{hashlib.sha256(os.fsencode(module.name)).hexdigest()[:16]}.git"
    borrowed = b"".join(os.fsencode(place / "objects") + b"\n" for place in _users(level, module))
    try:
        with naming_full_disk():
            for part in ("refs/heads", "objects/info", "objects/pack", "info"):
                (git_dir / part).mkdir(parents=True, exist_ok=True)
            contents = {
                "HEAD": b"ref: refs/heads/none\n",
                "config": configuration_of(control.object_format, bare=True).encode(),
                "objects/info/alternates": borrowed,
            }
            for name, content in contents.items():
                if not (git_dir / name).is_file() or (git_dir / name).read_bytes() != content:
                    write_whole(git_dir / name, content)
    except OSError as problem:
        raise EnvironmentProblem(f"cannot write {git_dir}: {problem.strerror or problem}") from problem
    return GitRepository(git_dir)


def _fill(control: Control, store: GitRepository, directory: Path, commit: str, users: tuple[Path, ...]) -> None:
    """The files of a submodule with a git of their own, detached at its commit."""
    shallow = next((place / "shallow" for place in users if is_file(place / "shallow")), None)
    with naming_full_disk():
        git = directory / ".git"
        for part in ("objects/info", "objects/pack", "refs/heads", "info"):
            (git / part).mkdir(parents=True)
        (git / "HEAD").write_text(f"{commit}\n", encoding="ascii")
        (git / "config").write_text(private_configuration(control.object_format), encoding="utf-8")
        borrowed = (store.git_dir / "objects", *(place / "objects" for place in users))
        (git / "objects/info/alternates").write_bytes(b"".join(os.fsencode(place) + b"\n" for place in borrowed))
        if shallow is not None:  # its history ends there
            shutil.copyfile(shallow, git / "shallow")
        store.ask("read-tree", "--reset", "-u", commit, work_tree=directory, index=git / "index")


def _activate(directory: Path, module: Module) -> None:
    """Let the git above know that it is filled, as after `git submodule init`; its address stays where it is named."""
    name = module.name.replace("\\", "\\\\").replace('"', '\\"')
    with (
        naming_full_disk(),
        (directory / ".git/config").open("a", encoding="utf-8", errors="surrogateescape") as config,
    ):
        config.write(f'[submodule "{name}"]\n\tactive = true\n')


@contextmanager
def _alone(store: GitRepository) -> Iterator[None]:
    """One fetch of a submodule at a time, in all processes."""
    descriptor = os.open(store.git_dir / "fetch.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _fetch(control: Control, store: GitRepository, level: _Level, module: Module, commit: str) -> None:
    """Fetch one commit as the user's own git would, with its keys and proxies and its rules for protocols."""
    url = _url(control, level, module)
    if not url or url.startswith("-"):
        raise _missing(level, module, commit, url or "anywhere", "it has no address")
    # `protocol.file.allow` and its kin mean for us what they mean for `git submodule`.
    own = {"GIT_DIR": str(store.git_dir), "GIT_TERMINAL_PROMPT": "0", "GIT_PROTOCOL_FROM_USER": "0"}
    theirs = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    said = ""
    for what in (commit, "+refs/*:refs/fetched/*"):  # some servers give nothing but what they have a name for
        settings = ("-c", "core.hooksPath=/dev/null", "-c", "maintenance.auto=false", "-c", "gc.auto=0")
        command = (git_program(), *settings, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head")
        argv = (*command, "--no-recurse-submodules", "--", url, what)
        _, said = run_quick(argv, directory=store.git_dir, environment={**theirs, **own}, timeout=_FETCH_SECONDS)
        if store.resolve(commit) is not None:
            return
    raise _missing(level, module, commit, url, key_line(plain(said)))


def _missing(level: _Level, module: Module, commit: str, url: str = "", why: str = "") -> SubmoduleMissing:
    where = plain(f"{level.above}{module.path}")
    fetching = f", and could not be fetched from {plain(url)} ({why or 'nobody says why'})" if url else ""
    return SubmoduleMissing(
        f"the submodule {where} cannot be filled: its commit {commit[:12]} is not in the clone{fetching}",
        hint="git submodule update --init --recursive, in the clone; or take `submodules: true` out of the crew",
    )


def _url(control: Control, level: _Level, module: Module) -> str:
    """Where the user's git would get a submodule from: its configuration first, as after `git submodule init`."""
    configured = _setting(level.user_gits, f"submodule.{module.name}.url")
    return configured or _resolved(module.url, _address(control, level))


def _address(control: Control, level: _Level) -> str:
    """What relative addresses start from, as for `git submodule`: the remote, else the clone itself."""
    if remote := _setting(level.user_gits, "remote.origin.url"):
        return remote
    if level.named_by is not None:
        return _url(control, *level.named_by)
    return str(control.common_dir.parent if control.common_dir.name == ".git" else control.common_dir)


def _setting(git_dirs: tuple[Path, ...], name: str) -> str:
    answers = (ask_as_user(git_dir, "config", "--get", name) for git_dir in git_dirs)
    return next((answer.text for answer in answers if answer.status == 0), "")


def _resolved(url: str, above: str) -> str:
    """An address that begins with `./` or `../`, from that of the repository which names it.

    Example: `../library` in `git@host:team/shop.git` is `git@host:team/library`.
    """
    if not url.startswith(("./", "../")):
        return url
    start = above.rstrip("/")
    while url.startswith(("./", "../")):
        if url.startswith("../"):
            head, slash, _ = start.rpartition("/")
            start = head if slash else "".join(start.rpartition(":")[:2])
        url = url.partition("/")[2]
    return f"{start}{'/' if start and not start.endswith(':') else ''}{url}"
