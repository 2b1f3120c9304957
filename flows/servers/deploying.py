"""Puts what plait needs onto a Prefect server: block types, a crew, a work pool, deployments, limits, an automation.

Everything here may be done again: what is there stays as somebody may have changed it, only deployments and block types
are brought to this version. The server is that of PREFECT_API_URL, so the environment is set before this is imported.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import BlockTypeUpdate, DeploymentScheduleCreate, WorkPoolCreate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.flows import Flow, load_flow_from_entrypoint
from prefect.utilities.callables import parameter_schema
from prefect.workers.process import ProcessWorker
from pydantic import HttpUrl

from plait import __version__
from plait.blocks import SAVED_BLOCKS, AgentCrew
from plait.blocks.agent_crew import CrewRole
from plait.flows.servers.probing import is_picture
from plait.flows.servers.role_limits import ensure_limits
from plait.flows.servers.settings import is_loopback
from plait.plans.errors import CallError, EnvironmentProblem
from plait.plans.language.crew import DEFAULT_CREW

POOL = "plait"
CREW = "default"
"""The name of the crew block that is saved when there is none."""

_LOGO_OF_PAGE = "/ico/android-chrome-192x192.png"
"""Prefect's mark, which each of its pages has among its files (3.8.4, 3.9.0)."""

ZOMBIE_AUTOMATION = "plait: end flow runs that are gone"

ZOMBIE_SILENCE = timedelta(seconds=3 * 180)
"""Three heartbeats of Prefect's default: shorter would end healthy runs of whoever has not changed it."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """A flow that can be started from the page."""

    name: str
    """Of the deployment; the page shows it after the flow's."""
    entrypoint: str
    """`module.function`: importable on the worker, wherever it runs."""
    parameters: Mapping[str, object] = field(default_factory=dict)
    """What the form is filled with."""
    schedules: tuple[DeploymentScheduleCreate, ...] = ()


DEPLOYMENTS = (
    Deployed("deliver-feature", "plait.flows.feature.deliver_feature"),
    Deployed("answer-contract", "plait.flows.answering.answer_contract"),
    Deployed("land-feature", "plait.flows.landing_asked.land_on_base"),
)


def register_everything(
    *, deployments: Sequence[Deployed] = DEPLOYMENTS, on_step: Callable[[str], None] = lambda _text: None
) -> tuple[str, ...]:
    """Bring the server to what this version of plait needs, and say in sentences what was made.

    Raises:
        EnvironmentProblem: the server does not answer, or refuses.
    """
    try:
        with get_client(sync_client=True) as client:
            on_step("registering blocks")
            _register_blocks()
            made = [*_crew(), *_pool(client)]
            _take_logo_of_page(client)
            on_step("registering deployments")
            made += [put_deployment(client, deployed) for deployed in deployments]
            if ensure_zombie_automation(client):
                made.append("an automation that ends runs whose process is gone")
    except (httpx.HTTPError, RuntimeError) as problem:  # a server that is not there is a RuntimeError of the client
        raise refused(problem) from None
    made += _limits()
    return tuple(made)


def put_deployment(client: SyncPrefectClient, deployed: Deployed) -> str:
    """Make or renew a deployment on the work pool; its parameters become the page's form."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(deployed.entrypoint)
    client.create_deployment(
        flow_id=client.create_flow(flow),
        name=deployed.name,
        version=__version__,
        description=flow.description,
        work_pool_name=POOL,
        # None: the page shows the work pool of a run where it shows tags, and the pool's name says the same.
        tags=[],
        entrypoint=deployed.entrypoint,
        # No steps at all: the default one changes to the directory of the machine that deployed it.
        pull_steps=[],
        parameter_openapi_schema=parameter_schema(flow).model_dump_for_openapi(),
        enforce_parameter_schema=True,
        parameters=dict(deployed.parameters),
        schedules=list(deployed.schedules),
    )
    return f"the deployment {flow.name}/{deployed.name}"


def _register_blocks() -> None:
    for block in SAVED_BLOCKS:
        block.register_type_and_schema()


def _take_logo_of_page(client: SyncPrefectClient) -> None:
    """Where the server is on this machine, let its page draw our blocks with a file of its own.

    Prefect takes no picture but an address, and that of the block types is on Prefect's site: whoever is offline would
    see a broken one. After blocks are registered and saved, which sets that one again.
    """
    logo = f"{os.environ.get('PREFECT_API_URL', '').rstrip('/').removesuffix('/api')}{_LOGO_OF_PAGE}"
    if not is_loopback(urlsplit(logo).hostname or "") or not is_picture(logo):
        return
    for block in SAVED_BLOCKS:
        known = client.read_block_type_by_slug(block.get_block_type_slug())
        client.update_block_type(known.id, BlockTypeUpdate(logo_url=HttpUrl(logo)))


def _crew() -> list[str]:
    """Save the default crew, to be changed on the page, when no crew has its name."""
    if _saved_crew() is not None:
        return []
    roles = [CrewRole(name=name, slots=role.slots) for name, role in DEFAULT_CREW.roles.items()]
    AgentCrew(roles=roles).save(CREW)
    return [f"the crew block {CREW}"]


def _saved_crew() -> AgentCrew | None:
    try:
        crew = AgentCrew.load(CREW, validate=False)
    except ValueError:
        return None
    return crew if isinstance(crew, AgentCrew) else None


def _pool(client: SyncPrefectClient) -> list[str]:
    try:
        client.read_work_pool(POOL)
    except ObjectNotFound:
        template = ProcessWorker.get_default_base_job_template()
        description = "Runs plait's flows as processes on the machine of its worker."
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type=ProcessWorker.type, description=description, base_job_template=template)
        )
        return [f"the work pool {POOL}"]
    return []


def ensure_zombie_automation(client: SyncPrefectClient) -> bool:
    """Make the automation when the server lacks it; an existing one is left as somebody may have changed it.

    Each run that has sent a heartbeat has to send another event, whichever, within `ZOMBIE_SILENCE`; else it has
    crashed (Prefect's documentation, "Detect zombie flows").

    Returns:
        Whether it was made.
    """
    if client.read_automations_by_name(ZOMBIE_AUTOMATION):
        return False
    client.create_automation(
        AutomationCore(
            name=ZOMBIE_AUTOMATION,
            description="A run that was killed together with its worker cannot say so; its heartbeat stops.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},
                match={"prefect.resource.id": "prefect.flow-run.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=ZOMBIE_SILENCE,
            ),
            actions=[
                ChangeFlowRunState(
                    state=StateType.CRASHED,
                    name="Crashed",
                    message="Its process has sent no sign of life for 9 minutes.",
                )
            ],
        )
    )
    return True


def _limits() -> list[str]:
    """The limits of the saved crew's roles; a run makes those that its own crew adds."""
    crew = _saved_crew()
    try:
        roles = crew.as_crew().roles if crew is not None else DEFAULT_CREW.roles
    except CallError as problem:
        return [f"no role limits: {problem}"]
    made = ensure_limits({name: role.slots for name, role in {**DEFAULT_CREW.roles, **roles}.items()})
    return [f"{len(made)} role limits"] if made else []


def worker_name() -> str:
    """What the page calls the worker of this machine."""
    return f"plait on {socket.gethostname()}"


def refused(problem: Exception) -> EnvironmentProblem:
    """What is said when the server did not do what it was asked."""
    url = os.environ.get("PREFECT_API_URL", "")
    if isinstance(problem, PrefectHTTPStatusError):
        detail = problem.response.text[:300]
        return EnvironmentProblem(f"the Prefect server at {url} refused: {detail or problem}", "see its log")
    return EnvironmentProblem(f"the Prefect server at {url} did not answer: {problem}", "see that it runs")
