"""Canary secrets, printed in every form and in pieces by agents, set-ups and checks: a run leaves none of them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from plait.flows.servers.client import EMBEDDED
from plait.flows.servers.embedded import embedded_server, server_environment
from plait.plans.redaction import Redaction
from tests.acceptance.conftest import WritePlan
from tests.support.command import Ended, plait

pytestmark = pytest.mark.slow

FROM_SHELL = 'canary-shell-7hq2/+"kz\\9'
OF_CREW = "canary-crew-5mw8 xv&3"
OF_BLOCK = "canary-block-4dt6=pl1"
COPIED = "canary-copied-9rs3-bn7"
CANARIES = Redaction([canary.encode() for canary in (FROM_SHELL, OF_CREW, OF_BLOCK, COPIED)])

AGENT = r"""
import base64, json, os, sys, time, urllib.parse
names = ["SHELL_TOKEN", "CREW_PASSWORD", "BLOCK_KEY"]
secrets = [os.environ[name] for name in names if name in os.environ]
secrets += [line.partition("=")[2] for line in open(".env").read().splitlines()]
assert len(secrets) == int(sys.argv[1]), len(secrets)
forms = [
    str, json.dumps, lambda text: json.dumps(json.dumps(text)), urllib.parse.quote_plus, ascii,
    *(lambda text, at=at: base64.b64encode(b"u" * at + text.encode()).decode() for at in range(3)),
    lambda text: base64.urlsafe_b64encode(text.encode()).decode(), lambda text: text.encode().hex(),
    lambda text: base64.encodebytes(b"x" * 45 + text.encode()).decode(),
]
for secret in secrets:
    for form in forms:
        text = f"printed {form(secret)} printed\n"
        for start in range(0, len(text), 7):
            sys.stdout.write(text[start : start + 7])
            sys.stdout.flush()
print("with", secrets[0], "at the end")
if len(sys.argv) > 2:
    open(sys.argv[2], "w").write(f"KEY = {secrets[0]!r}\n" if "leak" in sys.argv[2] else "done\n")
marker = __file__ + ".tried." + os.environ.get("PLAIT_TASK", "")
if "--fail-first" in sys.argv and not os.path.exists(marker):
    open(marker, "w").close()
    sys.exit(f"it failed with {secrets[0]}")
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Prefect server of its own, whose database can be searched."""
    with embedded_server(tmp_path / "server") as address:
        yield {name: value for name, value in server_environment(address).items() if name != EMBEDDED}


def leaks_in(*places: Path) -> list[str]:
    """The files below these folders that hold a canary in any form, with what is around it."""
    told = []
    for file in sorted(
        path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()
    ):
        content = file.read_bytes()
        told += [f"{file}: {content[max(0, start - 60) : end + 20]!r}" for start, end in CANARIES.spans(content)]
    return told


def history_of(repository: Path) -> bytes:
    """Every object that git has there, contents and messages."""
    return subprocess.run(
        ["git", "cat-file", "--batch", "--batch-all-objects", "--unordered"],
        cwd=repository,
        capture_output=True,
        check=True,
    ).stdout


def test_a_run_leaves_no_secret_anywhere(
    repository: Path, write_plan: WritePlan, server: dict[str, str], tmp_path: Path, hermetic: Path
) -> None:
    agent, notified = tmp_path / "agent.py", tmp_path / "notified"
    agent.write_text(AGENT)
    (repository / ".env").write_text(f"COPIED={COPIED}\n")
    (repository / ".git/info/exclude").write_text(".env\n")
    crew = tmp_path / "crew.yaml"
    command = json.dumps([sys.executable, str(agent), "4", "{task}", "--fail-first"])
    crew.write_text(
        f"""
        environment: [SHELL_TOKEN, {{CREW_PASSWORD: {OF_CREW!r}}}, {{BLOCK_KEY: {{secret: canary}}}}]
        copy: [.env]
        setup: ["{sys.executable} {agent} 4 || {sys.executable} {agent} 3"]
        worker: {{backend: command, command: {command}}}
        """
    )
    plan = write_plan(
        f"""
        feature: quiet
        goal: Say nothing.
        tasks:
          - {{id: A, role: worker, prompt: Do it., owns: [A], retries: 1, verify: ["{sys.executable} {agent} 4"]}}
          - {{id: leak, role: worker, prompt: Do it., owns: [leak], retries: 1}}
          - {{id: R, run: "{sys.executable} {agent} 4 && echo r > r.txt"}}
        integration: {{verify: ["{sys.executable} {agent} 4"]}}
        """
    )
    environment = {**server, "SHELL_TOKEN": FROM_SHELL}
    making = "from prefect.blocks.system import Secret; import sys; Secret(value=sys.argv[1]).save('canary')"
    subprocess.run([sys.executable, "-c", making, OF_BLOCK], env={**environment, "PATH": "/usr/bin:/bin"}, check=True)

    notify = f"cat >> {notified}; env >> {notified}.env"
    ran = plait("run", str(plan), "--crew", str(crew), "--notify", notify, "--json", cwd=repository, env=environment)

    assert ran.status == 1, ran.stdout + ran.stderr
    tasks = {task["id"]: task for task in ran.data["tasks"]}
    assert tasks["A"]["tries"] == 2
    assert "wrote a secret that it was given into leak" in tasks["leak"]["reason"]
    told: list[Ended] = [ran]
    asked = "logs A", "logs A --json", "logs leak", "report", "status --json", "batches --json", "runs --json"
    told += [plait(*words.split(), cwd=repository, env=server) for words in asked]
    logs = told[1].stdout
    assert logs.count("printed *** printed") > 20
    assert "at the end" in logs
    prompt = next(hermetic.glob("runs/*/tasks/A/try-2/prompt.md")).read_text()
    assert "***" in prompt, "the first try's last words are told"
    for ended in told:
        assert CANARIES.spans((ended.stdout + ended.stderr).encode()) == []
    assert CANARIES.spans(notified.read_bytes()) == []
    assert leaks_in(hermetic, tmp_path / "server") == []
    objects = history_of(repository)
    assert objects.count(OF_CREW.encode()) == 0
    assert [place for place in CANARIES.spans(objects) if b"KEY = " not in objects[place[0] - 20 : place[0]]] == []
