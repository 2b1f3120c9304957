"""The real agent programs in a sandbox: their model comes in by a port, and nothing of what is outside is there."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from plait.workspace.sandbox import Sandbox
from tests.agents.cases import CASES, EDIT, TOKEN, WITH_TOOLS, Case, order_for
from tests.support.fake_calls import Json
from tests.support.fake_model import FakeModel, fake_model
from tests.support.repositories import git
from tests.support.sandboxes import needs_sandbox

pytestmark = [pytest.mark.agents, pytest.mark.slow, needs_sandbox]

each = pytest.mark.parametrize("case", CASES.values(), ids=CASES)
each_with_tools = pytest.mark.parametrize("case", WITH_TOOLS, ids=lambda case: case.backend)


def sandbox(case: Case, folder: Path, model: FakeModel) -> Sandbox:
    port = urlsplit(model.url).port
    assert port
    places = folder / "checkout", folder / "home", folder / "temporary"
    return Sandbox(*places, ports=(port,), writes_git=case.backend == "aider")


@each
def test_its_work_and_its_tokens_are_reported_as_outside(case: Case, tmp_path: Path) -> None:
    with fake_model(case.script(EDIT, {"text": "Hello is written."})) as model:
        order = order_for(case, tmp_path, model, sandbox=sandbox(case, tmp_path, model))
        # As plait's checkouts say it: aider writes it into a `.git` that does not, and breaks where that is read-only.
        git(order.directory, "config", "user.name", "plait")
        git(order.directory, "config", "user.email", "plait@localhost")
        report = case.agent().work(order)
        served = model.play.served

    assert report.problem is None, order.output.read_text()[-3000:]
    assert (order.directory / "hello.txt").read_text() == "hello\n"
    assert report.usage is not None
    assert (report.usage.input_tokens, report.usage.output_tokens) == (served[TOKEN].read, served[TOKEN].written)


@each_with_tools
def test_its_commands_see_nothing_outside_and_leave_nothing_running(case: Case, tmp_path: Path) -> None:
    (tmp_path / "user" / ".ssh").mkdir(parents=True)
    (tmp_path / "user" / ".ssh" / "id").write_text("CANARY")
    script = (
        f"(cat {tmp_path}/user/.ssh/id || echo hidden; echo x > .git/x || echo git is closed; "
        "ls / ; setsid sleep 300 >/dev/null 2>&1 & echo) > seen.txt 2>&1"
    )
    command: Json = {"shell": script}
    with fake_model(case.script(command, {"text": "Seen."})) as model:
        order = order_for(case, tmp_path, model, sandbox=sandbox(case, tmp_path, model))
        report = case.agent().work(order)

    assert report.problem is None, order.output.read_text()[-3000:]
    seen = (order.directory / "seen.txt").read_text()
    assert "CANARY" not in seen
    assert "hidden" in seen
    assert "git is closed" in seen
    assert not (order.directory / ".git" / "x").exists()
