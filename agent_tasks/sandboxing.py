"""Whether one try works in a sandbox, by what its crew says and this machine can, and what that sandbox lets in."""

from pathlib import Path
from urllib.parse import urlsplit

from plait.agent_tasks.run_door import WayIn
from plait.agent_tasks.workshop import Workshop
from plait.blocks.agents.base import AgentOrder
from plait.plans.agents.launching import McpServer
from plait.plans.errors import EnvironmentProblem
from plait.plans.language.backends import Backend
from plait.plans.language.sandboxing import IN_PROCESS, PROVIDER_HOSTS, left_outside
from plait.workspace.sandbox import Sandbox, object_stores
from plait.workspace.sandbox_probe import probe_sandbox

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def sandbox_of(role_name: str, backend: Backend, order: AgentOrder, shop: Workshop, way: WayIn) -> Sandbox | None:
    """The sandbox of one try; nothing where it works outside of one.

    Raises:
        EnvironmentProblem: its role requires one, and there is none.
    """
    level = shop.crew.sandbox_of(role_name, backend)
    if level == "off":
        return None
    if level == "required":
        require_sandbox([role_name], in_process=backend in IN_PROCESS)
    elif why := left_outside(backend, has_door=way.entry is not None, variables=order.environment):
        shop.tell_once(f"agents of {role_name} work outside of a sandbox: {why} (`sandbox: required` puts them in)")
        return None
    elif not probe_sandbox().works:
        return None
    control, role = shop.control, shop.crew.role(role_name)
    return Sandbox(
        checkout=order.directory,
        home=order.home or order.temporary / "home",
        temporary=order.temporary,
        sockets=_sockets(way),
        ports=tuple(port for server in order.servers if (port := _port_here(server))),
        hosts=(*role.hosts, *(PROVIDER_HOSTS.get(backend, ()) if way.entry is None else ())),
        readable=object_stores(control.store.git_dir / "objects"),
        programs=tuple(server.command[0] for server in order.servers if server.command),
        writes_git=backend == "aider",  # it asks git to take in each new file, and leaves it empty where git cannot
        hidden=(shop.home,),
    )


def require_sandbox(roles: list[str], *, in_process: bool = False) -> None:
    """Refuse to go on where a sandbox that roles require is none.

    Raises:
        EnvironmentProblem: it does not work on this machine, or cannot be put around what they work with.
    """
    names = ", ".join(roles)
    if in_process:
        raise EnvironmentProblem(
            f"{names} requires a sandbox, and works in plait's own process, around which there is none",
            "give the role another backend, or `sandbox: off`",
        )
    probe = probe_sandbox()
    if not probe.works:
        raise EnvironmentProblem(
            f"{names} requires a sandbox, and there is none on this machine: {probe.why}",
            f"{probe.hint}; or let the role say `sandbox: auto`",
        )


def _sockets(way: WayIn) -> dict[int, Path]:
    port = urlsplit(way.entry.url).port if way.entry else None
    return {port: way.socket} if port and way.socket else {}


def _port_here(server: McpServer) -> int:
    """The port of a server on this machine; 0 where it is none."""
    try:
        url = urlsplit(server.url)
        return (url.port or 0) if url.hostname in _HERE else 0
    except ValueError:
        return 0
