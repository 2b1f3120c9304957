"""opencode as an agent."""

from typing import ClassVar

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.opencode import launch_opencode
from plait.plans.agents.launching import Launcher
from plait.plans.language.backends import Backend


class OpencodeAgent(ProgramAgent):
    """
    opencode, driven by its stream of events, with nothing of the repository's own settings.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.opencode import OpencodeAgent

        agent = OpencodeAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "opencode Agent"
    _block_type_slug = "plait-opencode-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "opencode as a coding agent, in a HOME of its own."

    backend: ClassVar[Backend] = "opencode"
    launcher: ClassVar[Launcher] = staticmethod(launch_opencode)
