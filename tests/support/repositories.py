"""Real repositories for tests, made by plain git as a user would make them."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

Content = str | bytes | None
"""Text, bytes, or nothing: the file is deleted."""

SHOP: Mapping[str, Content] = {
    "app.py": 'def total(prices):\n    """What a basket costs, in cents."""\n    return sum(prices)\n',
    "tests/test_app.py": "from app import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
    "README.md": "# Shop\n\nA small shop.\n",
    "docs/guide.md": "# Guide\n\nPut things into a basket.\n",
}
"""The files of the `repository` fixture."""


def git(directory: Path, *arguments: str, check: bool = True, stdin: bytes = b"") -> str:
    """Run plain git as a person would; its output without the last newline."""
    done = subprocess.run(["git", *arguments], cwd=directory, input=stdin, capture_output=True, check=False)
    if check and done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def make_repository(path: Path, files: Mapping[str, Content] = SHOP, *, object_format: str = "sha1") -> Path:
    """A clone with one commit of these files on `main`, checked out."""
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main", f"--object-format={object_format}")
    commit_files(path, files, message="first")
    return path


def commit_files(repository: Path, files: Mapping[str, Content], *, message: str = "a commit") -> str:
    """Write (or delete) files in the checkout, commit all of it on the branch that is checked out, give the commit."""
    for name, content in files.items():
        write_file(repository / name, content)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(repository, "rev-parse", "HEAD")


def commit_on_branch(repository: Path, name: str, files: Mapping[str, Content], *, start: str = "main") -> str:
    """A new branch with one commit of these files over `start`; the checkout and its branch stay as they are."""
    index = repository / ".git" / f"index-of-{name.replace('/', '-')}"
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)}

    def plumb(*arguments: str, stdin: bytes = b"") -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=repository, input=stdin, env=environment, capture_output=True, check=True
        )
        return done.stdout.decode().rstrip("\n")

    plumb("read-tree", start)
    for path, content in files.items():
        if content is None:
            plumb("update-index", "--force-remove", path)
            continue
        data = content.encode() if isinstance(content, str) else content
        blob = plumb("hash-object", "-w", "--stdin", stdin=data)
        plumb("update-index", "--add", "--replace", "--cacheinfo", f"100644,{blob},{path}")
    commit = plumb("commit-tree", plumb("write-tree"), "-p", start, "-m", f"work on {name}")
    index.unlink()
    plumb("branch", name, commit)
    return commit


def write_file(path: Path, content: Content) -> None:
    """Make a file with its directories, or delete it."""
    if content is None:
        path.unlink()
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def files_of(repository: Path, revision: str) -> dict[str, str]:
    """Path to text of a commit or tree, as the repository has it."""
    names = git(repository, "ls-tree", "-r", "-z", "--name-only", revision).split("\0")[:-1]
    return {name: git(repository, "cat-file", "blob", f"{revision}:{name}") for name in names}
