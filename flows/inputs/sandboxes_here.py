"""Whether the sandboxes that a plan's roles ask for are there, before anything is paid for."""

from collections.abc import Collection, Iterator
from contextlib import suppress

from plait.flows.inputs.requests import Brief
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import Backend
from plait.plans.language.sandboxing import IN_PROCESS, SandboxLevel
from plait.plans.wording import listed
from plait.workspace.programs import backend_of
from plait.workspace.sandbox_probe import probe_sandbox


def require_sandboxes(brief: Brief, only: Collection[str] = ()) -> None:
    """Refuse a plan with a role that requires a sandbox which is not there.

    Args:
        only: Ids of the tasks that count; all when it is empty.

    Raises:
        EnvironmentProblem: why it is not, and how to mend that.
    """
    roles = [(name, backend) for name, backend, level in _levels(brief, only) if level == "required"]
    for name, backend in roles:
        if backend in IN_PROCESS:
            raise EnvironmentProblem(
                f"the role {name} requires a sandbox, and around the backend {backend} there is none",
                "give the role another backend, or `sandbox: off`",
            )
    probe = probe_sandbox() if roles else None
    if probe and not probe.works:
        names = listed(sorted({name for name, _ in roles}), limit=5)
        raise EnvironmentProblem(
            f"a sandbox is required for {names}, and there is none on this machine: {probe.why}",
            f"{probe.hint}; without one: `sandbox: auto`",
        )


def missing_sandboxes(brief: Brief, only: Collection[str] = ()) -> Iterator[str]:
    """A sentence on the agents that work outside of a sandbox because none works here, if there are any."""
    roles = sorted({name for name, _, level in _levels(brief, only) if level == "auto"})
    probe = probe_sandbox() if roles else None
    if probe and not probe.works:
        names = listed(roles, limit=5)
        yield f"NO SANDBOX for agents of {names}: they see and write what you can. {probe.why}: {probe.hint}"


def _levels(brief: Brief, only: Collection[str]) -> Iterator[tuple[str, Backend, SandboxLevel]]:
    """The roles of tasks, and those that they fall back on, as far as it is known what they work with."""
    crew, seen = brief.crew, set[tuple[str, bool]]()
    for task in brief.expansion.tasks:
        if only and task.id not in only:
            continue
        for name in (task.role, *crew.role(task.role).fallback):
            if (name, task.task.is_for_agent) in seen:
                continue
            seen.add((name, task.task.is_for_agent))
            backend: Backend = "command"
            with suppress(EnvironmentProblem):  # told where agents are looked for
                if task.task.is_for_agent:
                    backend = backend_of(name, crew.role(name), default=crew.default_backend)
            yield name, backend, crew.sandbox_of(name, backend)
