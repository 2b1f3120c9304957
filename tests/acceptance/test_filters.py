"""Whole runs in repositories with filters: Git LFS is served, another filter is told and kept from."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.acceptance.conftest import WritePlan
from tests.support.command import plait
from tests.support.repositories import commit_files, files_of, git

pytestmark = pytest.mark.slow

BRANCH = "feature/art/integration"
BIG = b"\0first\n"


def pointer(content: bytes) -> str:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}"


def test_what_an_encrypting_filter_is_for_is_told_by_check_and_run_and_lands_nowhere(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    git(repository, "config", "filter.crypt.clean", "sed s/^/ENC:/")
    git(repository, "config", "filter.crypt.smudge", "sed s/^ENC://")
    git(repository, "config", "filter.crypt.required", "true")
    commit_files(repository, {".gitattributes": "secret/** filter=crypt\n"})
    commit_files(repository, {"secret/k": "old\n"})
    assert files_of(repository, "main")["secret/k"] == "ENC:old"
    plan = write_plan("""
        feature: art
        goal: Keep it secret.
        tasks:
          - {id: A, run: echo password > secret/new, owns: ['secret/**']}
          - {id: B, run: cp secret/k seen.txt, owns: [seen.txt]}
    """)

    checked = plait("check", str(plan), cwd=repository)
    assert checked.status == 0
    assert "the filter crypt is not run by plait: agents will see 1 file as stored, unfiltered (secret/k)" in (
        checked.stderr
    )
    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 1
    assert "the filter crypt is not run by plait" in ended.stderr
    reasons = {task["id"]: task["reason"] for task in ended.data["tasks"]}
    assert "secret/new: the filter crypt is for it, which plait does not run" in reasons["A"]
    landed = files_of(repository, BRANCH)
    assert landed["seen.txt"] == "ENC:old"
    assert "secret/new" not in landed
    blob = git(repository, "hash-object", "--stdin", "--no-filters", stdin=b"password\n")
    assert git(repository, "cat-file", "-e", blob, check=False) == ""
    assert blob not in git(repository, "cat-file", "--batch-all-objects", "--batch-check")


def test_files_in_lfs_are_content_for_agents_and_checks_and_pointers_in_git(
    repository: Path, write_plan: WritePlan, prefect_server: Mapping[str, str]
) -> None:
    commit_files(
        repository, {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": pointer(BIG) + "\n"}
    )
    store = repository / ".git/lfs/objects"
    place = store / hashlib.sha256(BIG).hexdigest()[:2] / hashlib.sha256(BIG).hexdigest()[2:4]
    place.mkdir(parents=True)
    (place / hashlib.sha256(BIG).hexdigest()).write_bytes(BIG)
    plan = write_plan("""
        feature: art
        goal: Two pictures.
        tasks:
          - {id: A, run: echo second >> a.bin, owns: [a.bin], verify: [grep -q first a.bin && grep -q second a.bin]}
          - {id: B, run: cp a.bin b.bin, owns: [b.bin]}
        integration: {verify: [test "$(wc -l < a.bin)" = 2 && ! grep -q git-lfs *.bin]}
    """)

    ended = plait("run", str(plan), "--json", cwd=repository, env=prefect_server)

    assert ended.status == 0, ended.stderr
    landed = files_of(repository, BRANCH)
    assert landed["a.bin"] == pointer(BIG + b"second\n")
    assert landed["b.bin"] == pointer(BIG)
    oid = hashlib.sha256(BIG + b"second\n").hexdigest()
    assert (store / oid[:2] / oid[2:4] / oid).read_bytes() == BIG + b"second\n"
