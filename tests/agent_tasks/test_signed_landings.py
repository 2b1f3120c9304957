"""What lands bears the author, the sign-off and the signature that the plan and its user's git ask for."""

import subprocess
from pathlib import Path

import pytest

from plait.agent_tasks.integrate import integrate
from plait.flows.running.session import Session
from plait.plans.errors import CallError
from plait.plans.language.model import Integration
from plait.plans.tasks.outcomes import BatchState
from plait.plans.tasks.work import BatchOrder, BatchReport, Candidate
from plait.workspace.commit_style import require_style
from plait.workspace.control import Control, open_control
from plait.workspace.errors import NotSigned
from plait.workspace.signing import Signer, signer_of
from tests.conftest import DATE, BranchWith
from tests.flows.opened import opened
from tests.support.patience import patience
from tests.support.repositories import git

TIP = "feature/shop/integration"


def plan(integration: str) -> str:
    return f"""
    feature: shop
    goal: Sell things.
    tasks:
      - {{id: A, run: "true"}}
    integration: {{verify: [test ! -f bad.txt], {integration}}}
    """


def batch(session: Session, tips: dict[str, str]) -> BatchReport:
    branches = tuple(Candidate(task, tip, ()) for task, tip in tips.items())
    with patience(20):
        return integrate.fn(BatchOrder("batch-1", session.shop.run_id, branches, DATE), session.shop.facts)


@pytest.fixture
def ssh_key(repository: Path, tmp_path: Path) -> Path:
    """A key that the user's git signs with in `repository`, and a file of those who may sign."""
    key = tmp_path / "keys" / "id"
    key.parent.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    allowed = tmp_path / "keys" / "allowed"
    allowed.write_text(f"tester@example.com {key.with_suffix('.pub').read_text()}")
    git(repository, "config", "gpg.format", "ssh")
    git(repository, "config", "user.signingKey", str(key.with_suffix(".pub")))
    git(repository, "config", "gpg.ssh.allowedSignersFile", str(allowed))
    return key


def test_merges_bear_the_plans_author_and_a_sign_off_and_plait_stays_the_committer(
    repository: Path, branch_with: BranchWith
) -> None:
    tips = {name: branch_with(name.lower(), {f"{name}.txt": "x\n"}) for name in "AB"}
    with opened(plan("author: Ada Byron <ada@example.com>, signoff: true"), repository) as session:
        report = batch(session, tips)

    assert report.outcome.landed == ("A", "B")
    merges = git(repository, "log", "--merges", "--format=%an <%ae> %cn <%ce>", f"main..{TIP}").split("\n")
    assert merges == ["Ada Byron <ada@example.com> plait <plait@localhost>"] * 3
    signed_off = git(repository, "log", "--merges", "--format=%(trailers:key=Signed-off-by)", f"main..{TIP}")
    assert signed_off.split() == ["Signed-off-by:", "A", "Tester", "<tester@example.com>"] * 3


@pytest.mark.parametrize("names", ["A", "AB"])
def test_what_lands_is_signed_with_the_users_ssh_key_and_nothing_else_is(
    repository: Path, branch_with: BranchWith, ssh_key: Path, names: str
) -> None:
    tips = {name: branch_with(name.lower(), {f"{name}.txt": "x\n"}) for name in names}
    with opened(plan("sign: true, signoff: true"), repository) as session:
        report = batch(session, tips)

    assert (report.outcome.landed, report.outcome.commit) == (tuple(names), git(repository, "rev-parse", TIP))
    git(repository, "verify-commit", TIP)
    assert git(repository, "log", "-1", "--format=%G? %GS %cn", TIP) == "G tester@example.com plait"
    merged = git(repository, "log", "--merges", "--format=%H", f"main..{TIP}").split("\n")
    assert [one for one in merged if "gpgsig" in git(repository, "cat-file", "commit", one)] == merged[:1]
    assert "Signed-off-by: A Tester <tester@example.com>" in git(repository, "log", "-1", "--format=%B", TIP)
    git(repository, "fsck", "--strict", "--no-dangling")


def test_a_signer_that_fails_later_lands_nothing_unsigned(
    repository: Path, branch_with: BranchWith, ssh_key: Path
) -> None:
    with opened(plan("sign: true"), repository) as session:
        ssh_key.unlink()
        report = batch(session, {"A": branch_with("a", {"a.txt": "x\n"})})

    assert (report.outcome.state, report.outcome.landed) == (BatchState.INFRASTRUCTURE, ())
    assert "what lands cannot be signed" in (report.outcome.reason or "")
    assert git(repository, "for-each-ref", f"refs/heads/{TIP}") == ""


def test_a_signer_that_is_missing_is_told_before_anything_starts(repository: Path, ssh_key: Path) -> None:
    ssh_key.unlink()
    with pytest.raises(NotSigned, match="what lands cannot be signed"), opened(plan("sign: true"), repository):
        pass
    git(repository, "config", "--unset", "user.signingKey")
    with pytest.raises(CallError, match="no key to sign with"), opened(plan("sign: true"), repository):
        pass


def test_who_asks_for_a_sign_off_has_to_be_known_to_git(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    with pytest.raises(CallError, match="git does not know who you are"), opened(plan("signoff: true"), repository):
        pass


@pytest.fixture
def control(repository: Path, tmp_path: Path) -> Control:
    return open_control(repository, home=tmp_path / "home")


def program(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_gpg_is_called_as_the_user_has_it_and_signs_exactly_the_commit(
    repository: Path, control: Control, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    gpg = program(
        tmp_path / "my-gpg",
        f'echo "$*" > {seen}.words; pwd > {seen}.place; cat > {seen}\n'
        'echo "[GNUPG:] SIG_CREATED D" >&2\n'
        'printf "%s\\n" "-----BEGIN PGP SIGNATURE-----" "" x "-----END PGP SIGNATURE-----"',
    )
    git(repository, "config", "gpg.program", str(gpg))
    commit = git(repository, "rev-parse", "main")

    signed = signer_of(control).sign(control.store, commit)

    assert seen.read_bytes() == control.store.ask("cat-file", "commit", commit).stdout
    assert Path(f"{seen}.words").read_text().split()[-1] == "<tester@example.com>"
    assert not Path(Path(f"{seen}.place").read_text().strip()).is_relative_to(repository)
    assert control.store.tree_of(signed) == control.store.tree_of(commit)


@pytest.mark.parametrize("words", ["exit 1", "cat > /dev/null", "kill $$"])
def test_a_gpg_that_gives_no_signature_signs_nothing(
    repository: Path, control: Control, tmp_path: Path, words: str
) -> None:
    git(repository, "config", "gpg.program", str(program(tmp_path / "my-gpg", words)))
    with pytest.raises(NotSigned):
        signer_of(control).sign(control.store, git(repository, "rev-parse", "main"))


def test_a_checkout_cannot_name_the_signer(repository: Path, control: Control, tmp_path: Path) -> None:
    """Neither by a file beside the sources, nor by a relative name, nor by settings that are not about signing."""
    touched = tmp_path / "touched"
    program(repository / "gpg", f"touch {touched}")
    (repository / ".gitconfig").write_text(f"[gpg]\n\tprogram = {repository}/gpg\n")
    git(repository, "config", "gpg.program", "./gpg")
    git(repository, "config", "core.fsmonitor", f"{repository}/gpg")
    signer = signer_of(control)
    assert all(setting.startswith(("gpg.", "user.signingkey=")) for setting in signer.settings)
    with pytest.raises(NotSigned):
        signer.sign(control.store, git(repository, "rev-parse", "main"))
    assert not touched.exists()


def test_the_settings_are_those_of_the_start(repository: Path, control: Control, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    before = signer_of(control)
    git(repository, "config", "gpg.program", str(program(tmp_path / "evil", f"touch {touched}")))
    with pytest.raises(NotSigned):
        Signer(before.settings, before.environment).sign(control.store, git(repository, "rev-parse", "main"))
    assert not touched.exists()


def test_without_signing_nothing_of_the_users_git_is_needed(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GIT_COMMITTER_EMAIL")
    require_style(control, Integration())
