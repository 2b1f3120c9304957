"""Gemini CLI as an agent."""

import os
from typing import ClassVar, Final

from plait.blocks.agents.base import DOCUMENTATION, LOGO, AgentOrder, AgentReport, not_started
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.gemini import launch_gemini
from plait.plans.agents.launching import Launcher
from plait.plans.language.backends import Backend

_VARIABLES: Final = ".gemini/.env"


class GeminiAgent(ProgramAgent):
    """
    Gemini CLI, driven by its stream of events, with nothing of the repository's own settings.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.gemini import GeminiAgent

        agent = GeminiAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Gemini CLI Agent"
    _block_type_slug = "plait-gemini-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "Gemini CLI as a coding agent, in a HOME of its own."

    backend: ClassVar[Backend] = "gemini"
    launcher: ClassVar[Launcher] = staticmethod(launch_gemini)

    def work(self, order: AgentOrder) -> AgentReport:
        """As all programs, but not where the repository has variables for it: of all that it has, they are read anyway.

        Such as `BASH_ENV` would have every command of the agent run what the repository wants first.
        """
        if os.path.lexists(order.directory / _VARIABLES):
            return not_started(order, f"gemini does not start where the repository has {_VARIABLES}: delete that file")
        return super().work(order)
