"""The folder of a try: its prompt, its output, its result, kept for `plait logs` and for the next try's prompt."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from plait.plans.accounts.refusals import Refusal
from plait.plans.agents.outcomes import Outcome
from plait.plans.tasks.work import Try
from plait.plans.usage import Usage
from plait.workspace.checkouts import Checkout
from plait.workspace.deleting import delete_tree
from plait.workspace.small_files import read_json_object, read_plain_file, write_whole

_BEGUN = "begun.json"
_SESSION = "session"
_CARRIED = "carried.json"


@dataclass(frozen=True, slots=True)
class TryFolder:
    """One try on disk: `tasks/<task>/try-<n>/`; its checkout and the agent's HOME are beside it.

    All tries of a task have the same place for these, one after the other: programs file their sessions under the
    directory that they worked in (gemini 0.61 finds one from nowhere else).
    """

    path: Path
    number: int
    """From 1, over all dispatches of the task."""
    attempt: int
    """From 1, within this dispatch: a retry is the next attempt, a repair begins again."""
    dispatch: str
    agent: str
    started_at: datetime

    @property
    def prompt(self) -> Path:
        return self.path / "prompt.md"

    @property
    def output(self) -> Path:
        return self.path / "output.log"

    @property
    def setup(self) -> Path:
        return self.path / "setup.log"

    @property
    def work(self) -> Path:
        return self.path.parent / CHECKOUT

    @property
    def home(self) -> Path:
        """The HOME of the agents of this role on this task: it stays, so that a session can go on in the next try."""
        return home_of(self.path.parent, self.agent.rpartition("-")[0])

    @property
    def left(self) -> Path:
        """Where a checkout goes whose work could be kept nowhere else; it goes with the run's folder alone."""
        return self.path / "left"

    @property
    def unfiltered(self) -> Path:
        """Where files go that no branch may have as they are."""
        return self.left / "files"

    @property
    def private_git(self) -> Path:
        """Where the checkout's own git goes, when it has what the files do not have."""
        return self.left / "private.git"

    def keep_checkout(self) -> Path:
        """Move the checkout to where it stays, beside what of it is there already; where it is then."""
        place = self.left / "checkout" if self.left.exists() else self.left
        with suppress(OSError):
            self.work.rename(place)
        return place

    def withdraw(self) -> None:
        """It is no try, as no agent began: what the set-up printed is kept in a folder of another name."""
        with suppress(OSError):
            delete_tree(self.work)
            if not self.setup.exists():
                delete_tree(self.path)
                return
            taken = len(list(self.path.parent.glob("set-up-*")))
            self.path.rename(self.path.with_name(f"set-up-{taken + 1}"))

    def note_checkout(self, checkout: Checkout, *, role: str, spec: str = "") -> None:
        """Write down what `unfinished_tries` needs when this process is killed, and what the task was."""
        begun = {
            "role": role,
            "spec": spec,
            "agent": self.agent,
            "dispatch": self.dispatch,
            "started_at": str(self.started_at),
            "commit": checkout.commit,
            "tree": checkout.tree,
            "before": checkout.before,
            "copied": sorted(checkout.copied),
        }
        (self.path / _BEGUN).write_text(json.dumps(begun, indent=1), encoding="utf-8")

    def note_session(self, session: str) -> None:
        """Write down what the program calls its session: when this process is killed, nobody else knows it."""
        with suppress(OSError):
            write_whole(self.path / _SESSION, session)

    @property
    def session(self) -> str | None:
        """What was noted, if anything."""
        with suppress(OSError, ValueError):
            return read_plain_file(self.path / _SESSION, most=1_000).strip() or None
        return None

    def close(
        self,
        *,
        failed: str | None,
        salvage: str | None = None,
        refused: Refusal | None = None,
        private_git: str | None = None,
        usage: Usage | None = None,
        spent: Mapping[str, float] | None = None,
        outcome: Outcome | None = None,
        start: str = "",
        checkpoint: str | None = None,
        left_work: bool = False,
        resumed: bool = False,
    ) -> Try:
        """Write down how the try ended."""
        done = Try(
            number=self.number,
            agent=self.agent,
            started_at=self.started_at,
            ended_at=datetime.now(UTC),
            dispatch=self.dispatch,
            failed=failed,
            salvage=salvage,
            private_git=private_git,
            usage=usage,
            spent=dict(spent or {}),
            refused=refused,
            outcome=outcome,
            start=start,
            session=self.session,
            checkpoint=checkpoint,
            left_work=left_work,
            resumed=resumed,
        )
        write_whole(self.path / "result.json", json.dumps(_record(done), indent=1))
        return done


CHECKOUT = "checkout"
"""Beside the tries of a task: what the one that goes on works in."""


def home_of(folder: Path, role: str) -> Path:
    """The HOME of a role's agents on the task that has this folder."""
    return homes_in(folder) / role


def homes_in(folder: Path) -> Path:
    """Where the homes of all agents are that have worked on the task that has this folder."""
    return folder / "homes"


def begun_as(folder: Path) -> str | None:
    """The hash of the task's spec when its newest try began; nothing where that is not known."""
    with suppress(OSError, ValueError):
        for path in (newest_try(folder), folder):
            if path is not None and (path / _BEGUN).is_file():
                return str(read_json_object(path / _BEGUN).get("spec")) or None
    return None


def carry(folder: Path, tries: Iterable[Try], *, spec: str, homes: Path) -> None:
    """Put what an earlier run tried beside the tries that are to come, and take over the homes of its agents.

    Raises:
        OSError: it cannot be moved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if homes.is_dir():
        homes.rename(homes_in(folder))
    text = json.dumps({"spec": spec, "tries": [_record(attempt) for attempt in tries]}, indent=1)
    write_whole(folder / _CARRIED, text)
    write_whole(folder / _BEGUN, json.dumps({"spec": spec}))


def carried_tries(folder: Path, spec: str | None = None) -> tuple[Try, ...]:
    """What an earlier run tried, oldest first; `spec`: only where the task had this hash."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        carried = read_json_object(folder / _CARRIED)
        if spec in (None, carried["spec"]):
            return tuple(map(_try, carried["tries"]))
    return ()


def begin_try(folder: Path, *, agent: str, dispatch: str) -> TryFolder:
    """Make the folder of the next try of a task.

    Args:
        dispatch: What the tries of one Prefect task run share, such as `repair 1`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1 + max(_numbered(folder), default=0)
    attempt = 1 + sum(earlier.dispatch == dispatch for earlier in past_tries(folder))
    path = folder / f"try-{number}"
    path.mkdir()
    return TryFolder(path, number, attempt, dispatch, agent, datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A try whose process was killed: its checkout is as the agent left it."""

    task: str
    role: str
    folder: TryFolder
    checkout: Checkout


def unfinished_tries(run: Path) -> Iterator[Unfinished]:
    """The tries of a run that were at work when it was killed; what cannot be read is passed over."""
    for path in sorted(run.glob(f"tasks/*/try-*/{_BEGUN}")):
        folder, place = path.parent, path.parent.parent / CHECKOUT
        is_newest = newest_try(folder.parent) == folder
        if (folder / "result.json").exists() or not is_newest or not (place / "work").is_dir():
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):
            begun = json.loads(path.read_text(encoding="utf-8"))
            commit, tree, copied = begun["commit"], begun["tree"], frozenset(begun.get("copied", ()))
            before = begun.get("before", "")
            checkout = Checkout(place / "work", place / "index", commit, tree, place / "tmp", copied, before)
            began = datetime.fromisoformat(begun["started_at"])
            number = int(folder.name.removeprefix("try-"))
            known = TryFolder(folder, number, 1, begun["dispatch"], begun["agent"], began)
            yield Unfinished(folder.parent.name, begun["role"], known, checkout)


def past_tries(folder: Path) -> tuple[Try, ...]:
    """The tries that ended, oldest first; one that was killed has no result and is left out, as is what is no try."""
    numbered = _numbered(folder)
    return tuple(filter(None, (_read(numbered[number] / "result.json") for number in sorted(numbered))))


def count_tries(folder: Path) -> int:
    """How many tries have begun, the one that goes on or was killed included, those aside that cost none."""
    return len(_numbered(folder)) - sum(attempt.refused is not None for attempt in past_tries(folder))


def newest_try(folder: Path) -> Path | None:
    """The folder of the try that began last; nothing where none has."""
    numbered = _numbered(folder)
    return numbered[max(numbered)] if numbered else None


def numbered_tries(folder: Path) -> dict[int, tuple[Path, Try | None]]:
    """The folder of each try by its number, oldest first, and how it ended, where that is known."""
    numbered = _numbered(folder)
    return {number: (numbered[number], _read(numbered[number] / "result.json")) for number in sorted(numbered)}


def _numbered(folder: Path) -> dict[int, Path]:
    """The folders of tries by number; what an agent put beside them is none."""
    return {int(path.name[4:]): path for path in folder.glob("try-*") if path.name[4:].isdecimal()}


@cache
def _refusals() -> TypeAdapter[Refusal]:
    return TypeAdapter(Refusal)


def _record(attempt: Try) -> dict[str, Any]:
    plain: dict[str, object] = {"started_at": str(attempt.started_at), "ended_at": str(attempt.ended_at)}
    plain["usage"] = attempt.usage.model_dump() if attempt.usage else None
    return asdict(attempt) | plain


def _read(path: Path) -> Try | None:
    """Nothing when it is not there, or the agent, whose checkout is beside it, has been at it."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        return _try(read_json_object(path))
    return None


def _try(record: Mapping[str, Any]) -> Try:
    times = {name: datetime.fromisoformat(record[name]) for name in ("started_at", "ended_at")}
    read = {**record, **times}
    if record.get("usage") is not None:  # those of older versions have none
        read["usage"] = Usage.model_validate(record["usage"])
    if record.get("refused") is not None:
        read["refused"] = _refusals().validate_python(record["refused"])
    return Try(**read)
