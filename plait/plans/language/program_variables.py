"""Variables that known programs read: one that is set here and that a program of the plan is not given is told."""

import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile

from plait.plans.language.backends import BACKENDS
from plait.plans.language.crew import Crew
from plait.plans.language.environment import GivenVariable, added, from_shell
from plait.plans.language.model import COMMAND_ROLE, Plan, Task
from plait.plans.language.verify_stages import commands_in
from plait.plans.wording import listed

_OPENAI = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
_ANTHROPIC = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL")
_CLAUDE = ("CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR", "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX")
_GEMINI = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
_ANY_PROVIDER = (*_ANTHROPIC, *_OPENAI, *_GEMINI, "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY", "XAI_API_KEY")
_GITHUB = ("GH_TOKEN", "GITHUB_TOKEN")

# From each program's own pages, read in 2026: code.claude.com/docs/en/env-vars; developers.openai.com/codex/auth;
# geminicli.com/docs/get-started/authentication; opencode.ai/docs/providers; aider.chat/docs/config/api-keys.html;
# cursor.com/docs/cli/reference/authentication; ampcode.com/manual; docs.factory.ai/cli; block.github.io/goose;
# docs.github.com/en/copilot (authenticate copilot cli); docs.npmjs.com, pip.pypa.io, docs.astral.sh/uv, go.dev/ref/mod.
VARIABLES: Mapping[str, Sequence[str]] = {
    "claude": (*_ANTHROPIC, *_CLAUDE),
    "codex": (*_OPENAI, "CODEX_API_KEY", "CODEX_HOME"),
    "gemini": (*_GEMINI, "GOOGLE_GEMINI_BASE_URL", "GOOGLE_CLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"),
    "opencode": (*_ANY_PROVIDER, "OPENCODE_CONFIG"),
    "aider": _ANY_PROVIDER,
    "goose": (*_ANY_PROVIDER, "GOOSE_PROVIDER", "GOOSE_MODEL"),
    "qwen": _OPENAI,
    "cursor-agent": ("CURSOR_API_KEY", "CURSOR_AUTH_TOKEN", "CURSOR_CONFIG_DIR"),
    "amp": ("AMP_API_KEY",),
    "droid": ("FACTORY_API_KEY",),
    "copilot": ("COPILOT_GITHUB_TOKEN", *_GITHUB),
    "gh": (*_GITHUB, "GH_HOST"),
    "npm": ("NPM_TOKEN", "NODE_AUTH_TOKEN"),
    "pnpm": ("NPM_TOKEN", "NODE_AUTH_TOKEN"),
    "yarn": ("NPM_TOKEN", "NODE_AUTH_TOKEN"),
    "pip": ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_CONFIG_FILE"),
    "uv": ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"),
    "go": ("GOPROXY", "GOPRIVATE", "GOFLAGS"),
    "mvn": ("JAVA_HOME",),
    "mvnw": ("JAVA_HOME",),
    "gradle": ("JAVA_HOME", "ANDROID_HOME"),
    "gradlew": ("JAVA_HOME", "ANDROID_HOME"),
    "docker": ("DOCKER_HOST", "DOCKER_CONFIG"),
    # As the images `rust`, `ruby`, `dotnet/sdk` and the installers of toolchains set them: without them there is no
    # toolchain, or none of what was installed.
    **dict.fromkeys(("cargo", "rustc", "rustup"), ("RUSTUP_HOME", "CARGO_HOME", "RUSTUP_TOOLCHAIN")),
    **dict.fromkeys(("bundle", "gem", "ruby", "rake", "rspec"), ("GEM_HOME", "BUNDLE_PATH", "RBENV_ROOT")),
    "dotnet": ("DOTNET_ROOT",),
    "kubectl": ("KUBECONFIG",),
    "helm": ("KUBECONFIG",),
    "aws": ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_REGION", "AWS_DEFAULT_REGION"),
    "psql": ("PGHOST", "PGUSER", "PGPASSWORD", "PGDATABASE", "PGSERVICE"),
}
"""By the name of a program, what it cannot do its work without where a person has set it."""

_ALIASES = {"claude-code": "claude", "gemini-cli": "gemini", "opencode-ai": "opencode", "aider-chat": "aider"}
"""What packages are called that `npx` and `uvx` start."""
_STARTERS = frozenset(
    (
        *("env", "exec", "command", "time", "timeout", "nice", "ionice", "nohup", "setsid", "stdbuf", "unbuffer"),
        *("sudo", "doas", "xargs", "caffeinate", "script", "npx", "uvx", "bunx", "pnpx", "pipx", "mise", "asdf"),
        *("direnv", "dotenv", "doppler", "op", "poetry", "pdm", "hatch", "rye", "bundle", "devbox", "nix"),
        *("uv", "npm", "pnpm", "yarn", "bun", "python", "python3"),
    )
)
"""Programs that run the one which is named behind them."""
_ITS_OWN = frozenset(("run", "exec", "tool", "x", "dlx", "develop", "shell"))
"""Words of theirs that stand before it."""
_SHELLS = frozenset(("sh", "bash", "dash", "zsh", "ksh"))
_SEPARATORS = frozenset((";", ";;", "&", "&&", "|", "||", "|&", "(", ")", "{", "}", "\n"))
_KEYWORDS = frozenset(("if", "then", "else", "elif", "while", "until", "do", "!"))
_NO_PROGRAM = re.compile(r"-.*|[A-Za-z_][A-Za-z0-9_]*=.*|[0-9.]+[smhd]?", re.DOTALL)


def told_variables(
    plan: Plan, crew: Crew, present: Collection[str], *, text_of: Callable[[str], str] = lambda _: ""
) -> tuple[str, ...]:
    """What is said of variables before anything starts.

    Args:
        present: Names of the variables that are set here, and not empty.
        text_of: The text of a shell script by the word that names it, so that what it runs is known; empty for others.
    """
    return (*withheld_variables(plan, crew, present, text_of), *unset_variables(plan, crew, present))


def withheld_variables(
    plan: Plan, crew: Crew, present: Collection[str], text_of: Callable[[str], str]
) -> tuple[str, ...]:
    """A sentence for each program of the plan that reads what is set here and not passed on to it."""
    withheld: dict[tuple[str, str], list[str]] = {}
    for whom, given, programs in _works(plan, crew, text_of):
        names = {variable.name for variable in given}
        for program in programs:
            for name in VARIABLES[program]:
                if name in present and name not in names:
                    withheld.setdefault((program, name), []).append(whom)
    several: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (program, name), whom_all in withheld.items():
        several.setdefault((program, tuple(dict.fromkeys(whom_all))), []).append(name)
    return tuple(_sentence(program, names, whom_all) for (program, whom_all), names in several.items())


def unset_variables(plan: Plan, crew: Crew, present: Collection[str]) -> tuple[str, ...]:
    """A sentence on the variables that are to have the shell's value and have none, if there are any."""
    named = dict.fromkeys(name for _, given, _ in _works(plan, crew, lambda _: "") for name in from_shell(given))
    absent = [name for name in named if name not in present]
    if not absent:
        return ()
    is_set, names = ("is", "names it") if len(absent) == 1 else ("are", "names them")
    return (f"{listed(absent)} {is_set} not set here, though `environment` {names}",)


def _sentence(program: str, names: Sequence[str], whom: Sequence[str]) -> str:
    is_set, it = ("is", "it") if len(names) == 1 else ("are", "them")
    return (
        f"{program} reads {listed(names, limit=None)}, which {is_set} set here and not passed on to {listed(whom)}: "
        f"name {it} in `environment` of the crew, the role, the task or `integration` if {program} needs {it}"
    )


def _works(
    plan: Plan, crew: Crew, text_of: Callable[[str], str]
) -> Iterator[tuple[str, tuple[GivenVariable, ...], tuple[str, ...]]]:
    """Whoever runs programs: its name, the variables that it is given, and the programs that are known."""
    for task in plan.tasks:
        if task.branch is None:
            role = crew.role(task.role or COMMAND_ROLE)
            given = added(crew.environment, role.environment, task.environment)
            yield task.role or task.id, given, tuple(dict.fromkeys(_programs_of(task, crew, text_of)))
    integration = plan.integration
    commands = (*(crew.setup if integration.verify else ()), *commands_in(integration.verify))
    programs = tuple(dict.fromkeys(program for command in commands for program in programs_in(command)))
    yield "`integration.verify`", added(crew.environment, integration.environment), programs


def _programs_of(task: Task, crew: Crew, text_of: Callable[[str], str]) -> Iterator[str]:
    role = crew.role(task.role or COMMAND_ROLE)
    for command in (*(task.setup or role.setup or crew.setup), *commands_in(task.verify), task.run or ""):
        yield from programs_in(command)
    if task.is_for_agent:
        yield from _programs_of_argv(role.command or ())
        for word in role.command or ():
            yield from programs_in(text_of(word))
        if (backend := role.own_backend or crew.default_backend) and (
            program := BACKENDS[backend].program
        ) in VARIABLES:
            yield str(program)


def programs_in(command: str) -> Iterator[str]:
    """The known programs that a shell command begins with, or that stand behind `&&`, `|`, `;` and the like.

    Example: `cd web && NODE_ENV=test npx -y @openai/codex exec "use npm"` has `codex` alone.
    """
    words = shlex.shlex(command, posix=True, punctuation_chars="();<>|&\n")
    words.whitespace, words.whitespace_split, words.commenters = " \t\r", True, "#"
    simple: list[str] = []
    try:
        for word in words:
            if set(word) <= {*"();|&\n"} or word in _SEPARATORS:
                yield from _programs_of_argv(simple)
                simple = []
            else:
                simple.append(word)
    except ValueError:  # a quote that does not end, as in a heredoc: what was read before is something
        pass
    yield from _programs_of_argv(simple)


def _programs_of_argv(argv: Iterable[str]) -> Iterator[str]:
    """The known program that an argument list runs, through `env`, `npx`, `poetry run` and shells."""
    words = list(argv)
    while words and (words[0] in _KEYWORDS or _NO_PROGRAM.fullmatch(words[0])):
        words.pop(0)
    if not words:
        return
    name = words[0].rpartition("/")[2].partition("@")[0]
    name = _ALIASES.get(name, name)
    if name in VARIABLES:
        yield name
    if name in _STARTERS:
        yield from _programs_of_argv(_started(words[1:]))
    elif name in _SHELLS:
        options = list(takewhile(lambda word: word.startswith("-"), words[1:]))
        if any("c" in option for option in options) and len(words) > len(options) + 1:
            yield from programs_in(words[len(options) + 1])


def _started(words: list[str]) -> list[str]:
    """The argument list behind a starter's own words: options, the value of one, folders, `run`; or all behind `--`.

    Example: of `sudo`, `-u me claude -p` has `claude -p`; of `mise`, `exec node@22 -- codex` has `codex`.
    """
    if "--" in words:
        return words[words.index("--") + 1 :]
    for at, word in enumerate(words):
        is_value = at > 0 and words[at - 1].startswith("-") and not _is_known(word)
        if not (_NO_PROGRAM.fullmatch(word) or word in _ITS_OWN or set(word) <= {*"./"} or is_value):
            return words[at:]
    return []


def _is_known(word: str) -> bool:
    name = word.rpartition("/")[2].partition("@")[0]
    return name in VARIABLES or name in _ALIASES or name in _STARTERS or name in _SHELLS
