"""Signs a commit as its user's own git would, and lets nothing else of their configuration near it.

The user's settings are read once, before any agent works, from their global configuration and that of the repository
that they named: never from a checkout. What signs is `git commit-tree -S` in plait's own repository, from an empty
directory, with these settings alone.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from plait.plans.errors import CallError
from plait.plans.persons import Person, read_person
from plait.workspace.control import Control
from plait.workspace.errors import GitFailed, NotSigned
from plait.workspace.git import GitRepository, ask_as_user

_SETTINGS = r"^(gpg\..*|user\.signingkey)$"
_WANTED = re.compile(r"gpg\.(format|program|ssh\.defaultkeycommand|(openpgp|x509|ssh)\.program)|user\.signingkey")
_PASSED = (
    "HOME",
    "USER",
    "LOGNAME",
    "GNUPGHOME",
    "GPG_TTY",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
)
"""What a signer needs to find its keys and to ask for a pass phrase."""
_TRIAL_DATE = "1700000000 +0000"
_SIGNATURE = re.compile(rb"\ngpgsig(-sha256)? [^\n]*(\n [^\n]*)*")


@dataclass(frozen=True, slots=True)
class Signer:
    """How the user's git signs."""

    settings: tuple[str, ...]
    """As `name=value`."""
    environment: Mapping[str, str] = field(hash=False)

    def sign(self, repository: GitRepository, commit: str) -> str:
        """The same commit with a signature over exactly what it is.

        Raises:
            NotSigned: the signer is not there, or fails; or another commit would have come of it.
        """
        content = repository.ask("cat-file", "commit", commit).stdout
        head, _, message = content.partition(b"\n\n")
        facts = [line.partition(" ")[::2] for line in head.decode("utf-8", "surrogateescape").split("\n")]
        parents = [argument for key, value in facts if key == "parent" for argument in ("-p", value)]
        fields = dict(facts)
        people = _people("AUTHOR", fields["author"]) | _people("COMMITTER", fields["committer"])
        answer = repository.run(
            "commit-tree",
            "-S",
            *parents,
            "-F",
            "-",
            fields["tree"],
            stdin=message,
            environment={**self.environment, **people},
            configuration=self.settings,
        )
        if answer.status:
            raise NotSigned(answer.status, answer.stderr)
        signed = repository.ask("cat-file", "commit", answer.text).stdout
        bare, signatures = _SIGNATURE.subn(b"", signed.partition(b"\n\n")[0])
        if not signatures or b"\n\n".join((bare, signed.partition(b"\n\n")[2])) != content:
            raise NotSigned(1, "git made another commit than the one that was to be signed")
        return answer.text

    def try_out(self, repository: GitRepository) -> None:
        """Sign a commit that nobody names, so that what is missing is known before anything else is done.

        Raises:
            NotSigned: it does not go.
        """
        tree = repository.ask("mktree").text
        self.sign(repository, repository.commit_tree(tree, (), "Can this be signed?\n", date=_TRIAL_DATE))


def user_of(control: Control) -> Person:
    """Who the user is, as their own git would write it into a commit.

    Raises:
        CallError: it does not know them.
    """
    answer = ask_as_user(control.common_dir, "-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT")
    try:
        return read_person(answer.text.rpartition("> ")[0] + ">")
    except ValueError:
        hint = "git config user.name NAME; git config user.email MAIL"
        raise CallError("git does not know who you are, and the plan asks for your signature", hint=hint) from None


def signer_of(control: Control) -> Signer:
    """How the user's git signs in the repository that they named.

    Raises:
        CallError: it has no key.
    """
    answer = ask_as_user(control.common_dir, "config", "-z", "--get-regexp", _SETTINGS)
    if answer.status > 1:
        raise GitFailed("config", answer.status, answer.stderr)
    pairs = [record.partition("\n")[::2] for record in answer.records]
    known = {name: value for name, value in pairs if _WANTED.fullmatch(name)}
    form = known.get("gpg.format", "openpgp")
    if "user.signingkey" not in known and not (form == "ssh" and "gpg.ssh.defaultkeycommand" in known):
        if form == "ssh":
            hint = "git config user.signingKey ~/.ssh/id_ed25519.pub"
            raise CallError("the plan asks for signed commits, and git has no key to sign with", hint=hint)
        known["user.signingkey"] = f"<{user_of(control).mail}>"
    # plait's own git has `gpg.program=false`: what the user has not set is named here.
    programs = {"gpg.program": "gpg"} if form == "openpgp" else {}
    settings = tuple(f"{name}={value}" for name, value in {**programs, **known}.items())
    passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
    path = [place for place in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(place).is_absolute()]
    return Signer(settings, {**passed, "PATH": os.pathsep.join(path)})


def _people(role: str, line: str) -> dict[str, str]:
    """`Name <mail> date` as the variables that git reads it from."""
    who, _, date = line.rpartition("> ")
    name, _, mail = who.rpartition(" <")
    return {f"GIT_{role}_NAME": name, f"GIT_{role}_EMAIL": mail, f"GIT_{role}_DATE": date}
