"""Which accounts rest on this machine, for all runs of it: small files in PLAIT_HOME that outlive their writers."""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from plait.plans.accounts.named_times import LATEST
from plait.plans.accounts.pauses import AccountPause, paused_by, spread_out
from plait.plans.accounts.refusals import Refusal

_FOLDER: Final = "pauses"
_REMEMBERED: Final = 3_600.0
"""Seconds after its end that a pause is still known: the next one is longer for it."""
_PAUSE = TypeAdapter(AccountPause)
_LONGEST = 10_000


class MachinePauses:
    """The pauses of accounts, kept below a home. What cannot be written is kept for this process alone."""

    def __init__(self, home: Path) -> None:
        self._folder = home / _FOLDER
        self._own: dict[str, AccountPause] = {}

    def of(self, account: str, now: float) -> AccountPause | None:
        """Why nothing goes out for an account now; nothing while it works."""
        pause = self._read(account)
        return pause if pause is not None and pause.is_on(now) else None

    def all_on(self, now: float) -> dict[str, AccountPause]:
        """By account, the pauses that are on. Those that ended long ago are swept."""
        pauses = {account: pause for account, pause in self._own.items() if pause.is_on(now)}
        for path in self._files():
            account, pause = _parsed(path)
            if pause is None or pause.until + _REMEMBERED < now:
                with suppress(OSError):
                    path.unlink()
            elif pause.is_on(now):
                pauses[account] = pause
        return pauses

    def refuse(self, account: str, refusal: Refusal, now: float, *, share: float = 0.0) -> AccountPause:
        """Let an account rest, as it has refused; `share`: from 0 to 1, at random (`spread_out`)."""
        with self._alone():
            before = self._read(account)
            if before is not None and before.until + _REMEMBERED < now:
                before = None
            pause = paused_by(refusal, now, before=before)
            if before is None or pause.until != before.until:
                pause = spread_out(pause, now, share)
            self._write(account, pause)
        return pause

    def works(self, account: str, begun: float) -> None:
        """Forget a pause, as a call that began after its end went well; `begun`: when, in seconds since the epoch."""
        pause = self._read(account)
        if pause is not None and begun >= pause.until:
            self._own.pop(account, None)
            with suppress(OSError):
                self._path(account).unlink()

    def _read(self, account: str) -> AccountPause | None:
        return _parsed(self._path(account))[1] or self._own.get(account)

    def _write(self, account: str, pause: AccountPause) -> None:
        path = self._path(account)
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            draft.write_text(json.dumps({"account": account, **asdict(pause)}), encoding="utf-8")
            draft.replace(path)
            self._own.pop(account, None)
        except OSError:  # a full disk: the run itself goes on
            self._own[account] = pause
            with suppress(OSError):
                draft.unlink()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Two processes that hear a refusal at the same moment count it once: the second finds the first one's."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _files(self) -> list[Path]:
        try:
            return sorted(self._folder.glob("*.json"))
        except OSError:
            return []

    def _path(self, account: str) -> Path:
        name = re.sub(r"[^a-z0-9-]+", "-", account.lower())[:40].strip("-")
        return self._folder / f"{name}-{hashlib.sha256(account.encode('utf-8', 'replace')).hexdigest()[:12]}.json"


def machine_pauses(home: Path, now: float) -> dict[str, AccountPause]:
    """By account (`accounts.sharing.account_of`), the pauses that are on for all runs of this machine."""
    return MachinePauses(home).all_on(now)


def _parsed(path: Path) -> tuple[str, AccountPause | None]:
    try:
        if path.stat().st_size > _LONGEST:
            return "", None
        record: Any = json.loads(path.read_text(encoding="utf-8"))
        account = str(record.pop("account"))
        pause = _PAUSE.validate_python(record)
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError):
        return "", None
    is_sane = 0 <= pause.since <= pause.until <= pause.since + 2 * LATEST
    return (account, pause) if is_sane else ("", None)
