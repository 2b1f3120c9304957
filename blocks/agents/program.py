"""Agents that are a known program with a stream of events: started in a HOME of its own, followed, and judged."""

from abc import ABC
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Self
from uuid import uuid4

from pydantic import Field

from plait.blocks.agents.base import AgentOrder, AgentReport, Capabilities, CodingAgent, Text, carry_out, report_on
from plait.blocks.agents.following import Following
from plait.plans.agents.launching import Launch, Launcher, LaunchOrder
from plait.plans.agents.programs import PROGRAM_FACTS, ProgramFacts, untested
from plait.plans.agents.readers.by_backend import READERS
from plait.plans.agents.verdicts import Cause, verdict
from plait.plans.language.crew import Role
from plait.workspace.agent_home import borrowed_login, make_home, put_private_file
from plait.workspace.environment import in_own_home, our_values
from plait.workspace.local_zone import LocalZone, zone_of
from plait.workspace.process import Ended


class ProgramAgent(CodingAgent, ABC):
    """What the blocks of agent programs share; a program adds its launcher, and its reader and verdict in `plans`."""

    launcher: ClassVar[Launcher]

    model: Text = Field(default="", title="Model", description="The model, where the order names none.")
    arguments: tuple[str, ...] = Field(
        default=(),
        title="Arguments",
        description="Further arguments of the program, one by one; an option of plait's own gives way to the same one.",
    )
    capabilities: Capabilities = ()

    @classmethod
    def from_role(cls, role_name: str, role: Role, *, base_directory: Path) -> Self:  # noqa: ARG003
        """The program, with the role's arguments and its one model; of several the order says which."""
        model = role.model if isinstance(role.model, str) else ""
        return cls(model=model, arguments=role.arguments, capabilities=role.capabilities)

    @property
    def facts(self) -> ProgramFacts:
        """What is known of the program."""
        return PROGRAM_FACTS[self.backend]

    def work(self, order: AgentOrder) -> AgentReport:
        """Start the program in a HOME of its own, follow what it tells, and judge how it ended."""
        home = order.home or order.temporary / "home"
        make_home(home)
        owner, given = Path(order.environment.get("HOME", "/")), self._given(order)
        key = next((name for name in self.facts.keys if given.get(name)), "")
        launch = self.launch(self._launch_order(order, home, key))
        following = self.following(order)
        with self._logged_in(order, home, owner, is_needed=order.door is None and not key):
            for file in launch.files:
                _put(Path(file.path), file.content, home, order.temporary)
            ended = self._carried_out(order, launch, self.at_home(order, given, home), following)
        following.finish()
        return self._report(order, ended, following)

    def launch(self, order: LaunchOrder) -> Launch:
        """How the program is started."""
        return type(self).launcher(order)

    def at_home(self, order: AgentOrder, given: Mapping[str, str], home: Path) -> Mapping[str, str]:
        """The program's variables, with the HOME that it has."""
        return in_own_home(given, home, sees_old=not order.is_sandboxed)

    def following(self, order: AgentOrder) -> Following:
        """What reads the program's stream while it works."""
        return Following(READERS[self.backend](), order)

    def _given(self, order: AgentOrder) -> Mapping[str, str]:
        """What the order gives it, and the key that is in our environment where the order has none of its keys."""
        if order.door or any(order.environment.get(name) for name in self.facts.variables):
            return order.environment
        return {**our_values(self.facts.variables), **order.environment}

    def _launch_order(self, order: AgentOrder, home: Path, key: str) -> LaunchOrder:
        return LaunchOrder(
            program=self.backend,
            prompt=order.prompt,
            directory=str(order.directory),
            home=str(home),
            temporary=str(order.temporary),
            model=order.model or self.model or None,
            instructions=order.instructions,
            session=order.session,
            new_session=str(uuid4()),
            turns=order.turns,
            usd=order.usd,
            schema=order.schema,
            tools=order.tools,
            denied_tools=order.denied_tools,
            servers=order.servers,
            door=order.door,
            key=key,
            address=next((order.environment[name] for name in self.facts.addresses if name in order.environment), ""),
            access=order.access,
            is_sandboxed=order.is_sandboxed,
            arguments=self.arguments,
        )

    @contextmanager
    def _logged_in(self, order: AgentOrder, home: Path, owner: Path, *, is_needed: bool) -> Iterator[None]:
        """With the owner's login in the HOME, where there is neither a door nor a key."""
        if not is_needed:
            yield
            return
        with borrowed_login(home, self.facts.logins, owner=owner, gives_back=not order.is_sandboxed):
            yield

    def _carried_out(
        self, order: AgentOrder, launch: Launch, environment: Mapping[str, str], following: Following
    ) -> Ended:
        kept = {name: value for name, value in environment.items() if name not in launch.without}
        return carry_out(
            order,
            launch.argv,
            environment={**kept, **launch.environment},
            stdin=launch.stdin,
            stop=following.stop,
            on_line=following.look,
        )

    def _report(self, order: AgentOrder, ended: Ended, following: Following) -> AgentReport:
        cause: Cause = "going nowhere" if ended.cause == "cancelled" and following.was_stopped else ended.cause
        judged = verdict(
            self.backend,
            following.course,
            status=ended.status,
            stderr_tail="\n".join(following.course.texts),
            cause=cause,
            now=datetime.now(LocalZone()),
            zone_of=zone_of,
            door=order.door_sight() if order.door_sight else None,
            before=order.before,
        )
        if warning := untested(self.backend, following.version or ""):
            judged = replace(judged, notes=(*judged.notes, warning))
        report = report_on(order, ended, called=self.backend)
        problem = None if judged.outcome == "done" else f"{self.backend}: {judged.reason or judged.outcome}"
        return replace(
            report,
            cause="stalled" if cause == "going nowhere" else ended.cause,
            summary=judged.words,
            tail="\n".join(following.lines),
            claims_done=problem is None,
            problem=report.problem if ended.survivors else problem,
            usage=judged.usage,
            verdict=judged,
            answer=judged.answer,
            version=following.version,
        )


def _put(place: Path, content: str, home: Path, temporary: Path) -> None:
    folder = home if place.is_relative_to(home) else temporary
    put_private_file(folder, str(place.relative_to(folder)), content)
