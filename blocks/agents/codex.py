"""Codex as an agent."""

from typing import ClassVar

from plait.blocks.agents.base import DOCUMENTATION, LOGO
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.codex import launch_codex
from plait.plans.agents.launching import Launcher
from plait.plans.language.backends import Backend


class CodexAgent(ProgramAgent):
    """
    Codex, driven by its stream of events, with nothing of the repository's own settings.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.codex import CodexAgent

        agent = CodexAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Codex Agent"
    _block_type_slug = "plait-codex-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "Codex as a coding agent, in a HOME of its own."

    backend: ClassVar[Backend] = "codex"
    launcher: ClassVar[Launcher] = staticmethod(launch_codex)
