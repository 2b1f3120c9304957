"""Whether a try ended because of its agent's account: by how it ended, what it left, and what its role says."""

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from plait.agent_tasks.errors import AccountRefused, TaskPutOff, TryFailed
from plait.agent_tasks.implement import implement, may_try_again
from plait.agent_tasks.trying import count_tries, past_tries
from plait.flows.running.session import Session
from plait.plans.accounts.named_times import named_time
from plait.plans.journal.events import NoteTold, ProgramBroke
from plait.plans.tasks.work import WorkReport
from plait.workspace.local_zone import LocalZone
from tests.flows.opened import opened, order_of
from tests.support.repositories import files_of

LIMIT = "Claude AI usage limit reached|4102444800"


def plan(script: str, *, role: str = "", task: str = "") -> str:
    command = json.dumps(["sh", "-c", script])
    crew = f"{{dev: {{backend: command, command: {command}{role}}}}}"
    return f"feature: f\ncrew: {crew}\ntasks: [{{id: A, role: dev, prompt: x{task}}}]\n"


def tried(session: Session) -> WorkReport:
    return implement.fn(order_of(session, "A"), session.shop.facts)


def test_a_time_without_a_zone_is_that_of_this_machine_also_after_its_clock_has_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the night between the two the clock goes back by an hour."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    evening = datetime.fromtimestamp(datetime(2026, 10, 24, 21, tzinfo=UTC).timestamp(), LocalZone())

    moment = named_time("resets 10am", evening, lambda _name: None)
    monkeypatch.undo()
    time.tzset()

    assert moment == datetime(2026, 10, 25, 9, tzinfo=UTC).timestamp()


def test_a_refusal_is_written_down_and_counts_as_no_try(repository: Path) -> None:
    with opened(plan(f"echo '{LIMIT}'; exit 1"), repository) as session:
        with pytest.raises(AccountRefused, match="usage limit reached") as refused:
            tried(session)
        folder = session.shop.folder_of("A")
        (attempt,) = past_tries(folder)

    assert attempt.refused is not None
    assert (attempt.refused.kind, attempt.refused.words, attempt.refused.until) == ("quota", LIMIT, None)
    assert count_tries(folder) == 0
    assert type(refused.value)(str(refused.value)).args == refused.value.args, "it may cross a Prefect result"


@pytest.mark.parametrize("end", ["exit 1", "exit 0"])
def test_what_it_had_done_by_then_is_kept_and_the_next_prompt_blames_nobody(repository: Path, end: str) -> None:
    script = f"echo half > a.txt; echo '{LIMIT}'; {end}"
    with opened(plan(script, task=", verify: ['test -e b.txt']"), repository) as session:
        with pytest.raises(AccountRefused if end == "exit 1" else TryFailed):
            tried(session)
        with pytest.raises((AccountRefused, TryFailed)):
            tried(session)
        first, _ = past_tries(session.shop.folder_of("A"))
        prompt = (session.shop.folder_of("A") / "try-2" / "prompt.md").read_text()

    assert first.salvage is not None
    assert files_of(repository, first.salvage)["a.txt"] == "half"
    assert ("cut short, and not by its work" in prompt) == (end == "exit 1")
    assert ("Your last try did not count" in prompt) == (end == "exit 0"), "its check was red, whatever it said"


def test_a_program_that_ends_well_and_changed_nothing_is_read_as_well(repository: Path) -> None:
    said = "The API provider is not able to authenticate you. Check your API key."
    silent = opened(plan(f"echo '{said}'", task=", changes: optional"), repository)
    with silent as session, pytest.raises(AccountRefused):
        tried(session)
    with opened(plan("echo 'nothing to do'", task=", changes: optional"), repository) as session:
        assert tried(session).commit is None


def test_patterns_of_the_role_are_searched_for_and_slow_ones_told(repository: Path) -> None:
    told: list[str] = []
    role = ', pause_on: ["(a+)+$", "purse is (empty|lost)"]'
    script = f"echo {'a' * 60}b; echo the PURSE is lost; exit 3"
    with opened(plan(script, role=role), repository) as session:
        session.watchers.add(_Listener(told))
        with pytest.raises(AccountRefused, match="PURSE is lost"):
            tried(session)

    assert any("'(a+)+$' takes too long" in line for line in told)


class _Listener:
    """Keeps what watchers are told."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines

    def told(self, text: str) -> None:
        self._lines.append(text)

    def heard(self, _task: str, _line: str) -> None:
        pass


def test_a_command_of_the_plan_has_no_account(repository: Path) -> None:
    text = f"feature: f\ntasks: [{{id: A, run: \"echo '{LIMIT}'; exit 1\"}}]\n"
    with opened(text, repository) as session, pytest.raises(TryFailed):
        tried(session)


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("echo no such model; exit 2", ["no such model"]),
        ("echo heap out of memory; kill -ABRT $$", ["heap out of memory"]),
        ("echo no such model; echo x > a.txt; exit 2", []),
        ("exit 2", []),
        ("echo done", []),
    ],
)
def test_a_program_that_breaks_off_and_leaves_nothing_is_heard_of(
    repository: Path, script: str, heard: list[str]
) -> None:
    broke: list[ProgramBroke | NoteTold] = []
    with opened(plan(script), repository) as session:
        session.shop.resting.on_event = broke.append
        with suppress(TryFailed):
            tried(session)
    assert [event.words for event in broke if isinstance(event, ProgramBroke)] == heard


def test_no_other_try_begins_while_its_role_rests_and_a_refusal_is_never_retried_by_prefect(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plait.agent_tasks import implement as module

    class Second:
        run_count = 2

    monkeypatch.setattr(module, "task_run", Second)
    with opened(plan("echo x > a.txt"), repository) as session:
        session.shop.resting.roles = frozenset({"dev"})
        with pytest.raises(TaskPutOff):
            tried(session)
        session.shop.resting.roles = frozenset({"qa"})
        assert tried(session).commit

    class Ended:
        data = AccountRefused("no quota")

    assert not may_try_again(implement, None, Ended)  # type: ignore[arg-type]
