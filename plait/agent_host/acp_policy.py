"""What an ACP program may do when it asks: work in its checkout, and nothing outside of it."""

from collections.abc import Sequence
from typing import Final, Literal

from acp.schema import PermissionOption, ToolCallUpdate

from plait.agent_host.acp_updates import paths_of_call
from plait.agent_host.checkout_files import CheckoutFiles, PathDenied

_CHANGES: Final = frozenset({"edit", "delete", "move", "execute", "switch_mode"})
_ANYWHERE: Final = frozenset({"read", "search", "think", "fetch", "other"})
"""What changes nothing; reading outside the checkout is for a sandbox to forbid, as a command could do it as well."""


def refusal_of(call: ToolCallUpdate, files: CheckoutFiles, access: Literal["write", "read"]) -> str:
    """Why a program may not use a tool, in a sentence; empty where it may."""
    kind = call.kind or "other"
    if access == "read" and kind in _CHANGES:
        return "it may read alone, and changes nothing"
    if kind in _ANYWHERE or kind == "execute":  # the paths of a command are where it runs
        return ""
    for path in paths_of_call(call):
        try:
            files.parts_of(path)
        except PathDenied as denied:
            return str(denied)
    return ""


def answer_among(options: Sequence[PermissionOption], *, is_allowed: bool) -> str | None:
    """The option that says so, for this once where there is one; nothing where none does."""
    wanted = ("allow_once", "allow_always") if is_allowed else ("reject_once", "reject_always")
    by_kind = {option.kind: option.option_id for option in reversed(options)}
    return next((by_kind[kind] for kind in wanted if kind in by_kind), None)
