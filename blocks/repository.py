"""A repository that features are made in: where it is on the machine of the worker, and what a feature starts from."""

from prefect.blocks.core import Block
from pydantic import Field

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.workspace.control import Control, open_control
from plait.workspace.home import expanded, plait_home


class FeatureRepository(Block):
    """
    A git repository that features are made in.

    Example:
        Load a saved repository and see where a feature would start:
        ```python
        from plait.blocks.repository import FeatureRepository

        repository = FeatureRepository.load("BLOCK_NAME")
        branch, commit = repository.open().base_commit(repository.base or None)
        ```
    """

    _block_type_name = "Feature Repository"
    _block_type_slug = "plait-feature-repository"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "A git repository that features are made in, on the machine that the worker runs on."

    path: str = Field(
        title="Path",
        description="The clone, or any directory in it, on the worker's machine; ~ is the worker's home directory.",
        examples=["/home/me/shop"],
    )
    base: str = Field(
        default="",
        title="Base",
        description="What features start from when neither the form nor the plan says it, such as main or origin/main. "
        "Empty: the branch checked out.",
        examples=["main"],
    )

    def open(self) -> Control:
        """
        Find the repository, and make plait's own control repository for it when it has none.

        Raises:
            CallError: There is no repository that can be worked in, or no user of the path's `~name`.
            EnvironmentProblem: git or the state directory is unusable.
        """
        return open_control(expanded(self.path), home=plait_home())
