"""From the Prefect page: `plait up`, a feature started as the page starts it, its form and its report drawn."""

import base64
import json
import os
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from plait.flows.inputs.run_names import is_generated
from tests.support.browser import Page, open_browser
from tests.support.command import plait, processes_with
from tests.support.repositories import files_of, git, make_repository

pytestmark = pytest.mark.browser

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
KEEP = "KEEP_PICTURES"
"""Set by `make pictures`: the screenshots of the README are written only then."""

PLAN = """
feature: greeting
goal: Say hello in several ways.
crew: {speaker: {slots: 2}}
tasks:
  - {id: HELLO, role: speaker, title: Say hello, run: "sleep 1; echo hello > hello.txt"}
  - {id: BYE, role: speaker, title: Say goodbye, run: "sleep 1.4; echo bye > bye.txt"}
  - {id: LOUD, role: speaker, title: Say it louder, needs: [HELLO], run: "sleep 1; tr a-z A-Z < hello.txt > loud.txt"}
  - {id: ALL, role: speaker, title: Say everything, needs: [LOUD, BYE], run: "sleep 0.5; cat *.txt > all.txt"}
integration:
  verify: [test -f README.md]
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """What `plait up` started."""

    page: str
    auth: str
    home: Path

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to the API, as the page sends it."""
        headers = {"Authorization": f"Basic {self.token}", "Content-Type": "application/json"}
        headers |= self._csrf() if body is not None else {}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.page}/api{path}", data=data, headers=headers)
        return answered(request)

    def _csrf(self) -> dict[str, str]:
        client = "plait-test"
        request = urllib.request.Request(
            f"{self.page}/api/csrf-token?client={client}", headers={"Authorization": f"Basic {self.token}"}
        )
        return {"Prefect-Csrf-Token": answered(request)["token"], "Prefect-Csrf-Client": client}

    @property
    def token(self) -> str:
        return base64.b64encode(self.auth.encode()).decode()


@contextmanager
def signed_in(standing: Standing) -> Iterator[Page]:
    """A browser that the page lets in."""
    with open_browser() as page:
        page.open(f"{standing.page}/v2/")
        page.wait_for("document.readyState === 'complete'")
        page.evaluate(f"localStorage.setItem('prefect-password', {json.dumps(standing.token)})")
        page.resize(1280, 900)
        yield page


def draw(page: Page, address: str, picture: Path, *, says: str) -> str:
    """Open a page, wait until it says something, and take a picture of it; what it says."""
    page.open(address)
    page.wait_for(f"document.body.innerText.includes({json.dumps(says)})")
    time.sleep(6)  # the graph is drawn on a canvas, which has no text to wait for, and moves into its place
    page.picture(picture)
    return page.text()


def answered(request: urllib.request.Request, patience: float = 60) -> Any:
    """The answer in JSON. 503 is how Prefect says that SQLite was locked: asked again, as Prefect's own clients do."""
    deadline = time.monotonic() + patience
    while True:
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            if refused.code != 503 or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    """`plait up` in a home of its own, `plait down` at the end."""
    home = tmp_path_factory.mktemp("standing")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {"PLAIT_HOME": str(home)}
    up = plait("up", "--port", str(port), cwd=home, env=env)
    assert up.status == 0, up.stderr
    try:
        auth = next((home / "server").glob("*password*")).read_text().strip()
        yield Standing(f"http://127.0.0.1:{port}", auth, home)
    finally:
        down = plait("down", cwd=home, env=env)
        assert down.status == 0, down.stderr


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("work") / "shop")


@pytest.fixture(scope="module")
def flow_run(standing: Standing, shop: Path) -> dict[str, Any]:
    """A run that was started as the page starts it, at its end."""
    deployment = standing.ask("/deployments/name/deliver-feature/deliver-feature")
    run = standing.ask(
        f"/deployments/{deployment['id']}/create_flow_run",
        {"parameters": {"plan": PLAN, "repository": str(shop)}, "state": {"type": "SCHEDULED"}},
    )
    deadline = time.monotonic() + 120
    while (run["state"] or {}).get("type") not in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
        assert time.monotonic() < deadline, run
        time.sleep(0.5)
        run = standing.ask(f"/flow_runs/{run['id']}")
    assert isinstance(run, dict)
    return run


def test_a_feature_started_from_the_page_lands(flow_run: dict[str, Any], shop: Path) -> None:
    assert flow_run["state"]["type"] == "COMPLETED", flow_run["state"]
    assert "4 of 4 tasks landed" in flow_run["state"]["message"]
    landed = files_of(shop, "feature/greeting/integration")
    assert landed["all.txt"].splitlines() == ["bye", "hello", "HELLO"]


def test_the_page_has_a_task_run_for_each_task(standing: Standing, flow_run: dict[str, Any]) -> None:
    runs = standing.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [flow_run["id"]]}}})

    assert {"HELLO", "BYE", "LOUD", "ALL"} <= {run["name"] for run in runs}
    loud = next(run for run in runs if run["name"] == "LOUD")
    assert "role:speaker" in loud["tags"]
    assert loud["task_inputs"].get("wait_for")


def test_the_page_shows_how_far_the_run_is(standing: Standing, flow_run: dict[str, Any]) -> None:
    (artifact,) = standing.ask(
        "/artifacts/filter", {"artifacts": {"key": {"like_": "progress"}, "flow_run_id": {"any_": [flow_run["id"]]}}}
    )

    assert (artifact["type"], artifact["data"]) == ("progress", 100.0)
    assert artifact["description"] == "4 tasks: 4 landed"


def test_the_page_shows_what_is_planned(standing: Standing, flow_run: dict[str, Any]) -> None:
    (artifact,) = standing.ask(
        "/artifacts/filter", {"artifacts": {"key": {"like_": "-plan"}, "flow_run_id": {"any_": [flow_run["id"]]}}}
    )

    assert "greeting: 4 tasks" in artifact["data"]
    assert "Say everything" in artifact["data"]


def test_nobody_gets_in_without_the_password(standing: Standing) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{standing.page}/api/flows/count", timeout=10)

    assert refused.value.code == 401


MISTAKEN = """
feature: mistaken
crew: {backend: {slots: 2}}
tasks:
  - {id: API, role: backend, prompt: Build the API., needs: [PAGE]}
  - {id: PAGE, role: backend, prompt: Build the page., needs: [API]}
  - {id: DOCS, role: backend, prompt: Write the docs., run: make docs}
"""


def pictures(otherwise: Path) -> Path:
    """Where pictures go: into the documentation where they are kept."""
    return PICTURES if os.environ.get(KEEP) else otherwise


def test_a_plan_with_mistakes_ends_with_a_readable_reason(standing: Standing, shop: Path, tmp_path: Path) -> None:
    run = wait_for_state(standing, start(standing, MISTAKEN, shop), "FAILED", "CRASHED", "COMPLETED")
    artifact = wait_for_artifact(standing, run["id"], "problem")
    with signed_in(standing) as page:
        address = f"{standing.page}/v2/artifacts/artifact/{artifact['id']}"
        said = draw(page, address, pictures(tmp_path) / "mistake.png", says="The run could not begin")
        log = draw(
            page, f"{standing.page}/v2/runs/flow-run/{run['id']}", tmp_path / "log.png", says="Finished in state"
        )

    assert (run["name"], run["state"]["type"]) == ("mistaken", "FAILED")
    for mistake in ("the needs go in a circle: API -> PAGE -> API", "must have exactly one of prompt, run and branch"):
        assert mistake in run["state"]["message"]
        assert mistake in said
    assert "Traceback" not in said + log
    logs = standing.ask("/logs/filter", {"logs": {"flow_run_id": {"any_": [run["id"]]}}})
    assert "Traceback" not in run["state"]["message"] + "".join(line["message"] for line in logs)


AGREED = """
feature: agreed
goal: Agree on an interface first.
contracts: [{id: api, owner: WRITE, files: [api.md], approval: person}]
tasks:
  - {id: WRITE, owns: [api.md], run: "echo the price is in cents > api.md"}
  - {id: BUILD, needs: [{contract: api}], owns: [build.txt], run: "cat api.md > build.txt"}
"""


def submit(page: Page) -> None:
    """Press Submit until the page goes on to what was submitted: a loaded machine fills a form in late."""
    there = "location.pathname.endsWith('/run')"
    button = "[...document.querySelectorAll('button')].find(button => button.innerText.trim() === 'Submit')"
    for _ in range(3):
        page.wait_for(f"!({there}) || ({button}?.click(), {button} !== undefined)")
        for _ in range(100):
            if not page.evaluate(there):
                return
            time.sleep(0.2)
    pytest.fail(f"the form was not taken; the page says: {page.text()[:2000]}")


def test_a_contract_is_approved_on_the_page(standing: Standing, shop: Path, tmp_path: Path) -> None:
    place = pictures(tmp_path)
    run = start(standing, AGREED, shop)
    artifact = wait_for_artifact(standing, run, "contract-api")
    question = artifact["data"]
    link = re.search(r"\[Approve\]\((\S+)\)", question)

    assert "the price is in cents" in question
    assert link is not None, question
    wait_for(lambda: standing.ask(f"/flow_runs/{run}")["state"]["name"] == "Waiting for approval")
    with signed_in(standing) as page:
        page.resize(1280, 800)
        page.open(f"{standing.page}/v2/artifacts/artifact/{artifact['id']}")
        page.wait_for("document.body.innerText.includes('the price is in cents')")
        page.picture(place / "contract.png")
        assert link[1].startswith("../../deployments/deployment/")
        page.open(f"{standing.page}/v2/artifacts/artifact/{link[1]}")
        page.wait_for("[...document.querySelectorAll('textarea, input')].some(field => field.value === 'agreed')")
        submit(page)
        ended = wait_for_state(standing, run, "COMPLETED", "FAILED", "CRASHED")

    assert "2 of 2 tasks landed" in ended["state"]["message"]
    assert files_of(shop, "feature/agreed/integration")["build.txt"] == "the price is in cents"
    assert "was approved by somebody on the Prefect page" in wait_for_artifact(standing, run, "contract-api")["data"]


def states_of_tasks(standing: Standing, run: str) -> dict[str, str]:
    """The type of the state of each task run, by its name."""
    runs = standing.ask("/task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
    return {one["name"]: one["state_type"] for one in runs}


def wait_for_artifact(standing: Standing, run: str, key: str) -> dict[str, Any]:
    """The newest artifact of a run whose key has this part."""
    wanted = {"artifacts": {"key": {"like_": key}, "flow_run_id": {"any_": [run]}}, "sort": "CREATED_DESC"}
    wait_for(lambda: standing.ask("/artifacts/filter", wanted))
    newest = standing.ask("/artifacts/filter", wanted)[0]
    assert isinstance(newest, dict)
    return newest


LONG = """
feature: {feature}
goal: Take a while.
tasks:
  - {{id: QUICK, run: "echo once >> {work}/quick; echo x > quick.txt"}}
  - id: SLOW
    needs: [QUICK]
    run: |
      echo begun > slow.txt; touch {work}/begun
      [ -f {work}/hurry ] || sleep {seconds}
"""


def start(standing: Standing, plan: str, repository: Path) -> str:
    """Start a run as the page does, and give its id."""
    deployment = standing.ask("/deployments/name/deliver-feature/deliver-feature")
    body = {"parameters": {"plan": plan, "repository": str(repository)}, "state": {"type": "SCHEDULED"}}
    return str(standing.ask(f"/deployments/{deployment['id']}/create_flow_run", body)["id"])


def wait_for_state(standing: Standing, run: str, *types: str, seconds: float = 90) -> dict[str, Any]:
    """Wait until a run is in one of these states."""
    deadline = time.monotonic() + seconds
    while (found := standing.ask(f"/flow_runs/{run}"))["state"]["type"] not in types:
        assert time.monotonic() < deadline, found["state"]
        time.sleep(0.3)
    assert isinstance(found, dict)
    return found


def retry(standing: Standing, run: str) -> dict[str, Any]:
    """Press Retry as the page does, and wait for the end."""
    retrying = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    standing.ask(f"/flow_runs/{run}/set_state", {"state": retrying, "force": True})
    return wait_for_state(standing, run, "COMPLETED", "CANCELLED", "CRASHED")


def wait_for(condition: Callable[[], object], *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def wait_for_file(path: Path) -> None:
    wait_for(path.exists)


def test_cancelling_on_the_page_ends_every_process_in_seconds_and_keeps_the_work(
    standing: Standing, shop: Path, tmp_path: Path
) -> None:
    run = start(standing, LONG.format(feature="cancelled", work=tmp_path, seconds="300.271"), shop)
    wait_for_file(tmp_path / "begun")
    wait_for(lambda: processes_with("sleep 300.271"))
    cancelling = {"type": "CANCELLING", "name": "Cancelling"}

    standing.ask(f"/flow_runs/{run}/set_state", {"state": cancelling})
    wait_for(lambda: not processes_with("sleep 300.271"), seconds=30)
    ended = wait_for_state(standing, run, "CANCELLED", "CRASHED", "FAILED")

    assert ended["state"]["type"] == "CANCELLED", ended["state"]
    wait_for(lambda: states_of_tasks(standing, run)["SLOW"] in ("CANCELLED", "FAILED", "CRASHED"))
    assert states_of_tasks(standing, run)["SLOW"] == "CANCELLED"
    with signed_in(standing) as page:
        address = f"{standing.page}/v2/runs/flow-run/{run}?tab=TaskRuns"
        said = draw(page, address, pictures(tmp_path) / "cancelled.png", says="SLOW")
    assert "Traceback" not in said
    assert "salvage" in git(shop, "for-each-ref", "--format=%(refname)", "refs/heads/feature/cancelled")
    assert git(shop, "rev-parse", "feature/cancelled/agent/command/QUICK")


PAUSED = """
feature: {feature}
goal: Wait.
tasks:
  - {{id: FIRST, run: "touch {work}/begun; while [ ! -f {work}/go ]; do sleep 0.1; done; echo 1 > first.txt"}}
  - {{id: SECOND, run: "touch {work}/second; echo 2 > second.txt", needs: [FIRST]}}
"""


def test_suspending_a_run_on_the_page_pauses_it_without_ending_it_and_resume_lets_it_go_on(
    standing: Standing, shop: Path, tmp_path: Path
) -> None:
    run = start(standing, PAUSED.format(feature="suspended", work=tmp_path), shop)
    wait_for_file(tmp_path / "begun")
    in_five_minutes = datetime.now(UTC) + timedelta(seconds=300)
    suspended = {"pause_timeout": in_five_minutes.isoformat(), "pause_reschedule": True}

    standing.ask(
        f"/flow_runs/{run}/set_state",
        {"state": {"type": "PAUSED", "name": "Suspended", "state_details": suspended}},
    )
    wait_for(lambda: standing.ask(f"/flow_runs/{run}")["state"]["name"] == "Paused")
    shown, env = standing.ask(f"/flow_runs/{run}")["state"], {"PLAIT_HOME": str(standing.home)}
    wait_for(lambda: "paused by" in plait("status", "suspended", cwd=standing.home, env=env).stdout)
    (tmp_path / "go").touch()
    wait_for(lambda: task_state(standing, "suspended", "FIRST") == "done")
    status = plait("status", "suspended", cwd=standing.home, env=env).stdout
    idle = not (tmp_path / "second").exists()
    with signed_in(standing) as page:
        page.open(f"{standing.page}/v2/runs/flow-run/{run}")
        page.wait_for("document.body.innerText.includes('Paused')")
    standing.ask(f"/flow_runs/{run}/resume", {})
    ended = wait_for_state(standing, run, "COMPLETED", "CANCELLED", "CRASHED", "FAILED")

    assert shown["state_details"]["pause_timeout"] is None, "it would fail when it is resumed later"
    assert "paused by somebody on the Prefect page" in status
    assert idle
    assert ended["state"]["type"] == "COMPLETED", ended["state"]
    assert "2 of 2 tasks landed" in ended["state"]["message"]


@pytest.mark.parametrize("at_once", [True, False], ids=["before plait has seen it", "once it is paused"])
def test_cancelling_a_suspended_run_on_the_page_ends_it_and_every_process(
    at_once: bool, standing: Standing, shop: Path, tmp_path: Path
) -> None:
    feature = "hasty" if at_once else "patient"
    run = start(standing, PAUSED.format(feature=feature, work=tmp_path), shop)
    env = {"PLAIT_HOME": str(standing.home)}
    wait_for_file(tmp_path / "begun")
    in_five_minutes = (datetime.now(UTC) + timedelta(seconds=300)).isoformat()
    details = {"pause_timeout": in_five_minutes, "pause_reschedule": True}

    suspended = {"type": "PAUSED", "name": "Suspended", "state_details": details}
    standing.ask(f"/flow_runs/{run}/set_state", {"state": suspended})
    if not at_once:
        wait_for(lambda: "paused by" in plait("status", feature, cwd=standing.home, env=env).stdout)
    standing.ask(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    wait_for(lambda: not processes_with(f"{tmp_path}/go"))
    ended = wait_for_state(standing, run, "CANCELLED", "CRASHED", "FAILED", "COMPLETED")
    wait_for(lambda: plait("status", feature, "--json", cwd=standing.home, env=env).data["state"] == "cancelled")

    assert ended["state"]["type"] == "CANCELLED", ended["state"]
    assert not (tmp_path / "second").exists()
    resumed = plait("resume", feature, cwd=standing.home, env=env).stdout
    assert resumed.endswith(" was not paused\n"), "nor will the next run be"


def test_a_run_that_is_paused_from_a_terminal_is_shown_as_paused_on_the_page(
    standing: Standing, shop: Path, tmp_path: Path
) -> None:
    run, env = start(standing, PAUSED.format(feature="paused", work=tmp_path), shop), {"PLAIT_HOME": str(standing.home)}
    wait_for_file(tmp_path / "begun")
    wait_for(lambda: plait("pause", "paused", cwd=standing.home, env=env).status == 0)

    wait_for_state(standing, run, "PAUSED")
    (tmp_path / "go").touch()
    plait("resume", "paused", cwd=standing.home, env=env)
    ended = wait_for_state(standing, run, "COMPLETED", "CANCELLED", "CRASHED", "FAILED")

    assert ended["state"]["type"] == "COMPLETED", ended["state"]


def task_state(standing: Standing, feature: str, task: str) -> str:
    """Where a task of a feature stands, as `plait status` says it."""
    env = {"PLAIT_HOME": str(standing.home)}
    rows = plait("status", feature, "--json", cwd=standing.home, env=env).data["tasks"]
    return next(str(row["state"]) for row in rows if row["id"] == task)


def test_a_killed_run_that_is_retried_on_the_page_does_not_do_finished_work_again(
    standing: Standing, shop: Path, tmp_path: Path
) -> None:
    run = start(standing, LONG.format(feature="retried", work=tmp_path, seconds="300.314"), shop)
    wait_for_file(tmp_path / "begun")
    (record,) = [json.loads(path.read_text()) for path in (standing.home / "runs").glob("retried-*/run.json")]

    os.kill(record["pid"], signal.SIGKILL)
    wait_for_state(standing, run, "CRASHED", "FAILED")
    wait_for(lambda: not processes_with("sleep 300.314"))
    (tmp_path / "hurry").touch()
    time.sleep(4)  # else the worker's second report of the crash (below) may meet the run that goes on
    ended = retry(standing, run)
    if "infrastructure exited" in ended["state"]["message"]:
        # Prefect 3.8.8 reports a crash twice, the worker 2 s later and over whatever the state is then: a test is
        # quicker on the button than a person.
        ended = retry(standing, run)

    assert "2 of 2 tasks landed" in ended["state"]["message"]
    assert (tmp_path / "quick").read_text() == "once\n"
    assert set(files_of(shop, "feature/retried/integration")) >= {"quick.txt", "slow.txt"}


def name_proposed(page: Page, root: str, deployment: str) -> str:
    """The name that a page's form proposes for a run."""
    page.open(f"{root}/deployments/deployment/{deployment}/run")
    fields = "[...document.querySelectorAll('input')].map(field => field.value)"
    named = f"{fields}.find(value => /^[A-Za-z]+[0-9]*-/.test(value))"
    page.wait_for(named)
    return str(page.evaluate(named))


def test_the_form_and_the_report_are_drawn(standing: Standing, flow_run: dict[str, Any], tmp_path: Path) -> None:
    place = pictures(tmp_path)
    deployment = standing.ask("/deployments/name/deliver-feature/deliver-feature")
    (artifact,) = standing.ask(
        "/artifacts/filter", {"artifacts": {"key": {"like_": "report"}, "flow_run_id": {"any_": [flow_run["id"]]}}}
    )
    with signed_in(standing) as page:
        page.resize(1280, 1000)
        page.open(f"{standing.page}/v2/deployments/deployment/{deployment['id']}/run")
        page.wait_for("document.body.innerText.includes('Name of a Feature Repository block')")
        form = page.text()
        page.picture(place / "form.png")

        page.open(f"{standing.page}/v2/artifacts/artifact/{artifact['id']}")
        page.wait_for(
            "[...document.images].some(image => image.src.startsWith('data:image/svg') && image.naturalWidth > 0)"
        )
        page.resize(1280, 1500)
        report = page.text()
        page.picture(place / "report.png")

        page.resize(1280, 900)
        page.open(f"{standing.page}/v2/runs/flow-run/{flow_run['id']}")
        page.wait_for("document.body.innerText.includes('greeting') && document.querySelector('canvas')")
        time.sleep(3)  # the graph is drawn on a canvas, which has no text to wait for
        page.picture(place / "run.png")
        badge = "[data-slot=breadcrumb-list] [data-slot=badge]"
        badges = page.evaluate(f"[...document.querySelectorAll('{badge}')].map(badge => badge.innerText)")
        proposed = [name_proposed(page, f"{standing.page}{base}", deployment["id"]) for base in ("/v2", "")]

    assert flow_run["name"] == "greeting"
    assert badges
    assert len(badges) == len(set(badges))
    assert all(is_generated(name) for name in proposed), proposed
    assert "The plan as YAML text" in form
    assert "Take base in" in form
    assert "4 of 4 tasks landed" in report
    assert (place / "report.png").stat().st_size > 20_000


NIGHTLY = """
feature: night-{date}
goal: The list of files is new each night.
tasks:
  - {id: LIST, run: ls > night.txt}
integration: {verify: [test -f night.txt]}
"""


def test_a_schedule_starts_an_edition_of_its_day_and_a_name_that_was_typed_stays(
    standing: Standing, shop: Path, tmp_path: Path
) -> None:
    place = pictures(tmp_path)
    plan, env = tmp_path / "night.yaml", {"PLAIT_HOME": str(standing.home)}
    plan.write_text(NIGHTLY)
    zone = "Pacific/Kiritimati"  # 14 hours ahead of UTC: mostly on another day than this machine
    schedule = ("--schedule", "* * * * *", "--timezone", zone)
    deployed = plait("deploy", "--plan", str(plan), "--repo", str(shop), *schedule, cwd=tmp_path, env=env)
    assert deployed.status == 0, deployed.stderr
    deployment = standing.ask("/deployments/name/deliver-feature/night")["id"]
    over = {"type": {"any_": ["COMPLETED", "FAILED"]}}
    of_it = {"flow_runs": {"deployment_id": {"any_": [deployment]}, "state": over}}

    wait_for(lambda: standing.ask("/flow_runs/filter", of_it), seconds=240)
    standing.ask(f"/deployments/{deployment}/pause_deployment", {})
    night = standing.ask("/flow_runs/filter", of_it)[0]

    day = datetime.fromisoformat(night["expected_start_time"]).astimezone(ZoneInfo(zone)).date()
    assert (night["name"], night["state"]["type"]) == (f"night-{day}", "COMPLETED"), night["state"]
    assert "night.txt" in files_of(shop, f"feature/night-{day}/integration")
    assert len(night["tags"]) == len(set(night["tags"]))
    named = standing.ask(f"/deployments/{deployment}/create_flow_run", {"name": "typed by hand"})
    assert wait_for_state(standing, named["id"], "COMPLETED", "FAILED", "CRASHED")["name"] == "typed by hand"
    with signed_in(standing) as page:
        draw(page, f"{standing.page}/v2/runs/flow-run/{night['id']}", place / "night.png", says=f"night-{day}")
    assert (place / "night.png").stat().st_size > 10_000
