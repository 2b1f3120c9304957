"""How aider is started: its files of settings are read from the repository in any case, so each danger is overruled."""

import json
from typing import Any, Final

import yaml

from plait.plans.agents.launches.options import Option, command_line
from plait.plans.agents.launching import Launch, LaunchFile, LaunchOrder

USAGE: Final = "aider-usage.jsonl"
"""Below `temporary`: the only place where it tells what it used up."""

_KEYS: Final = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY")
_ADDRESSES: Final = {
    "openai": "https://api.openai.com/v1",
    "anthropic": "https://api.anthropic.com",
    "openrouter": "https://openrouter.ai/api/v1",
}
"""Of providers, by the first part of a model's name, as litellm wants them."""
_ENDS: Final = {"anthropic": "", "gemini": "/v1beta"}
"""What follows the door's address; `/v1` for all others."""

SETTINGS: Final = ".aider.conf.yml"
"""In the repository."""
_UNSTOPPABLE: Final = ("install-main-branch", "upgrade", "update", "commit", "test", "lint", "gui", "browser", "exit")
"""Switches in it that no flag and no variable turns off again; some have other programs run, or aider replaced."""

# Flags that nothing but a variable can turn off. A `.env` of the repository is read later than our environment, and our
# file of variables later than that one.
_OFF: Final = (
    *("AIDER_TEST", "AIDER_LINT", "AIDER_COMMIT", "AIDER_UPGRADE", "AIDER_INSTALL_MAIN_BRANCH", "AIDER_EXIT"),
    *("AIDER_GUI", "AIDER_JUST_CHECK_UPDATE", "AIDER_SHOW_REPO_MAP", "AIDER_SHOW_PROMPTS", "AIDER_DRY_RUN"),
    *("AIDER_APPLY_CLIPBOARD_EDITS", "AIDER_COPY_PASTE", "AIDER_WATCH_FILES"),
)


def launch_aider(order: LaunchOrder) -> Launch:
    """Start aider for one try; the prompt is a file. It has no sessions, no servers, no limits of its own."""

    def file(name: str) -> str:
        return f"{order.temporary}/aider-{name}"

    files = [
        LaunchFile(file("prompt.md"), order.prompt),
        LaunchFile(file("config.yml"), "{}\n"),
        LaunchFile(file("variables"), _variables()),
        LaunchFile(file("models.yml"), json.dumps(_models(order))),
        LaunchFile(file("prices.json"), "{}"),
        LaunchFile(file("nothing"), ""),
    ]
    if order.instructions:
        files.append(LaunchFile(file("instructions.md"), order.instructions))
    # One that the repository chooses would run: tests and linters after each edit, a list of commands at the start.
    commands = (
        Option("--test-cmd", ("true",)),
        Option("--lint-cmd", ("true",)),
        Option("--notifications-command", ("true",)),
        Option("--load", (file("nothing"),)),
        *_without("auto-test", "auto-lint", "suggest-shell-commands", "notifications", "auto-commits", "dirty-commits"),
    )
    places = (
        Option("--config", (file("config.yml"),), short="-c"),
        Option("--env-file", (file("variables"),)),
        Option("--model-settings-file", (file("models.yml"),)),
        Option("--model-metadata-file", (file("prices.json"),)),
        Option("--input-history-file", ("/dev/null",)),
        Option("--llm-history-file", ("/dev/null",)),
        Option("--chat-history-file", (file("chat.md"),)),
        Option("--analytics-log", (f"{order.temporary}/{USAGE}",)),
    )
    return Launch(
        argv=command_line(
            (order.program,),
            (
                Option("--message-file", (file("prompt.md"),), short="-f"),
                Option("--yes-always"),
                Option("--model", (order.model,)) if order.model else None,
                Option("--read", (file("instructions.md"),)) if order.instructions else None,
                Option("--dry-run") if order.access == "read" else None,
                *_without("stream", "pretty", "check-update", "show-release-notes", "gitignore", "show-model-warnings"),
                *_without("analytics", "detect-urls", "fancy-input", "restore-chat-history", "git-commit-verify"),
                Option("--verify-ssl"),
                *commands,
                *places,
            ),
            order.arguments,
        ),
        without=frozenset(_KEYS if order.door else ()),
        files=tuple(files),
    )


def unstoppable(settings: str) -> tuple[str, ...]:
    """Those switches that the repository's file of settings has; nothing where it is no YAML: aider refuses it, then.

    Example: of `"install-main-branch": true` it is `install-main-branch`.
    """
    try:
        top = yaml.compose(settings, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError, ValueError):
        return ()
    pairs = top.value if isinstance(top, yaml.MappingNode) else []
    keys = {key.value.replace("_", "-") for key, _ in pairs if isinstance(key, yaml.ScalarNode)}
    return tuple(name for name in _UNSTOPPABLE if name in keys)


def _without(*names: str) -> tuple[Option, ...]:
    return tuple(Option(f"--no-{name}", short=f"--{name}") for name in names)


def _models(order: LaunchOrder) -> list[dict[str, Any]]:
    """Its last word on every model: the repository may have a file of models with an address of its own."""
    provider = (order.model or "").partition("/")[0]
    if order.door:
        address = f"{order.door.url}{_ENDS.get(provider, '/v1')}"
        return [_for_all({**_at(address), "api_key": order.door.token})]
    address = order.address or _ADDRESSES.get(provider, "")
    return [_for_all(_at(address) if address else {})]


def _at(address: str) -> dict[str, str]:
    return {"api_base": address, "base_url": address}  # litellm takes either, and the second one first


def _for_all(parameters: dict[str, str]) -> dict[str, Any]:
    return {"name": "aider/extra_params", "extra_params": {**parameters, "extra_headers": {}}}


def _variables() -> str:
    return "".join(f"{name}=false\n" for name in _OFF)
