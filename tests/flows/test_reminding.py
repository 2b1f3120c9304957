"""Who waits for a person says so again, until the answer has come."""

from plait.flows.recording.reminding import EVERY, Reminding
from plait.flows.running.watching import LiveRun, Watcher
from plait.plans.journal.events import WorkEnded, WorkRefused
from plait.show.progress import ActiveAgent
from tests.plans.run.played import Played, played

PLAN = """
    contracts: [{id: cart-api, owner: API, files: [api.txt], approval: person}]
    tasks:
      - {id: API, role: designer, prompt: x}
"""


class Listener(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def told(self, text: str) -> None:
        self.lines.append(text)


def asked() -> tuple[Played, Reminding, Listener]:
    run, listener = played(PLAN), Listener()
    run.starts()
    run.ends("API")
    return run, Reminding(LiveRun(run.run), listener), listener


def test_it_is_said_again_every_now_and_then_with_its_command_and_no_more_once_it_is_answered() -> None:
    run, reminding, listener = asked()

    for seconds in (0.0, 1.0, EVERY - 1, EVERY, EVERY + 1, 2 * EVERY):
        reminding.ticked(seconds)
    run.approves("cart-api")
    reminding.ticked(9 * EVERY)

    assert listener.lines == [
        f"still waits for a person to approve the contract cart-api v1, written by API, for {waited} by now: "
        "plait approve cart cart-api"
        for waited in ("10 min 00 s", "20 min 00 s")
    ]


def test_a_question_that_is_asked_anew_waits_anew() -> None:
    run, reminding, listener = asked()
    reminding.ticked(0.0)
    run.rejects("cart-api")
    reminding.ticked(10.0)
    run.starts()
    run.ends("API", wrote="two")
    assert len(run.outcome.asked) == 1

    reminding.ticked(EVERY)

    assert listener.lines == []


def test_who_is_silent_is_named_when_that_begins_to_matter_and_each_time_that_it_doubles() -> None:
    run, listener = played("tasks: [{id: A, run: echo}]"), Listener()
    run.starts()
    live = LiveRun(run.run)
    reminding = Reminding(live, listener)
    for seconds in (300, 600, 700, 1_199, 1_200, 2_000, 2_400):
        agent = ActiveAgent(task="A", role="command", agent="command-1", since=run.standings.moment)
        update = {"silent_seconds": float(seconds), "worked_seconds": float(seconds)}
        live.active = (agent.model_copy(update=update),)
        reminding.ticked(run.now + seconds)

    assert [line.partition(";")[0] for line in listener.lines] == [
        f"A (command-1): silent for {long}" for long in ("10 min 00 s", "20 min 00 s", "40 min 00 s")
    ]


def test_a_run_that_only_waits_for_an_account_says_so_now_and_then() -> None:
    run, listener = played("crew: {dev: {}}\ntasks: [{id: A, role: dev, prompt: x}]"), Listener()
    run.starts()
    run.hear(WorkEnded("A", WorkRefused("quota", "limit reached", run.now + 7_200), number=1))
    run.starts()
    reminding = Reminding(LiveRun(run.run), listener)
    for seconds in (0.0, EVERY - 1, EVERY, EVERY + 1):
        reminding.ticked(run.now + seconds)

    (line,) = listener.lines
    assert line.startswith("still waits; dev: no quota left, tried again at ")
