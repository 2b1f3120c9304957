"""Finds what a feature is to start from by the name that people give: a branch, a fetched one, a tag, a commit."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plait.plans.errors import CallError
from plait.plans.names import base_problem, is_made_by_plait, stem_of
from plait.plans.wording import count, listed, near_match, quoted
from plait.workspace.errors import GitFailed
from plait.workspace.git import GitRepository, ask_about

_HEADS, _REMOTES, _TAGS = "refs/heads/", "refs/remotes/", "refs/tags/"
_HEX = re.compile(r"[0-9a-fA-F]{4,64}")
_OBJECT = re.compile(r"[0-9a-fA-F]{40}([0-9a-fA-F]{24})?")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Base:
    """What the name of a base stands for in a repository."""

    name: str
    """As people call it: `main`, `origin/main`, `v1`, `3f2a9c1d`, `HEAD` where that is no branch."""
    commit: str
    ref: str | None = None
    """The full name of what moves on: nothing for a tag, a commit and whatever else stays."""
    told: tuple[str, ...] = ()
    """What people should know of it: that it is behind what was fetched, or that the name has two meanings."""


def find_base(target: GitRepository, git_dir: Path, wanted: str | None) -> Base:
    """What a name stands for: a branch, a tag, a fetched branch, a commit, in this order.

    Args:
        target: The repository whose refs are asked.
        git_dir: The git directory of the worktree whose HEAD counts.
        wanted: A name, as `base_problem` lets it through; what HEAD names when absent.

    Raises:
        CallError: it is no name, nothing has it, it is no commit, or it is the beginning of several.
        GitFailed: a branch names an object that is missing.
    """
    if wanted is not None and (problem := base_problem(wanted)):
        raise CallError(f"the base {problem}", hint=_OR_ANOTHER)
    stem = stem_of(wanted) if wanted is not None else "HEAD"
    found = _at_head(target, git_dir) if stem == "HEAD" else _named(target, stem)
    if wanted is None or stem == wanted:
        return found
    commit = target.resolve(f"{found.commit}{wanted.removeprefix(stem)}")
    if commit is None:
        raise CallError(f"there is no commit {quoted(wanted)}: {found.name} has no history so long", hint=_OR_ANOTHER)
    return Base(wanted, commit)


_OR_ANOTHER = "name a branch, a fetched one as origin/main, a tag or a commit"


def base_around(place: Path, wanted: str | None) -> Base | None:
    """The same for whoever only looks, in the repository around a directory; nothing where there is none.

    Raises:
        CallError, GitFailed: as `find_base`.
        EnvironmentProblem: git is missing.
    """
    answer = ask_about(place, "rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
    if answer.status or len(answer.lines) != 2:
        return None
    git_dir, common_dir = (Path(os.path.realpath(line)) for line in answer.lines)
    return find_base(GitRepository(common_dir), git_dir, wanted)


def branch_commit(target: GitRepository, ref: str) -> str | None:
    """The commit of a branch by its full name, or nothing when there is no such branch.

    Raises:
        GitFailed: the branch names an object that is missing or damaged.
    """
    # `%(objecttype)` opens the object: a branch whose commit is missing must not look like a branch that is.
    answer = target.ask("for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", ref)
    if f"broken ref {ref}" in answer.stderr:  # an empty file after a power failure, say: only a warning to git
        raise GitFailed("for-each-ref", answer.status, answer.stderr)
    for line in answer.lines:
        kind, oid, name = line.split(" ", 2)
        if name == ref and kind == "commit":
            return oid
    return None


def _at_head(target: GitRepository, git_dir: Path) -> Base:
    head = GitRepository(git_dir)
    name = head.run("symbolic-ref", "--quiet", "HEAD").text
    if name.startswith(_HEADS):
        return _named(target, name.removeprefix(_HEADS), only_branches=True)
    detached = head.resolve("HEAD")
    if detached is None:
        raise CallError(f"HEAD of {git_dir} names no commit", hint="name the branch to start from")
    return Base("HEAD", detached)


def _named(target: GitRepository, name: str, *, only_branches: bool = False) -> Base:
    refs = list(_refs_of(target, name))
    if only_branches:
        refs = [ref for ref in refs if ref.startswith(_HEADS)]
    if not refs:
        commit = None if only_branches else _commit_of(target, name)
        if commit is None:
            raise _unknown(target, name)
        return Base(name if _OBJECT.fullmatch(name) is None else commit[:10], commit)
    ref = refs[0]
    commits = {one: branch_commit(target, one) if one.startswith(_HEADS) else target.resolve(one) for one in refs}
    commit = commits[ref]
    if commit is None:
        kind = target.run("cat-file", "-t", f"{ref}^{{}}").text or "an object that is missing"
        raise CallError(f"the base {quoted(name)} is {ref}, which is a {kind} and no commit", hint=_OR_ANOTHER)
    told = [*_two_meanings(name, commits), *_behind_upstream(target, ref, commit)]
    return Base(_short(ref), commit, None if ref.startswith(_TAGS) else ref, tuple(told))


def _refs_of(target: GitRepository, name: str) -> Iterator[str]:
    """The refs that a name may mean, the likeliest first; of `origin` the branch that its clone began with."""
    if name.startswith("refs/"):
        wanted = [name]
    else:
        wanted = [_HEADS + name, _TAGS + name, _REMOTES + name, f"{_REMOTES}{name}/HEAD"]
    listed_refs = target.ask("for-each-ref", "--format=%(refname) %(symref)", *wanted).lines
    there = dict(line.split(" ", 1) for line in listed_refs)
    for ref in wanted:
        if ref in there:
            yield there[ref] or ref


def _short(ref: str) -> str:
    for place in (_HEADS, _REMOTES, _TAGS):
        if ref.startswith(place):
            return ref.removeprefix(place)
    return ref


def _two_meanings(name: str, commits: dict[str, str | None]) -> Iterator[str]:
    taken, *others = commits
    other = [ref for ref in others if commits[ref] != commits[taken]]
    if other:
        yield f"{name} is {taken} and {listed(other)}: {taken} is taken (give the whole name to mean another)"


def _commit_of(target: GitRepository, name: str) -> str | None:
    """The commit that an object name, or the beginning of one, stands for.

    Raises:
        CallError: it stands for something else, or for several commits.
    """
    if not _HEX.fullmatch(name):
        return None
    if _OBJECT.fullmatch(name):
        candidates = [name.lower()]
    else:
        candidates = target.run("rev-parse", f"--disambiguate={name.lower()}").lines
    asked = "".join(f"{oid}\n" for oid in candidates).encode()
    kinds = [line.split() for line in target.ask("cat-file", "--batch-check", stdin=asked).lines] if asked else []
    there = {oid: kind for oid, kind, *size in kinds if size}
    commits = {commit for oid, kind in there.items() if kind in ("commit", "tag") and (commit := target.resolve(oid))}
    if len(commits) > 1:
        shown = listed(sorted(commits), 4)
        raise CallError(f"{quoted(name)} is the beginning of several commits: {shown}", hint="give more of it")
    if there and not commits:
        raise CallError(f"the base {quoted(name)} is a {min(there.values())}, and no commit", hint=_OR_ANOTHER)
    return next(iter(commits), None)


def _unknown(target: GitRepository, name: str) -> CallError:
    newest = ("for-each-ref", "--sort=-committerdate", "--format=%(refname)")
    branches = [_short(ref) for ref in target.ask(*newest, _HEADS).lines]
    others = [_short(ref) for ref in target.ask(*newest, _REMOTES, _TAGS).lines]
    if not branches and not others:
        return CallError("the repository has no branch with a commit", hint="git commit")
    theirs = [branch for branch in branches if not is_made_by_plait(branch)] or branches
    near = near_match(name, [*theirs, *others]) or near_match(name, branches)
    hint = near or f"there are: {', '.join([*theirs, *others][:_SHOWN])}"
    return CallError(
        f"there is no branch {quoted(name)} with a commit in the repository, nor a tag or commit", hint=hint
    )


def _behind_upstream(target: GitRepository, ref: str, commit: str) -> Iterator[str]:
    """That a local branch is behind what was last fetched of it: plait fetches nothing by itself."""
    if not ref.startswith(_HEADS):
        return
    name = ref.removeprefix(_HEADS)
    upstream = target.ask("for-each-ref", "--format=%(upstream)", ref).text or _only_namesake(target, name)
    fetched = target.resolve(upstream) if upstream else None
    if fetched is None or fetched == commit:
        return
    apart = target.ask("rev-list", "--left-right", "--count", f"{commit}...{fetched}").text
    ours, theirs = map(int, apart.split())
    short = _short(upstream)
    if theirs and not ours:
        yield (
            f"{name} is {count(theirs, 'commit')} behind {short} as it was last fetched: "
            f"`git pull` brings {'it' if theirs == 1 else 'them'}, or `--base {short}` starts from there"
        )
    elif theirs:
        yield (
            f"{name} and {short} have gone apart: {count(ours, 'commit')} on {name} alone, "
            f"{theirs} on {short} alone as it was last fetched"
        )


def _only_namesake(target: GitRepository, name: str) -> str:
    """The fetched branch of the same name, where one remote alone has one."""
    remotes = [ref for ref in target.refs(_REMOTES) if ref.removeprefix(_REMOTES).partition("/")[2] == name]
    return remotes[0] if len(remotes) == 1 else ""
