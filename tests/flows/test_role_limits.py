"""Role limits on a real server: one slot is one run's, whoever asks, and through a restart."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client

from plait.flows.servers.local_server import (
    SERVER_GRACE,
    ServerRecord,
    _answers_within,
    _started_server,
    write_server_record,
)
from plait.flows.servers.role_limits import (
    Lease,
    LeaseSlots,
    UnknownLimitError,
    ensure_limits,
    known_limits,
    limit_name,
)
from plait.plans.errors import EnvironmentProblem
from plait.workspace.process import stop_process
from tests.flows.up_server import UpServer, free_port, kill
from tests.support.patience import patience

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpServer]:
    """A server as `plait up` starts it, without worker and deployments."""
    with pytest.MonkeyPatch.context() as patch:
        up = UpServer(tmp_path_factory.mktemp("limits"), free_port())
        patch.setenv("PLAIT_HOME", str(up.home))
        up.directory.mkdir(mode=0o700)
        _started_server(up.directory, ServerRecord(host="127.0.0.1", port=up.port, prefect=""))
        yield up
        stop_process(up.state.server.pid, up.state.server.started, SERVER_GRACE)


@pytest.fixture
def slots(server: UpServer) -> Iterator[LeaseSlots]:
    with server.asked(), LeaseSlots() as slots:
        yield slots


@pytest.fixture
def role(server: UpServer) -> str:
    """A role of one slot that no other test has."""
    name = f"role-{uuid4().hex[:8]}"
    with server.asked():
        assert ensure_limits({name: 1}) == [limit_name(name)]
    return name


def active(role: str) -> int:
    with get_client(sync_client=True) as client:
        return client.read_global_concurrency_limit_by_name(limit_name(role)).active_slots


def test_a_slot_is_held_across_two_runs(slots: LeaseSlots, role: str) -> None:
    with LeaseSlots() as others:
        lease = slots.try_take(role)
        assert lease is not None
        assert others.try_take(role) is None
        assert slots.try_take(role) is None
        slots.release(lease)
        assert others.try_take(role) is not None
        assert slots.try_take(role) is None
    assert slots.try_take(role) is not None, "a run that ends gives its slots back"


def test_who_gets_no_slot_is_told_so_and_does_not_wait_for_it(slots: LeaseSlots, role: str) -> None:
    with patience():
        for _ in range(10):
            lease = slots.try_take(role)
            assert slots.try_take(role) is None
            assert lease is not None
            slots.release(lease)


def test_a_role_without_a_limit_is_an_error_and_not_no_limit(slots: LeaseSlots) -> None:
    with pytest.raises(UnknownLimitError, match="plait-role-nobody"):
        slots.try_take("nobody")


def test_a_role_that_was_paused_on_the_page_gets_nothing(slots: LeaseSlots) -> None:
    ensure_limits({"paused": 0})
    assert slots.try_take("paused") is None


def test_the_value_of_the_server_rules(slots: LeaseSlots, role: str) -> None:
    assert ensure_limits({role: 5}) == []
    assert slots.try_take(role) is not None
    assert slots.try_take(role) is None


def test_more_limits_than_fit_on_one_page_are_known(slots: LeaseSlots) -> None:
    roles = {f"many-{number}": 1 for number in range(5)}
    ensure_limits(roles)
    with get_client(sync_client=True) as client:
        assert {limit_name(role) for role in roles} <= known_limits(client, page=2).keys()


def test_what_is_released_twice_is_given_back_once(slots: LeaseSlots, role: str) -> None:
    lease = slots.try_take(role)
    assert lease is not None
    slots.release(lease)
    with LeaseSlots() as others:
        assert others.try_take(role) is not None
        slots.release(lease)
        assert active(role) == 1


def test_a_lease_that_the_server_forgot_is_told_and_nothing_else_happens(slots: LeaseSlots, role: str) -> None:
    lost: list[Lease] = []
    with LeaseSlots(on_lost=lost.append) as others:
        lease = others.try_take(role)
        assert lease is not None
        with get_client(sync_client=True) as client:
            client.release_concurrency_slots_with_lease(lease.id)
        others._renew(lease)
        assert lost == [lease]
        assert slots.try_take(role) is not None


def test_leases_outlive_a_restart_of_the_server(server: UpServer, role: str) -> None:
    with server.asked(), LeaseSlots() as slots, LeaseSlots() as others:
        lease = slots.try_take(role)
        assert lease is not None
        kill(server.state.server.pid)
        assert others.try_take(role) is None, "no answer is no slot, and no error yet"
        write_server_record(server.directory, replace(server.state, port=server.port))
        _started_server(server.directory, server.state)
        assert _answers_within(server.state, 60)
        assert others.try_take(role) is None
        slots._renew(lease)
        slots.release(lease)
        assert active(role) == 0
        assert others.try_take(role) is not None


def test_a_server_that_is_not_there_is_said(server: UpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = UpServer(server.home, free_port())
    with nowhere.asked(), pytest.raises(EnvironmentProblem, match="did not give an answer"):
        ensure_limits({"qa": 1})
    monkeypatch.setattr("plait.flows.servers.role_limits.LOST_AFTER", 0.0)
    with nowhere.asked(), LeaseSlots() as slots, pytest.raises(EnvironmentProblem, match="did not give an answer"):
        slots.try_take("qa")
