"""Files that nobody means to commit: what programs leave everywhere, and what the user's own git leaves out."""

import os
import stat
from pathlib import Path

from plait.workspace.git import ask_as_user

NEVER_WORK = ("__pycache__/", "*.py[cod]", ".pytest_cache/", ".mypy_cache/", ".ruff_cache/", ".DS_Store")
"""What programs leave behind wherever they run, and nobody commits on purpose; what is tracked stays so."""
_FROM = b"# plait: from "
_LARGEST = 1_000_000


def excludes_of(common_dir: Path, git_dir: Path) -> bytes:
    """The rules as git reads them from `info/exclude`, in git's own order: of two that fit, the later one counts.

    The user's global file comes before the repository's own, as in git, and `.gitignore` files come after both. They
    are read here, as values: no git that works on a checkout knows the user's configuration.
    """
    rules = "".join(f"{rule}\n" for rule in NEVER_WORK).encode()
    for file in (_global_file(git_dir, common_dir), common_dir / "info" / "exclude"):
        if file is not None and (content := _read(file)):
            rules += _FROM + os.fsencode(file).replace(b"\n", b"?") + b"\n" + content
            rules += b"" if content.endswith(b"\n") else b"\n"
    return rules


def source_of_line(excludes: Path, line: int) -> str:
    """Which of the user's files a line of the written rules came from, and where it stands there."""
    number = line
    for at, text in reversed(list(enumerate(excludes.read_bytes().split(b"\n")[:line], start=1))):
        if text.startswith(_FROM):
            file = os.fsdecode(text.removeprefix(_FROM))
            return f"{file if file.isprintable() else ascii(file)[1:-1]}, line {number - at}"
    return "plait leaves it out everywhere"


def global_excludes(git_dir: Path) -> Path | None:
    """The user's global file of ignored paths, for a git directory that they named."""
    return _global_file(git_dir, git_dir)


def _global_file(git_dir: Path, common_dir: Path) -> Path | None:
    """`core.excludesFile` as the user's own git finds it, or where it looks without one; nothing without a home.

    Conditional includes count as for the repository that the user named.
    """
    answer = ask_as_user(git_dir, "config", "--type=path", "--get", "core.excludesFile")
    if answer.status == 0:
        if not answer.text:  # set to nothing: none is wanted
            return None
        return (common_dir.parent if common_dir.name == ".git" else common_dir) / answer.text
    if answer.status != 1:  # it names a home that is not there, or the configuration is damaged
        return None
    home, configuration = os.environ.get("HOME"), os.environ.get("XDG_CONFIG_HOME")
    if configuration:
        return Path(configuration) / "git" / "ignore"
    return Path(home) / ".config" / "git" / "ignore" if home else None


def _read(file: Path) -> bytes:
    """What is in a file; nothing where it cannot be read, is none, or is no list of rules by its size."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return b""
    try:
        is_file = stat.S_ISREG(os.fstat(handle).st_mode)
        content = os.read(handle, _LARGEST + 1) if is_file else b""
    except OSError:
        return b""
    finally:
        os.close(handle)
    return content.removeprefix(b"\xef\xbb\xbf") if len(content) <= _LARGEST else b""
