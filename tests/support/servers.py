"""Prefect in the process of a test, talking to the server of a run that is tried as a command."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import TaskRunFilter, TaskRunFilterTags
from prefect.client.schemas.objects import TaskRun
from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings


@contextmanager
def talking_to(server: Mapping[str, str]) -> Iterator[SyncPrefectClient]:
    """A client, with the settings of the server while it is open; `server`: the environment of commands that use it."""
    settings = {
        PREFECT_API_URL: server["PREFECT_API_URL"],
        PREFECT_API_AUTH_STRING: server.get("PREFECT_API_AUTH_STRING"),
    }
    with temporary_settings(settings), get_client(sync_client=True) as client:
        yield client


def task_runs(server: Mapping[str, str], *, tag: str) -> list[TaskRun]:
    """The task runs with this tag, oldest first."""
    with talking_to(server) as client:
        return client.read_task_runs(task_run_filter=TaskRunFilter(tags=TaskRunFilterTags(all_=[tag])))
