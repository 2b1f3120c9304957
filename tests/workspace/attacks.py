"""What an agent can plant to make a later git run its program: 28 ways, each as a function that plants one."""

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.support.repositories import git

HOOKS = (
    *(
        "applypatch-msg",
        "commit-msg",
        "post-checkout",
        "post-commit",
        "post-index-change",
        "post-merge",
        "post-rewrite",
    ),
    *("pre-auto-gc", "pre-commit", "pre-merge-commit", "pre-push", "prepare-commit-msg", "reference-transaction"),
)

Plant = Callable[[Path, str], None]
"""Takes a directory with a `.git` and the path of the program that must never run."""


def _set(work: Path, **settings: str) -> None:
    for name, value in settings.items():
        git(work, "config", name.replace("__", "."), value)


def _attributes(work: Path, line: str) -> None:
    (work / ".gitattributes").write_text(f"* {line}\n")


def _hooks(directory: Path, program: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        hook = directory / name
        hook.write_text(f'#!/bin/sh\nexec {program} "$@"\n')
        hook.chmod(0o755)


def _remote(work: Path, url: str) -> None:
    git(work, "config", "remote.origin.url", url)
    git(work, "config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")


def _elsewhere(work: Path) -> Path:
    return Path(shutil.copytree(work / ".git", work.parent / "evil-git", dirs_exist_ok=True))


def fsmonitor(work: Path, program: str) -> None:
    _set(work, core__fsmonitor=program)


def hooks_path(work: Path, program: str) -> None:
    _hooks(work / "evil-hooks", program)
    _set(work, core__hooksPath=str(work / "evil-hooks"))


def hook_files(work: Path, program: str) -> None:
    _hooks(work / ".git/hooks", program)


def filters(work: Path, program: str) -> None:
    _attributes(work, "filter=evil")
    _set(work, filter__evil__clean=f"{program} through", filter__evil__smudge=f"{program} through")


def filters_by_info(work: Path, program: str) -> None:
    (work / ".git/info").mkdir(exist_ok=True)
    (work / ".git/info/attributes").write_text("* filter=evil\n")
    _set(work, filter__evil__clean=f"{program} through", filter__evil__smudge=f"{program} through")


def filter_process(work: Path, program: str) -> None:
    _attributes(work, "filter=evil")
    _set(work, filter__evil__process=program)


def textconv(work: Path, program: str) -> None:
    _attributes(work, "diff=evil")
    _set(work, diff__evil__textconv=program)


def external_diff(work: Path, program: str) -> None:
    _set(work, diff__external=program)


def diff_command(work: Path, program: str) -> None:
    _attributes(work, "diff=evil")
    _set(work, diff__evil__command=program)


def merge_driver(work: Path, program: str) -> None:
    _attributes(work, "merge=evil")
    _set(work, merge__evil__driver=program)


def default_merge_driver(work: Path, program: str) -> None:
    _set(work, merge__default="evil", merge__evil__driver=program)


def signing(work: Path, program: str) -> None:
    _set(work, commit__gpgSign="true", gpg__program=program)


def pager_editor(work: Path, program: str) -> None:
    _set(work, core__pager=program, core__editor=program, sequence__editor=program)


def pack_objects_hook(work: Path, program: str) -> None:
    _set(work, uploadpack__packObjectsHook=program)


def ssh_command(work: Path, program: str) -> None:
    _remote(work, "ssh://127.0.0.1/x.git")
    _set(work, core__sshCommand=program)


def external_url(work: Path, program: str) -> None:
    _remote(work, f"ext::{program}")
    _set(work, protocol__ext__allow="always")


def instead_of(work: Path, program: str) -> None:
    _remote(work, "https://127.0.0.1/x.git")
    _set(work, protocol__ext__allow="always")
    git(work, "config", f"url.ext::{program} .insteadOf", "https://127.0.0.1/")


def upload_pack(work: Path, program: str) -> None:
    _remote(work, str(work))
    _set(work, remote__origin__uploadpack=program, remote__origin__receivepack=program)


def trailer_command(work: Path, program: str) -> None:
    _set(work, trailer__evil__key="Evil", trailer__evil__command=program)


def credential_helper(work: Path, program: str) -> None:
    _remote(work, "http://127.0.0.1:9/x.git")
    _set(work, credential__helper=f"!{program}")


def git_file(work: Path, program: str) -> None:
    _set(work, core__fsmonitor=program)
    evil = _elsewhere(work)
    shutil.rmtree(work / ".git")
    (work / ".git").write_text(f"gitdir: {evil}\n")


def common_dir(work: Path, program: str) -> None:
    _set(work, core__fsmonitor=program)
    evil = _elsewhere(work)
    shutil.rmtree(work / ".git")
    pointer = evil / "worktrees/x"
    pointer.mkdir(parents=True)
    (pointer / "commondir").write_text(f"{evil}\n")
    (pointer / "gitdir").write_text(f"{work}/.git\n")
    shutil.copy2(evil / "HEAD", pointer / "HEAD")
    shutil.copy2(evil / "index", pointer / "index")
    (work / ".git").write_text(f"gitdir: {pointer}\n")


def worktree_config(work: Path, program: str) -> None:
    _set(work, extensions__worktreeConfig="true")
    (work / ".git/config.worktree").write_text(f"[core]\n\tfsmonitor = {program}\n")


def included_config(work: Path, program: str) -> None:
    (work / "evil.config").write_text(f"[core]\n\tfsmonitor = {program}\n")
    _set(work, include__path=str(work / "evil.config"))


def promisor(work: Path, program: str) -> None:
    _remote(work, str(work))
    _set(work, core__repositoryFormatVersion="1", extensions__partialClone="origin")
    _set(work, remote__origin__promisor="true", remote__origin__uploadpack=program)


def alternate_refs(work: Path, program: str) -> None:
    _remote(work, str(work))
    _set(work, core__alternateRefsCommand=program)


def submodule_update(work: Path, program: str) -> None:
    (work / ".gitmodules").write_text('[submodule "part"]\n\tpath = part\n\turl = ./part\n')
    _set(work, submodule__part__update=f"!{program}", submodule__part__active="true")


def show_signature(work: Path, program: str) -> None:
    _set(work, log__showSignature="true", merge__verifySignatures="true", gpg__program=program)


ATTACKS: tuple[Plant, ...] = (
    *(fsmonitor, hooks_path, hook_files, filters, filters_by_info, filter_process, textconv, external_diff),
    *(diff_command, merge_driver, default_merge_driver, signing, pager_editor, pack_objects_hook, ssh_command),
    *(external_url, instead_of, upload_pack, trailer_command, credential_helper, git_file, common_dir),
    *(worktree_config, included_config, promisor, alternate_refs, submodule_update, show_signature),
)

DORMANT: tuple[Plant, ...] = (pager_editor, pack_objects_hook, credential_helper, submodule_update, show_signature)
"""Those that plain git 2.39.5 does not run in the commands that are tried; the other 23 it does."""
