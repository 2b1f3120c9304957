"""`plait up` and `plait down`: a server closed to strangers, a worker that runs what the page starts, no left-overs."""

import http.client
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from plait.blocks import SAVED_BLOCKS, AgentCrew, FeatureRepository
from plait.flows.inputs.parameters import brief_from_parameters
from plait.flows.servers.choosing import choose_server
from plait.flows.servers.deploying import CREW, ZOMBIE_AUTOMATION, Deployed, put_deployment
from plait.flows.servers.local_server import has_worker
from plait.flows.servers.probing import is_picture, status_of
from plait.flows.servers.role_limits import limit_name
from plait.workspace.process import is_alive
from tests.flows.up_server import UpServer, free_port, kill

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpServer]:
    server = UpServer(tmp_path_factory.mktemp("up"), free_port())
    came = server.plait("up", "--port", str(server.port))
    try:
        assert came.returncode == 0, came.stderr
        assert f"http://127.0.0.1:{server.port}" in came.stdout
        assert str(server.directory / "password") in came.stdout
        assert server.auth not in came.stdout + came.stderr
        yield server
    finally:
        server.plait("down")


def answer(server: UpServer, method: str, path: str, headers: dict[str, str]) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    connection.request(method, path, body="{}", headers=headers)
    got = connection.getresponse()
    got.read()
    return got


def wait_for_end(run: FlowRun) -> FlowRun:
    until = time.monotonic() + 90
    with get_client(sync_client=True) as client:
        while time.monotonic() < until:
            run = client.read_flow_run(run.id)
            if run.state is not None and run.state.is_final():
                break
            time.sleep(0.3)
    return run


def test_the_server_is_closed_to_strangers(up: UpServer) -> None:
    assert status_of(up.url, "/admin/version") == 401
    assert status_of(up.url, "/admin/version", auth="plait:guess") == 401
    assert status_of(up.url, "/admin/version", auth=up.auth) == 200
    foreign = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    assert answer(up, "OPTIONS", "/api/flows/filter", foreign).getheader("Access-Control-Allow-Origin") is None
    own = {**foreign, "Origin": f"http://localhost:{up.port}"}
    assert answer(up, "OPTIONS", "/api/flows/filter", own).getheader("Access-Control-Allow-Origin") == own["Origin"]
    assert answer(up, "POST", "/api/flows/filter", {"Content-Type": "application/json"}).status == 403
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if " 0A " in line]
    assert [place for place in listening if place.endswith(f":{up.port:04X}")] == [f"0100007F:{up.port:04X}"]


def test_the_password_is_read_by_its_owner_alone(up: UpServer) -> None:
    assert stat.S_IMODE((up.directory / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE(up.directory.stat().st_mode) == 0o700


def test_the_page_finds_its_api(up: UpServer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", up.port, timeout=5)
    connection.request("GET", "/ui-settings")
    said = json.loads(connection.getresponse().read())
    assert (said["api_url"], said["auth"], said["csrf_enabled"]) == (up.url, "BASIC", True)


def test_crew_limits_deployment_and_automation_are_there(up: UpServer) -> None:
    with up.asked(), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("deliver-feature/deliver-feature")
        assert (deployment.entrypoint, deployment.pull_steps) == ("plait.flows.feature.deliver_feature", [])
        form = (deployment.parameter_openapi_schema or {})["properties"]
        assert all(form[name]["description"] for name in ("plan", "repository", "crew"))
        crew = AgentCrew.load(CREW).as_crew()
        limits = {limit.name: limit.limit for limit in client.read_global_concurrency_limits(limit=100)}
        assert limits == {limit_name(name): role.slots for name, role in crew.roles.items()}
        assert len(client.read_automations_by_name(ZOMBIE_AUTOMATION)) == 1


def test_the_logo_of_blocks_is_a_picture_that_the_server_itself_has(up: UpServer) -> None:
    with up.asked(), get_client(sync_client=True) as client:
        logos = {str(client.read_block_type_by_slug(block.get_block_type_slug()).logo_url) for block in SAVED_BLOCKS}
    (logo,) = logos
    assert logo.startswith(f"http://127.0.0.1:{up.port}/")
    assert is_picture(logo)
    assert not is_picture(f"http://127.0.0.1:{up.port}/no-such-file")


def test_a_feature_starts_from_the_base_of_its_repository_block_where_its_plan_names_none(
    up: UpServer, repository: Path
) -> None:
    plan = "feature: f\ntasks: [{id: A, run: 'true'}]\n"
    with up.asked():
        FeatureRepository(path=str(repository), base="develop").save("shop", overwrite=True)
        place, brief = brief_from_parameters(plan, "shop", "", given=None)
        _, own = brief_from_parameters(f"base: release\n{plan}", "shop", "", given=None)
    assert (place, brief.plan.base, own.plan.base) == (repository, "develop", "release")


def test_the_worker_runs_what_the_page_starts(up: UpServer) -> None:
    with up.asked(), get_client(sync_client=True) as client:
        put_deployment(client, Deployed("tiny", "tests.flows.tiny.tiny"))
        deployment = client.read_deployment_by_name("tiny/tiny")
        run = wait_for_end(client.create_flow_run_from_deployment(deployment.id, parameters={"number": 21}))
        assert run.state is not None
        assert run.state.is_completed(), run.state
    stored = [json.loads(path.read_text()) for path in (up.directory / "results").iterdir()]
    seen = next(one for one in stored if "doubled" in one)
    assert (seen["doubled"], seen["home"], seen["url"]) == ("42", str(up.home), up.url)
    assert seen["path"] == os.environ["PATH"]
    until = time.monotonic() + 20
    while Path(seen["directory"]).exists() and time.monotonic() < until:
        time.sleep(0.1)
    assert not Path(seen["directory"]).exists(), "a run's own directory goes with it"


def test_an_answer_that_cannot_be_taken_is_told_in_state_and_artifact_without_a_traceback(
    up: UpServer, tmp_path: Path
) -> None:
    asked = {"repository": str(tmp_path), "feature": "f", "contract": "api"}
    with up.asked(), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("answer-contract/answer-contract")
        run = wait_for_end(client.create_flow_run_from_deployment(deployment.id, parameters=asked))
        of_it = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        (artifact,) = client.read_artifacts(flow_run_filter=of_it)
        until = time.monotonic() + 30
        while processes_of(run) and time.monotonic() < until:
            time.sleep(0.1)
    assert run.state is not None
    assert run.state.is_failed()
    assert "is not in a git repository" in str(run.state.message)
    assert "The answer was not taken" in str(artifact.data)
    assert "unexpected exception" not in (up.directory / "worker.log").read_text()


def test_a_second_up_says_so_and_mends_what_is_missing(up: UpServer) -> None:
    before = up.state
    again = up.plait("up", "--port", str(free_port()))
    assert again.returncode == 0, again.stderr
    assert "It runs already" in again.stdout
    assert "it stays at" in again.stdout
    assert up.state == before
    kill(before.worker.pid)
    mended = up.plait("up", "--port", str(up.port))
    assert mended.returncode == 0, mended.stderr
    assert replace(up.state, worker=before.worker) == before
    assert up.state.worker.alive


def test_commands_of_this_machine_find_the_server(up: UpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", str(up.home))
    known = choose_server(None, {}).settings
    assert (known["PREFECT_API_URL"], known["PREFECT_API_AUTH_STRING"]) == (up.url, up.auth)
    deployed = up.plait("deploy")
    assert deployed.returncode == 0, deployed.stderr
    assert "deliver-feature/deliver-feature" in deployed.stdout
    assert has_worker(up.url)
    assert deployed.stdout.strip().endswith("Next: run deliver-feature on the page.")


def test_a_plan_with_mistakes_is_refused_before_anything_is_deployed(up: UpServer, tmp_path: Path) -> None:
    plan = tmp_path / "bad.yaml"
    plan.write_text("feature: x\ntasks: [{id: A, run: x, needs: [NOBODY]}]\n")
    refused = up.plait("deploy", "--plan", str(plan), "--repo", str(tmp_path))
    assert refused.returncode == 2
    assert "NOBODY" in refused.stderr
    assert "registering" not in refused.stderr


@pytest.mark.parametrize("command", ["up", "deploy"])
def test_a_deployment_that_an_older_plait_made_is_renewed(up: UpServer, command: str) -> None:
    """Before 0.2 the flow was imported as `flows.feature`, which a project's own `flows` shadows."""
    with up.asked(), get_client(sync_client=True) as client:
        before = client.read_deployment_by_name("deliver-feature/deliver-feature")
        old = client.create_deployment(
            flow_id=before.flow_id,
            name=before.name,
            entrypoint="flows.feature.deliver_feature",
            work_pool_name=before.work_pool_name,
            pull_steps=[],
            tags=["plait"],
        )
        assert client.read_deployment(old).entrypoint == "flows.feature.deliver_feature"

        renewed = up.plait(command, *(["--port", str(up.port)] if command == "up" else []))

        assert renewed.returncode == 0, renewed.stderr
        now = client.read_deployment(old)
        assert (now.entrypoint, now.tags) == ("plait.flows.feature.deliver_feature", [])
    assert old == before.id


def test_down_leaves_no_process(up: UpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLAIT_HOME", str(up.home))
    running = up.state
    went = up.plait("down")
    assert went.stdout.strip() == "Stopped: worker, server."
    assert not any(is_alive(process.pid, process.started) for process in (running.server, running.worker))
    named = [path for path in Path("/proc").glob("[0-9]*/environ") if str(up.home).encode() in read(path)]
    assert named == []
    assert choose_server(None, {}).url is None
    again = up.plait("down")
    assert (again.returncode, again.stdout.strip()) == (0, "Nothing runs.")


def processes_of(run: FlowRun) -> list[Path]:
    """The worker's processes that carry a run out."""
    return [path for path in Path("/proc").glob("[0-9]*/environ") if str(run.id).encode() in read(path)]


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_port_that_somebody_has_is_refused(tmp_path: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        refused = UpServer(tmp_path, 0).plait("up", "--port", str(somebody.getsockname()[1]))
    assert refused.returncode == 3
    assert "--port" in refused.stderr
    assert not (tmp_path / "server" / "server.json").exists()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])  # noqa: S104
def test_an_address_that_others_can_reach_is_refused(tmp_path: Path, host: str) -> None:
    refused = UpServer(tmp_path, 0).plait("up", "--host", host)
    assert refused.returncode == 2
    assert not (tmp_path / "server" / "server.json").exists()


def test_deploying_to_nowhere_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert UpServer(tmp_path, 0).plait("deploy").returncode == 3
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    refused = UpServer(tmp_path, 0).plait("deploy")
    assert refused.returncode == 3
    assert "plait up" in refused.stderr
