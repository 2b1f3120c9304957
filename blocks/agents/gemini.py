"""Gemini CLI as an agent."""

from typing import ClassVar

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.gemini import launch_gemini
from plait.plans.agents.launching import Launcher
from plait.plans.language.backends import Backend


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
