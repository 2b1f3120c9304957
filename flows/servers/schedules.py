"""What a Prefect schedule says: the day that a run of it is for, and whether a line is a schedule at all."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun


def wanted_day(flow_run: FlowRun) -> date:
    """The day on which a flow run was first to start, as the clocks of its schedule's time zone show it.

    A run that starts late, or is retried on the next day, is still for that day. Where no schedule made it, or one that
    is gone, the time zone is this machine's.
    """
    wanted: datetime = flow_run.expected_start_time or datetime.now().astimezone()
    return wanted.astimezone(_zone_of(flow_run) if flow_run.auto_scheduled else None).date()


def _zone_of(flow_run: FlowRun) -> ZoneInfo | None:
    """The time zone of the schedule that made a run; this machine's where that is not known."""
    maker = flow_run.created_by
    if flow_run.deployment_id is None or maker is None:
        return None
    try:
        with get_client(sync_client=True) as client:
            schedules = {each.id: each.schedule for each in client.read_deployment_schedules(flow_run.deployment_id)}
    except httpx.HTTPError:
        return None
    schedule = schedules.get(maker.id) if maker.id else None
    return ZoneInfo(getattr(schedule, "timezone", None) or "UTC") if schedule is not None else None
