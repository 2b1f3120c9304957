"""Every table of the store: rows, which are not models and are turned into outcomes at the door."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Dialect, ForeignKeyConstraint, Index, Text
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from plait.store.moments import from_milliseconds, to_milliseconds


def storable(text: str) -> str:
    """PostgreSQL takes no NUL and no driver takes half a surrogate pair; both occur in agents' output."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


class Moment(TypeDecorator[datetime]):
    """Milliseconds since 1970 UTC: the same number, order and precision on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002
        return None if value is None else to_milliseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else from_milliseconds(value)


class Words(TypeDecorator[str]):
    """Text of any origin."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else storable(value)


class Listing(TypeDecorator[Sequence[Any]]):
    """A short list as JSON text: read whole, never searched."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> str:  # noqa: ARG002
        return json.dumps(list(value or ()))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Sequence[Any]:  # noqa: ARG002
        return tuple(json.loads(value or "[]"))


class Row(SQLModel, registry=registry()):
    """In a registry of its own: a user's SQLModel tables in the same process are none of ours."""


class RunRow(Row, table=True):
    """One run of one feature in one repository."""

    __tablename__ = "runs"
    __table_args__ = (Index("runs_by_repository", "repository", "feature", "started_at"),)

    run_id: str = Field(primary_key=True, sa_type=Words)
    repository: str = Field(sa_type=Words)
    feature: str = Field(sa_type=Words)
    plan_hash: str = Field(sa_type=Words)
    state: str = Field(sa_type=Words)
    branch: str = Field(sa_type=Words)
    commit: str | None = Field(default=None, sa_type=Words)
    started_at: datetime = Field(sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    elapsed_seconds: float
    bound_seconds: float
    salvage: Sequence[str] = Field(sa_type=Listing)
    unsupported: Sequence[str] = Field(sa_type=Listing)
    reason: str | None = Field(default=None, sa_type=Words)


class TaskRow(Row, table=True):
    """One task of a run; `position` keeps the plan's order."""

    __tablename__ = "tasks"
    __table_args__ = (ForeignKeyConstraint(["run_id"], ["runs.run_id"], ondelete="CASCADE"),)

    run_id: str = Field(primary_key=True, sa_type=Words)
    position: int = Field(primary_key=True)
    id: str = Field(sa_type=Words)
    role: str = Field(sa_type=Words)
    agent: str | None = Field(default=None, sa_type=Words)
    state: str = Field(sa_type=Words)
    branch: str | None = Field(default=None, sa_type=Words)
    commit: str | None = Field(default=None, sa_type=Words)
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    tries: int
    reason: str | None = Field(default=None, sa_type=Words)
    planned_seconds: float | None = None
    actual_seconds: float | None = None
    input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    output_tokens: int | None = Field(default=None, sa_type=BigInteger)
    cached_input_tokens: int | None = Field(default=None, sa_type=BigInteger)
    usd: float | None = None
    turns: int | None = Field(default=None, sa_type=BigInteger)
    model: str | None = Field(default=None, sa_type=Words)
    session: str | None = Field(default=None, sa_type=Words)
    exact: bool | None = None
    """Whether that is all that was used up; nothing where nobody told anything."""
    backend: str | None = Field(default=None, sa_type=Words)
    complexity: str | None = Field(default=None, sa_type=Words)
    review_score: float | None = None
    """0 to 10."""


class BatchRow(Row, table=True):
    """One batch of a run, in the order they were built."""

    __tablename__ = "batches"
    __table_args__ = (ForeignKeyConstraint(["run_id"], ["runs.run_id"], ondelete="CASCADE"),)

    run_id: str = Field(primary_key=True, sa_type=Words)
    position: int = Field(primary_key=True)
    id: str = Field(sa_type=Words)
    state: str = Field(sa_type=Words)
    commit: str | None = Field(default=None, sa_type=Words)
    tree: str | None = Field(default=None, sa_type=Words)
    verifications: int
    verified: bool
    landed: Sequence[str] = Field(sa_type=Listing)
    held: Sequence[Sequence[str]] = Field(sa_type=Listing)
    """Pairs: the task, and the task that it waits for."""
    started_at: datetime | None = Field(default=None, sa_type=Moment)
    ended_at: datetime | None = Field(default=None, sa_type=Moment)
    reason: str | None = Field(default=None, sa_type=Words)


class RejectionRow(Row, table=True):
    """One branch that a batch did not take."""

    __tablename__ = "rejections"
    __table_args__ = (
        ForeignKeyConstraint(["run_id", "batch"], ["batches.run_id", "batches.position"], ondelete="CASCADE"),
    )

    run_id: str = Field(primary_key=True, sa_type=Words)
    batch: int = Field(primary_key=True)
    """The batch's position."""
    position: int = Field(primary_key=True)
    task: str = Field(sa_type=Words)
    kind: str = Field(sa_type=Words)
    partner: str | None = Field(default=None, sa_type=Words)
    files: Sequence[str] = Field(sa_type=Listing)
    reason: str = Field(sa_type=Words)
