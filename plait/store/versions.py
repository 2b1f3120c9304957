"""Which schema versions this plait knows, told without importing Alembic."""

# Not `alembic_version`: on a shared PostgreSQL that is another program's table (Prefect's, for one).
VERSION_TABLE = "plait_version"
VERSIONS = ("0001", "0002", "0003")
"""Oldest first; a new file in `migrations/versions` adds one here."""
HEAD = VERSIONS[-1]
READ_VERSION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant of this file
