"""A plan with a schedule: what is deployed of it, and what is refused before nights are lost to it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from pydantic import ValidationError
from tzlocal import get_localzone_name

from plait.flows.inputs.parameters import brief_from_parameters, repository_place
from plait.flows.inputs.requests import Brief, read_plan_file
from plait.flows.running.outset import outset_of, start_of
from plait.flows.servers.deploying import DEPLOYMENTS, Deployed, put_deployment, refused
from plait.plans.errors import CallError, PlaitError
from plait.plans.language.editions import name_of_all
from plait.plans.names import check_slug
from plait.plans.wording import quoted
from plait.workspace.control import open_control
from plait.workspace.home import expanded, plait_home
from plait.workspace.places import is_file, is_folder

HINT_EDITIONS = "put {date} into the feature's name, such as `feature: nightly-{date}`: each night is an edition of it"
_FIELDS = 5


@dataclass(frozen=True, slots=True)
class PlanDeployment:
    """A plan that is to be started from the page by one click, or by a schedule."""

    plan: str
    """The path of the plan, as a shell finds it, or as it stands in the repository."""
    repository: str
    """A clone, or the name of a Feature Repository block."""
    cron: str = ""
    timezone: str = ""
    """As `Europe/Berlin`; this machine's when empty."""
    name: str = ""
    crew: str = ""
    base: str = ""
    store: str = ""


def planned_deployment(wanted: PlanDeployment, *, say: Callable[[str], None]) -> Deployed:
    """A plan and its schedule as they are to be put onto the server, where nothing is changed yet.

    `say`: told what is doubtful.

    Raises:
        PlanError: every mistake of the plan at once.
        CallError: the schedule is none, the feature is finished already, the plan or the repository is not there.
    """
    schedule = cron_schedule(wanted.cron, wanted.timezone) if wanted.cron else None
    parameters = _parameters(wanted)
    place, brief = brief_from_parameters(**parameters, given=None)
    if schedule is not None:
        for doubt in _doubts(brief, place, base=wanted.base or None):
            say(doubt)
    more = {"options": {"base": wanted.base} if wanted.base else None, "store": wanted.store}
    return Deployed(
        _name(wanted, brief),
        DEPLOYMENTS[0].entrypoint,
        parameters={name: value for name, value in {**parameters, **more}.items() if value},
        schedules=(DeploymentScheduleCreate(schedule=schedule, active=True),) if schedule else (),
    )


def deploy_plan(deployed: Deployed) -> tuple[str, ...]:
    """Put a deployment of a plan onto the server; the one of the same name is replaced. What was made, in sentences.

    Raises:
        EnvironmentProblem: the server does not answer, or refuses.
    """
    try:
        with get_client(sync_client=True) as client:
            made = [put_deployment(client, deployed)]
    except (httpx.HTTPError, RuntimeError) as problem:
        raise refused(problem) from None
    schedules = (each.schedule for each in deployed.schedules)
    made += [f"its schedule: {each.cron} ({each.timezone})" for each in schedules if isinstance(each, CronSchedule)]
    return tuple(made)


def _parameters(wanted: PlanDeployment) -> dict[str, str]:
    repository = _as_parameter(wanted.repository)
    return {"plan": _plan_parameter(wanted.plan, repository), "repository": repository, "crew": wanted.crew}


def _name(wanted: PlanDeployment, brief: Brief) -> str:
    """The deployment's: as was asked, else the feature's without its placeholders."""
    if not wanted.name:
        return name_of_all(brief.template or brief.plan.feature) or "editions"
    try:
        return check_slug(wanted.name)
    except ValueError as problem:
        raise CallError(f"--name: {problem}") from None


def cron_schedule(cron: str, timezone: str) -> CronSchedule:
    """A schedule of five fields as cron has them.

    Raises:
        CallError: it is none, or there is no such time zone.
    """
    zone = timezone or get_localzone_name() or "UTC"
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):  # unknown; not a name; a folder of them, such as Europe
        raise CallError(f"there is no time zone {quoted(zone)}", hint="such as Europe/Berlin, or UTC") from None
    hint = "five fields: minute, hour, day, month, day of the week; `0 2 * * *` is every night at two"
    try:
        schedule = CronSchedule(cron=cron, timezone=zone)
    except ValidationError:
        raise CallError(f"{quoted(cron)} is not a schedule", hint=hint) from None
    if len(cron.split()) > _FIELDS:  # the sixth is seconds: a run for each second of that minute
        raise CallError(f"{quoted(cron)} has more than five fields", hint=hint)
    if not _next_date(schedule):
        raise CallError(f"the day of {quoted(cron)} never comes", hint=hint)
    return schedule


def _next_date(schedule: CronSchedule) -> bool:
    """Whether there is one: 31 February is written as other days are."""
    from prefect.server.schemas.schedules import CronSchedule as Planned  # slow to import

    try:
        return bool(asyncio.run(Planned(cron=schedule.cron, timezone=schedule.timezone).get_dates(1)))
    except ValueError:
        return False


def _as_parameter(repository: str) -> str:
    """A repository as the worker is told of it: a folder of this machine by its whole path, anything else as it is."""
    place = expanded(repository)
    return str(place.resolve()) if is_folder(place) else repository


def _plan_parameter(plan: str, repository: str) -> str:
    """A plan as the worker is told of it: a path inside the repository, else its text.

    Example: `plans/nightly.yaml`, typed in the repository or beside it. The worker reads it as it stands there when the
    run begins; what lies elsewhere is deployed as it is now.
    """
    here = expanded(plan)
    place = repository_place(repository).resolve()
    if not is_file(here) and not is_folder(here):
        return plan
    inside = here.resolve()
    if inside.is_relative_to(place):
        return str(inside.relative_to(place))
    if not here.is_absolute() and is_file(place / plan):
        return plan
    text = read_plan_file(here)
    if not isinstance(text, str):
        raise CallError(f"the folder {plan} is outside the repository", hint="a folder of specs has to lie inside it")
    return text


def _doubts(brief: Brief, place: Path, *, base: str | None) -> Iterator[str]:
    """What is said of a schedule over one feature: it works until that has landed, and then never again.

    Raises:
        CallError: it has landed already.
    """
    if brief.template:
        return
    feature = brief.plan.feature
    if _is_finished(brief, place, base=base):
        raise CallError(
            f"{quoted(feature)} has landed as the plan is: a schedule would find nothing to do, night after night",
            hint=HINT_EDITIONS,
        )
    yield f"once {quoted(feature)} has landed, later nights find nothing to do; {HINT_EDITIONS}"


def _is_finished(brief: Brief, place: Path, *, base: str | None) -> bool:
    """Whether a run of the plan would find nothing to do, bundles that landed and work that was taken back included.

    Not where that cannot be told, as for a repository of another machine.
    """
    try:
        control = open_control(place, home=plait_home())
        start = start_of(control, brief, base, fresh=False)
        return not start.fresh and outset_of(control, brief, start, only=()).has_all_landed
    except PlaitError:
        return False
