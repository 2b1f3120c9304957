"""What an agent is told whatever its task is: its role's words, and what base's repository has for all agents."""

from typing import Final

from plait.agent_tasks.workshop import Workshop
from plait.plans.language.backends import Backend
from plait.workspace.control import Control

LONGEST: Final = 64 << 10
"""Bytes of a project's words that are passed on."""

_FILES: Final[dict[Backend, tuple[str, ...]]] = {
    "claude": ("CLAUDE.md", ".claude/CLAUDE.md", "AGENTS.md"),
    "codex": ("AGENTS.md", "CLAUDE.md"),
    "opencode": ("AGENTS.md", "CLAUDE.md"),
    "gemini": ("GEMINI.md", "AGENTS.md", "CLAUDE.md"),
    "aider": ("CONVENTIONS.md", "AGENTS.md", "CLAUDE.md"),
    "model": ("AGENTS.md", "CLAUDE.md"),
    "acp": ("AGENTS.md", "CLAUDE.md"),
}
"""By program, what a project may have for it, the first that is there counts. The programs themselves are kept from
reading them: an agent before may have changed them, and base is what a person has agreed to."""


def instructions_of(role: str, shop: Workshop) -> str:
    """What the agents of a role are told in any task; empty where there is nothing."""
    own = (shop.crew.role(role).instructions or "").strip()
    files = _FILES.get(shop.agent_of(role).backend, ())
    texts = ((path, file_of_base(shop.control, shop.base, path).strip()) for path in files)
    path, text = next(((path, text) for path, text in texts if text), ("", ""))
    project = f"What the project says to all agents ({path}):\n\n{text}" if text else ""
    told = "\n\n".join(filter(None, [own, project]))
    return f"{told}\n" if told else ""


def file_of_base(control: Control, commit: str, path: str) -> str:
    """A text file of a commit, cut at `LONGEST`; empty where there is none. One link within the folder is followed."""
    for _ in range(2):
        answer = control.store.run("ls-tree", "-z", commit, "--", path)
        mode, _, rest = answer.stdout.decode("utf-8", "replace").partition(" ")
        kind, _, named = rest.partition(" ")
        if answer.status != 0 or kind != "blob":
            return ""
        text = _blob(control, named.partition("\t")[0])
        if mode != "120000":
            return text
        above = path.rpartition("/")[0]
        path = f"{above}/{text}".lstrip("/") if above else text
        if path.startswith("/") or ".." in path.split("/"):
            return ""
    return ""


def _blob(control: Control, oid: str) -> str:
    return control.store.run("cat-file", "blob", oid).stdout[:LONGEST].decode("utf-8", "replace")
