"""Agents that play a script: for demos, tests and dry runs, with real processes and no model."""

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, model_validator

from plait.blocks.agents.base import (
    DOCUMENTATION,
    LOGO,
    AgentOrder,
    AgentReport,
    Capabilities,
    CodingAgent,
    Text,
    not_started,
    private_file,
    run_program,
)
from plait.blocks.agents.player import ANSWER, USAGE
from plait.plans.agents.activity import Activity
from plait.plans.errors import CallError
from plait.plans.language.backends import Backend
from plait.plans.language.crew import Role
from plait.plans.language.scripts import Script, read_script
from plait.plans.usage import Usage, usage_of
from plait.plans.wording import near_match
from plait.workspace.home import expanded

PLAYER = Path(__file__).with_name("player.py")


class ScriptedAgent(CodingAgent):
    """
    An agent that does what a script says: edits, delays, failures, floods, hangs, children that refuse to die.

    The script is a YAML file or its text. It lists tries for each task, and what to do for a repair order. What it
    says is done by a process of its own, so that supervision, harvest and retries meet the real thing.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.scripted import ScriptedAgent

        agent = ScriptedAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Scripted Agent"
    _block_type_slug = "plait-scripted-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "An agent that plays a script of edits, delays and mishaps: for demos, tests and dry runs."

    backend: ClassVar[Backend] = "scripted"

    path: Text = Field(
        default="",
        title="File",
        description="The script's YAML file, as an absolute path.",
        examples=["/srv/demo.yaml"],
    )
    text: Text = Field(default="", title="Text", description="The script itself as YAML, in place of a file.")
    capabilities: Capabilities = ()

    @model_validator(mode="after")
    def _one_script(self) -> Self:
        if bool(self.path) == bool(self.text):
            raise ValueError("a scripted agent has either a path or a text")
        return self

    @classmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:
        """The script that the role names; its mistakes are told before anything runs."""
        if not role.script:
            raise CallError(
                f"the role {role_name} has the backend scripted, but no script", "such as `script: shop.script.yaml`"
            )
        agent = cls(path=str((base_directory / expanded(role.script)).absolute()), capabilities=role.capabilities)
        agent.script()
        return agent

    def script(self) -> Script:
        """
        What the script says now: a file is read again for each order.

        Raises:
            PlanError: The script has mistakes.
            CallError: The file cannot be read.
        """
        if not self.path:
            return read_script(self.text, "script")
        try:
            return read_script(Path(self.path).read_bytes(), self.path)
        except OSError as problem:
            raise CallError(f"cannot read the script {self.path}: {problem.strerror}") from problem

    def work(self, order: AgentOrder) -> AgentReport:
        """Play the entry for this task and try in the checkout."""
        script = self.script()
        entry = script.entry(
            order.task, attempt=order.attempt, repair=order.repair, review=order.reads, answers=order.answers
        )
        if entry is None:
            return not_started(order, _what_is_missing(script, order))
        steps = private_file(order, json.dumps(entry.for_player()), suffix=".json")
        order = _telling(order, Path(f"{steps}{USAGE}"))
        report = run_program(order, [sys.executable, "-I", "-S", str(PLAYER), str(steps)], stdin=None)
        used = _told(Path(f"{steps}{USAGE}"))
        if used is not None and used.session and order.on_session:
            order.on_session(used.session)
        report = replace(report, usage=used, answer=_answered(Path(f"{steps}{ANSWER}")))
        if report.claims_done and not entry.done:
            return replace(report, claims_done=False, problem="the agent ended without saying that it is done")
        return report


def _telling(order: AgentOrder, used: Path) -> AgentOrder:
    """The same order, in which each line that is printed also tells what was used up by then."""
    if order.on_activity is None:
        return order
    hear, act = order.on_line, order.on_activity

    def on_line(line: str) -> None:
        if hear is not None:
            hear(line)
        usage = _told(used)
        act(Activity(words=line, model=usage.model if usage else None, usage=usage))

    return replace(order, on_line=on_line)


def _told(file: Path) -> Usage | None:
    """What the player says that it used up, before whatever ended it; a line that was cut off is passed over."""
    told = list[Usage]()
    for line in file.read_bytes().splitlines() if file.is_file() else ():
        with suppress(ValueError):
            told.append(Usage.model_validate_json(line))
    return usage_of(told)


def _answered(file: Path) -> str | None:
    """What the player says to whoever asked."""
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _what_is_missing(script: Script, order: AgentOrder) -> str:
    if order.task in script.tasks:
        kinds = (("review", order.reads), ("answer", order.answers), ("repair order", order.repair))
        kind, number = next(((kind, number) for kind, number in kinds if number), ("try", order.attempt))
        return f"the script says what {order.task} does, but not for {kind} {number}"
    near = near_match(order.task, script.tasks)
    return f"the script has nothing for {order.task}, and no default" + (f" ({near})" if near else "")
