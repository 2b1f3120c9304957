"""The first schema: runs, their tasks, batches and rejections."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    create_runs()
    create_tasks()
    create_batches()
    create_rejections()


def create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("feature", sa.Text, nullable=False),
        sa.Column("plan_hash", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("elapsed_seconds", sa.Float, nullable=False),
        sa.Column("bound_seconds", sa.Float, nullable=False),
        sa.Column("salvage", sa.Text, nullable=False),
        sa.Column("unsupported", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("runs_by_repository", "runs", ["repository", "feature", "started_at"])


def create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("agent", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("branch", sa.Text),
        sa.Column("commit", sa.Text),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("planned_seconds", sa.Float),
        sa.Column("actual_seconds", sa.Float),
    )


def create_batches() -> None:
    op.create_table(
        "batches",
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("commit", sa.Text),
        sa.Column("tree", sa.Text),
        sa.Column("verifications", sa.Integer, nullable=False),
        sa.Column("verified", sa.Boolean, nullable=False),
        sa.Column("landed", sa.Text, nullable=False),
        sa.Column("held", sa.Text, nullable=False),
        sa.Column("started_at", sa.BigInteger),
        sa.Column("ended_at", sa.BigInteger),
        sa.Column("reason", sa.Text),
    )


def create_rejections() -> None:
    op.create_table(
        "rejections",
        sa.Column("run_id", sa.Text, primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("partner", sa.Text),
        sa.Column("files", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.ForeignKeyConstraint(["run_id", "batch"], ["batches.run_id", "batches.position"], ondelete="CASCADE"),
    )
