"""Who worked on a task: the program, how hard the task was thought to be, and what its review said."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for name, kind in (("backend", sa.Text), ("complexity", sa.Text), ("review_score", sa.Float)):
        op.add_column("tasks", sa.Column(name, kind))
