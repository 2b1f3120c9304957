"""The store of what neither git nor Prefect knows: its address, which may hold a password."""

from typing import TYPE_CHECKING

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from plait.blocks.agents.base import DOCUMENTATION, LOGO

if TYPE_CHECKING:  # imports SQLModel
    from plait.store.engine import Store


class FeatureStore(Block):
    """
    A database for the history of runs and what agents leave for each other, on SQLite or PostgreSQL.

    Example:
        Load a saved store and look at it:
        ```python
        from plait.blocks.store import FeatureStore

        store = FeatureStore.load("BLOCK_NAME")
        with store.open() as opened:
            print(opened.place)
        ```
    """

    _block_type_name = "Feature Store"
    _block_type_slug = "plait-feature-store"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "A database for the history of feature runs, on SQLite or PostgreSQL."

    url: SecretStr = Field(
        title="Address",
        description="sqlite:////absolute/path/plait.db or postgresql://user:password@host:5432/database.",
        examples=["sqlite:////srv/plait.db"],
    )

    def open(self) -> "Store":
        """
        Open the store; its tables are made, or brought to this version, when need be.

        Raises:
            CallError: The address is none of ours.
            EnvironmentProblem: The database cannot be reached or used.
        """
        # SQLModel takes a second to import, and Prefect loads this module with its collections.
        from plait.store.engine import open_store  # noqa: PLC0415

        return open_store(self.url.get_secret_value())
