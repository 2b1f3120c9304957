"""The Secret blocks of Prefect that a crew names: read when a run is opened, and kept in this process alone."""

from collections.abc import Iterable

from plait.plans.errors import CallError
from plait.plans.language.environment import GivenVariable


def block_values(given: Iterable[GivenVariable]) -> dict[str, str]:
    """By block, its value.

    Raises:
        CallError: there is no such block, or its value is no text.
    """
    wanted = {variable.secret: variable.name for variable in given if variable.secret is not None}
    return {block: _value_of(block, variable) for block, variable in sorted(wanted.items())}


def _value_of(name: str, variable: str) -> str:
    from prefect.blocks.system import Secret
    from prefect.exceptions import ObjectNotFound

    try:
        value = Secret.load(name).get()  # type: ignore[union-attr]  # Prefect's types allow for a coroutine
    except (ValueError, ObjectNotFound):
        hint = (
            f"make it on the Prefect page under Blocks (`plait up`), or name {variable} alone and set it in the shell"
        )
        raise CallError(f"there is no Secret block {name!r}, from which {variable} is to come", hint=hint) from None
    if not isinstance(value, str) or not value or "\0" in value:
        raise CallError(f"the Secret block {name!r} holds no text that {variable} could be")
    return value
