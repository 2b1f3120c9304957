"""plait's loop without git: machine, journal and Prefect as they are, a task of the benchmark's for an agent."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.whole_way import make_repository


class Unlimited:
    """Slots of a run that shares its roles with nobody."""

    def try_take(self, role: str) -> object | None:
        return role

    def release(self, slot: object) -> None:
        """Nothing to give back."""

    def close(self) -> None:
        """Nothing to give back."""


@contextmanager
def bare_workshop(place: Path) -> Iterator[Any]:
    """A workshop on a small repository: what the loop asks of it is the signal to stop."""
    from plait.agent_tasks.workshop import opened_workshop
    from plait.plans.language.crew import Crew
    from plait.plans.language.model import Integration
    from plait.plans.tasks.work import RunFacts

    repository = make_repository(place / "repository", 1)
    (place / "run").mkdir(exist_ok=True)
    facts = RunFacts(
        run="bench",
        feature="bench",
        goal="",
        repository=str(repository / ".git"),
        home=str(place / "home"),
        directory=str(place / "run"),
        scripts=str(place),
        base="0" * 40,
        crew=Crew(),
        integration=Integration(),
        agents=frozenset(),
    )
    with opened_workshop(facts) as shop:
        yield shop


def run_bare(
    shop: Any,
    journal: Path,
    needs: Mapping[str, tuple[tuple[str, ...], ...]],
    *,
    slots: int,
    seconds: float,
    submit: Callable[[str, list[Any]], Any],
) -> None:
    """Run tasks by name to their end; `submit(name, after)` hands one to Prefect, after these futures."""
    from plait.flows.journal_file import JournalFile, Redactor
    from plait.flows.running.loop import Loop
    from plait.flows.running.slot_keeper import SlotKeeper
    from plait.flows.running.watching import LiveRun, Watchers
    from plait.plans.journal.effects import StartWork
    from plait.plans.journal.events import WorkDone, WorkEnded
    from plait.plans.journal.manifest import Manifest, TaskFacts
    from plait.plans.run.machine import Run

    class BareLoop(Loop):
        """Starts the benchmark's task where an agent would work."""

        def _start_work(self, effect: StartWork) -> None:
            future = submit(effect.task, [self.futures[name] for name in effect.after])
            self.futures[effect.task] = future
            future.add_done_callback(lambda _future: self.events.put(WorkEnded(effect.task, WorkDone(None))))

    tasks = tuple(
        TaskFacts(id=name, role="worker", branch=name, title=name, needs=groups, seconds=seconds)
        for name, groups in needs.items()
    )
    manifest = Manifest("bench", "bench", "bench", "0" * 40, tasks, {"worker": slots})
    journal.mkdir(parents=True)
    BareLoop(
        live=LiveRun(Run(manifest)),
        shop=shop,
        tasks={},
        keeper=SlotKeeper(Unlimited()),
        watchers=Watchers(),
        journal=JournalFile.begin(journal, manifest),
        redact=Redactor({}),
        wish_to_pause=lambda: None,
        is_on_page=False,
    ).go()
