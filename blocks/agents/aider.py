"""aider as an agent: it tells no events, so its file of usage is read beside what it prints."""

import os
from typing import ClassVar, Final

from plait.blocks.agents.base import DOCUMENTATION, LOGO, AgentOrder, AgentReport, not_started
from plait.blocks.agents.following import Following
from plait.blocks.agents.program import ProgramAgent
from plait.plans.agents.launches.aider import SETTINGS, USAGE, launch_aider, unstoppable
from plait.plans.agents.launching import Launcher
from plait.plans.agents.readers.aider import AiderReader
from plait.plans.agents.stream import AgentEvent
from plait.plans.language.backends import Backend
from plait.plans.wording import listed
from plait.workspace.deleting import delete_tree
from plait.workspace.growing_log import GrowingLog
from plait.workspace.small_files import read_plain_file

_WHY: Final = "nothing turns that off again; delete it there"
_MAP: Final = ".aider.tags.cache.v4"


class AiderAgent(ProgramAgent):
    """
    aider, which edits by text: no tools, no servers, no sessions, and exit status 0 whatever happened.

    Example:
        Load a saved agent:
        ```python
        from plait.blocks.agents.aider import AiderAgent

        agent = AiderAgent.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "aider Agent"
    _block_type_slug = "plait-aider-agent"
    _documentation_url = DOCUMENTATION
    _logo_url = LOGO
    _description = "aider as a coding agent, in a HOME of its own."

    backend: ClassVar[Backend] = "aider"
    launcher: ClassVar[Launcher] = staticmethod(launch_aider)

    def work(self, order: AgentOrder) -> AgentReport:
        """As all programs; the map of the repository that it keeps in the checkout is no work of it."""
        if switches := unstoppable(self._settings(order)):
            asked = listed(switches, limit=None)
            return not_started(
                order, f"aider does not start where the repository's {SETTINGS} asks for {asked}: {_WHY}"
            )
        map_of_repository = order.directory / _MAP
        was_there = os.path.lexists(map_of_repository)
        report = super().work(order)
        if not was_there:
            delete_tree(map_of_repository)
        return report

    @staticmethod
    def _settings(order: AgentOrder) -> str:
        try:
            return read_plain_file(order.directory / SETTINGS, most=1 << 20, errors="replace")
        except (OSError, ValueError):
            return ""

    def following(self, order: AgentOrder) -> Following:
        """What it prints, and its file of usage."""
        return _FollowingUsage(AiderReader(), order)


class _FollowingUsage(Following):
    def __init__(self, reader: AiderReader, order: AgentOrder) -> None:
        super().__init__(reader, order)
        self._aider = reader
        self._usage = GrowingLog(order.temporary / USAGE)

    def read(self) -> tuple[AgentEvent, ...]:
        """The events of both that have come since."""
        told = super().read()
        return (*told, *(event for piece in self._usage.pieces() for event in self._aider.feed_usage(piece)))
