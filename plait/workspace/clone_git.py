"""The `.git` of a checkout: like that of a clone of the user's repository, written by hand and out of its reach."""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from plait.plans.names import is_made_by_plait
from plait.workspace.control import HEADS, Control, configuration_of
from plait.workspace.git import ask_as_user

TAGS = "refs/tags/"
REMOTES = "refs/remotes/"
_ORIGIN = f"{REMOTES}origin/"
_USUAL = ("main", "master")
"""Branches that tools compare with when nobody tells them another."""

# Whoever commits in a checkout is asked for no key, runs no hook of the user's and waits for no daemon of theirs:
# plait takes the files alone. What a set-up installs in `.git/hooks`, or names in `core.hooksPath`, runs as in a clone.
_SETTINGS = """\
[user]
\tname = plait
\temail = plait@localhost
[commit]
\tgpgSign = false
[tag]
\tgpgSign = false
\tforceSignAnnotated = false
[merge]
\tverifySignatures = false
[log]
\tshowSignature = false
[gc]
\tauto = 0
[maintenance]
\tauto = false
[advice]
\tdetachedHead = false
"""
# Not compressed, what a failed try committed can be searched by grep where it is kept, and is quicker to commit.
_CORE = "[core]\n\tfsmonitor = false\n\tlooseCompression = 0\n"
# Not always: with any value of it `pre-commit install` refuses to work.
_OWN_HOOKS = "[core]\n\thooksPath = .git/hooks\n"
# Tools read where a remote is; nothing is fetched from it or pushed to it out of a checkout, as git has no such helper.
_REMOTE = '[remote "{name}"]\n\turl = "{url}"\n\tfetch = +refs/heads/*:refs/remotes/{name}/*\n\tvcs = none\n'
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLAIN_URL = re.compile(r"[!-~]+")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9._-]+:[^:@]+")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the checkouts of a run know of the repository that they are made from, as it was when the run began."""

    base: str | None = None
    """The commit that the run started from: the parent of a tree that is verified without a commit of its own."""
    date: str = "1700000000 +0000"
    """Of such a tree's commit: when `base` was committed."""
    packed_refs: bytes = b""
    """Tags, the base's branch, the usual ones, and all others as remote-tracking refs, as git packs them."""
    origin_head: str = ""
    """What `refs/remotes/origin/HEAD` names."""
    settings: str = ""
    """What the configuration says further."""
    clone: str = ""
    """Where the user works, as set-ups know it (`PLAIT_REPOSITORY`)."""

    @property
    def for_set_ups(self) -> Mapping[str, str]:
        """Variables of set-up commands alone: what a check says has to come from the tree that it checks."""
        return {"PLAIT_REPOSITORY": self.clone} if self.clone else {}


NO_SURROUNDINGS = Surroundings()


def surroundings_of(control: Control, *, base: str, branch: str = "", clone: str = "") -> Surroundings:
    """Look at the user's repository once, for all checkouts of a run: a thousand tags cost each of them one write.

    Args:
        base: The commit that the run starts from.
        branch: The branch that this was, if it was one; in the checkouts it is there, at this commit.
        clone: Where the user works.

    Raises:
        GitFailed: the refs cannot be read, or the commit is not there.
    """
    date = control.store.ask("log", "-1", "--no-show-signature", "--format=%ct +0000", base, "--").text
    named, origin_head = _named_refs(control)
    remotes = _remotes(control)
    refs = dict(_refs_of_clone(named, base=base, branch=branch))
    if not origin_head or origin_head not in refs:
        default = next((name for name in (branch, *_USUAL) if _ORIGIN + name in refs), "")
        origin_head = _ORIGIN + default if default else ""
    hooks = _OWN_HOOKS if _has_hooks_elsewhere(control) else ""
    return Surroundings(base, date, _packed(control, refs), origin_head, hooks + "".join(remotes), clone)


def _named_refs(control: Control) -> tuple[dict[str, str], str]:
    """The user's branches, tags and remote-tracking refs with what they name, and what `origin/HEAD` stands for."""
    form = "--format=%(objectname)%00%(symref)%00%(refname)"
    refs, origin_head = dict[str, str](), ""
    for line in control.target.ask("for-each-ref", form, HEADS, TAGS, REMOTES).lines:
        oid, stands_for, name = line.split("\0")
        if not stands_for:
            refs[name] = oid
        elif name == f"{_ORIGIN}HEAD":
            origin_head = stands_for
    return refs, origin_head


def _refs_of_clone(named: Mapping[str, str], *, base: str, branch: str) -> Iterator[tuple[str, str]]:
    """What a clone of the user's repository would have, and what it has itself of elsewhere; nothing that plait made.

    Example: on `main`, with the branches `main` and `topic` and a fetched `origin/main`, there are `main` and both of
    `origin/main` and `origin/topic`. The base's branch is where the run started from; `origin/main` is as fetched.
    """
    local = {name.removeprefix(HEADS): oid for name, oid in named.items() if name.startswith(HEADS)}
    local = {name: oid for name, oid in local.items() if not is_made_by_plait(name)}
    if branch:
        local[branch] = base
    for name, oid in named.items():
        if name.startswith(TAGS) or (name.startswith(REMOTES) and not is_made_by_plait(name.split("/", 3)[-1])):
            yield name, oid
    for name, oid in local.items():
        if name in (branch, *_USUAL):
            yield HEADS + name, oid
        if _ORIGIN + name not in named:
            yield _ORIGIN + name, oid


def _packed(control: Control, refs: Mapping[str, str]) -> bytes:
    """`packed-refs`, sorted, with what annotated tags stand for; what is damaged or clashes is left out."""
    asked = list(dict.fromkeys(refs.values()))
    form = "--batch-check=%(objecttype) %(objectname)"
    stdin = "".join(f"{oid}\n{oid}^{{}}\n" for oid in asked).encode()
    lines = control.store.run("cat-file", "--buffer", form, stdin=stdin).lines
    known = dict(zip(asked, zip(lines[::2], lines[1::2], strict=True), strict=True))
    text = ["# pack-refs with: peeled fully-peeled sorted "]
    for name in sorted(_fitting(refs), key=os.fsencode):
        own, peeled = (line.split(" ") for line in known[refs[name]])
        if "missing" in (own[-1], peeled[-1]) or (not name.startswith(TAGS) and own[0] != "commit"):
            continue
        text.append(f"{own[1]} {name}")
        if own[0] == "tag":
            text.append(f"^{peeled[1]}")
    return os.fsencode("\n".join(text) + "\n")


def _fitting(names: Iterable[str]) -> list[str]:
    """The names without those that stand in the way of another: git holds no `a` beside `a/b`."""
    every = frozenset(names)
    above = {name[:at] for name in every for at, letter in enumerate(name) if letter == "/"}
    return [name for name in every if name not in above]


def _remotes(control: Control) -> Iterator[str]:
    """A section for each remote of the user's, without names and passwords that its address may hold."""
    answer = control.target.run("config", "--null", "--get-regexp", r"^remote\..*\.url$")
    addresses = dict[str, str]()
    for record in answer.records:
        key, _, url = record.partition("\n")
        addresses.setdefault(key.removeprefix("remote.").removesuffix(".url"), url)
    for name, url in addresses.items():
        if _PLAIN_NAME.fullmatch(name) and (shown := _without_password(url)):
            yield _REMOTE.format(name=name, url=shown.replace("\\", "\\\\").replace('"', '\\"'))


def _without_password(url: str) -> str:
    """`https://me:secret@example.com/x` is `https://example.com/x`; nothing where it is not clear what is what."""
    if not _PLAIN_URL.fullmatch(url):
        return ""
    if "://" not in url:
        return url if url.startswith(("/", ".")) or _SCP.fullmatch(url) else ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    person, _, host = parts.netloc.rpartition("@")
    keeps = parts.scheme in ("ssh", "git+ssh") and ":" not in person
    return parts._replace(netloc=parts.netloc if keeps else host, query="", fragment="").geturl()


def _has_hooks_elsewhere(control: Control) -> bool:
    """Whether the user's own git runs hooks from a place of theirs, in this repository or in plait's folder."""
    for git_dir in (control.git_dir, control.store.git_dir):
        answer = ask_as_user(git_dir, "config", "--show-scope", "--get-all", "core.hooksPath")
        if any(line.startswith(("system\t", "global\t")) for line in answer.lines):
            return True
    return False


def write_private_git(
    control: Control,
    directory: Path,
    *,
    commit: str,
    branch: str | None,
    index: Path,
    surroundings: Surroundings = NO_SURROUNDINGS,
) -> None:
    """Make `directory/.git` by writing its files: no process, and 10 times quicker than `git clone`.

    What is committed in it stays in it: plait's own store, and by it the target's, is an alternate, which git only
    reads. plait itself never runs git with it.

    Args:
        branch: What HEAD names; detached at `commit` when absent.
        index: The index that belongs to the files; copied with its time, on which git's racy check rests.
    """
    git = directory / ".git"
    for part in ("objects/info", "objects/pack", "refs/heads", "info", "hooks"):
        (git / part).mkdir(parents=True)
    if branch is not None:
        ref = git / "refs/heads" / branch
        ref.parent.mkdir(parents=True, exist_ok=True)
        ref.write_text(commit + "\n", encoding="ascii")
    head = commit if branch is None else f"ref: refs/heads/{branch}"
    (git / "HEAD").write_text(head + "\n", encoding="utf-8")
    settings = private_configuration(control.object_format) + surroundings.settings
    (git / "config").write_text(settings, encoding="utf-8")
    # The second is an alternate of the first: git knows that by itself, other programs (git-lfs 3.3) do not.
    borrowed = (control.store.git_dir / "objects", control.objects)
    (git / "objects/info/alternates").write_bytes(b"".join(os.fsencode(place) + b"\n" for place in borrowed))
    if surroundings.packed_refs:
        (git / "packed-refs").write_bytes(surroundings.packed_refs)
    if surroundings.origin_head:
        head_of_origin = git / _ORIGIN / "HEAD"
        head_of_origin.parent.mkdir(parents=True)
        head_of_origin.write_bytes(os.fsencode(f"ref: {surroundings.origin_head}\n"))
    shutil.copyfile(control.store.git_dir / "info/exclude", git / "info/exclude")
    shutil.copy2(index, git / "index")


def private_configuration(object_format: str) -> str:
    """The configuration of a repository that an agent gets to play with."""
    return configuration_of(object_format, bare=False) + _SETTINGS + _CORE
