"""The automation that ends zombies: flow runs whose process is gone and that would say Running for ever."""

from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

NAME = "plait: end flow runs that are gone"

SILENCE = timedelta(seconds=3 * 180)
"""Three heartbeats of Prefect's default: shorter would end healthy runs of whoever has not changed it."""


def ensure_zombie_automation(client: SyncPrefectClient) -> bool:
    """Make the automation when the server lacks it; an existing one is left as somebody may have changed it.

    Each run that has sent a heartbeat has to send another event, whichever, within `SILENCE`; else it has crashed
    (Prefect's documentation, "Detect zombie flows").

    Returns:
        Whether it was made.
    """
    if client.read_automations_by_name(NAME):
        return False
    client.create_automation(
        AutomationCore(
            name=NAME,
            description="A run that was killed together with its worker cannot say so; its heartbeat stops.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.*"},
                match={"prefect.resource.id": "prefect.flow-run.*"},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                threshold=1,
                within=SILENCE,
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
