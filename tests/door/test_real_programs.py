"""The real programs through the model door: counted to the token, ended at a budget and by a pause, without the key."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from plait.door.patience import Patience
from plait.plans.agents.launching import DoorEntry
from plait.plans.agents.prices import price_list
from plait.plans.budgets.limits import Limits
from plait.plans.budgets.provider_paths import Provider
from plait.plans.language.backends import Backend
from tests.door.doors import KEY, open_door, upstream_of
from tests.support.fake_model import Script, fake_model
from tests.support.programs import require

pytestmark = pytest.mark.slow

PRICES = price_list(
    {"models": {"claude-opus-5-5": {"read": 10, "written": 100}, "gpt-5.5": {"read": 5, "written": 9}}}, ""
)
PROGRAMS: list[tuple[Backend, Provider]] = [("claude", "anthropic"), ("codex", "openai")]


def work(name: Backend, entry: DoorEntry, place: Path) -> subprocess.CompletedProcess[str]:
    """One run of a program that knows the door alone."""
    program, home, checkout = require(name), place / "agent-home", place / "checkout"
    for folder in (home / ".codex", checkout):
        folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["git", "init", "-q", "."], cwd=checkout, check=True)
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "CODEX_HOME": str(home / ".codex")}
    if name == "claude":
        words = ["-p", "--output-format", "stream-json", "--verbose", "--model", "claude-opus-5-5"]
        words += ["--permission-mode", "bypassPermissions", "--setting-sources", "user", "--strict-mcp-config"]
        environment |= {"ANTHROPIC_BASE_URL": entry.url, "ANTHROPIC_API_KEY": entry.token, "IS_SANDBOX": "1"}
        environment |= {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1"}
    else:
        provider = f'model_providers.x={{name="x",base_url="{entry.url}/v1",env_key="K",wire_api="responses"}}'
        words = ["exec", "--json", "-m", "gpt-5.5", "--sandbox", "danger-full-access", "--skip-git-repo-check"]
        for setting in ('approval_policy="never"', "check_for_update_on_startup=false", provider, "model_provider=x"):
            words += ["-c", setting]
        words, environment = [*words, "-"], environment | {"K": entry.token}
    asked = [str(program), *words]
    return subprocess.run(
        asked, cwd=checkout, env=environment, input="do it", capture_output=True, text=True, timeout=120, check=False
    )


def seen_by_the_agent(place: Path, done: subprocess.CompletedProcess[str]) -> str:
    """All that a program has printed and left."""
    files = [path for folder in ("agent-home", "checkout") for path in (place / folder).rglob("*") if path.is_file()]
    left = [path.read_bytes().decode("latin-1") for path in files]
    return "\n".join([done.stdout, done.stderr, *left])


@pytest.mark.parametrize(("name", "provider"), PROGRAMS)
def test_what_the_fake_served_is_what_the_door_counted_and_the_program_told(
    tmp_path: Path, name: Backend, provider: Provider
) -> None:
    script: Script = [
        {"write": {"path": "a.txt", "content": "x\n"}, "usage": {"input": 1_234, "output": 56, "cache_read": 100}},
        {"text": "Done.", "usage": {"input": 2_345, "output": 7}},
    ]
    require(name)
    with fake_model(script) as model, open_door(tmp_path, prices=PRICES, patience=Patience()) as door:
        entry = door.open_for("T", upstream_of(model.url, provider), account=name)
        done = work(name, entry, tmp_path)
        sight, served = door.close(entry), model.play.served
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "checkout" / "a.txt").read_text() == "x\n"
        assert served.keys() == {KEY}
        assert (sight.tokens.read, sight.tokens.written) == (served[KEY].read, served[KEY].written)
        assert (sight.calls, sight.is_exact, sight.status) == (2, True, 200)
        last = json.loads(done.stdout.splitlines()[-1])["usage"]
        assert sight.tokens.written == last["output_tokens"]
        assert sight.tokens.read == last["input_tokens"] + last.get("cache_read_input_tokens", 0)
        assert KEY not in seen_by_the_agent(tmp_path, done)


@pytest.mark.parametrize(("name", "provider"), PROGRAMS)
def test_a_program_ends_when_its_budget_is_spent(tmp_path: Path, name: Backend, provider: Provider) -> None:
    turn = {
        "write": {"path": "a{n}.txt", "content": "x\n"},
        "usage": {"input": 1_000, "output": 100},
        "repeat": "forever",
    }
    require(name)
    with fake_model([turn]) as model, open_door(tmp_path, prices=PRICES, patience=Patience()) as door:
        entry = door.open_for("T", upstream_of(model.url, provider), account=name, limits=Limits(tokens=5_000))
        done = work(name, entry, tmp_path)
        sight = door.close(entry)
        assert done.returncode != 0
        assert sight.spent == "tokens of the task: 5,000"
        assert sight.calls == model.play.served[KEY].answers == 5
        assert (tmp_path / "checkout" / "a4.txt").exists()  # what was done before is there


@pytest.mark.parametrize(("name", "provider"), PROGRAMS)
def test_a_program_ends_at_once_when_its_account_rests_for_long(
    tmp_path: Path, name: Backend, provider: Provider
) -> None:
    """codex would wait for the whole of `retry-after`, and hold its slot."""
    require(name)
    with (
        fake_model([{"status": 429, "retry_after": 3_600, "repeat": "forever"}]) as model,
        open_door(tmp_path, prices=PRICES, patience=Patience()) as door,
    ):
        entry = door.open_for("T", upstream_of(model.url, provider), account=name)
        done = work(name, entry, tmp_path)
        sight = door.close(entry)
        assert done.returncode != 0
        assert len(model.asked) == 1
        assert sight.refusal is not None
        assert sight.refusal.until is not None
