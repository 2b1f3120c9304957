"""What the agents of a task used up: tokens, money, turns."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for name, kind in (
        ("input_tokens", sa.BigInteger),
        ("output_tokens", sa.BigInteger),
        ("cached_input_tokens", sa.BigInteger),
        ("usd", sa.Float),
        ("turns", sa.BigInteger),
        ("model", sa.Text),
        ("session", sa.Text),
        ("exact", sa.Boolean),
    ):
        op.add_column("tasks", sa.Column(name, kind))
