"""Histories for the tests of merging: commits written straight into a bare repository, one git process each."""

from dataclasses import dataclass
from pathlib import Path

from plait.workspace.git import GitRepository

Content = str | bytes | None | tuple[str, str | bytes]
"""Text, bytes, nothing (deleted), or a mode and what it holds (`120000`: a link's target, `160000`: a commit)."""

Side = dict[str, Content]
"""Paths and what a commit makes of them."""

DATE = "1700000000 +0000"
SCRATCH = "refs/scratch/it"


@dataclass(frozen=True, slots=True)
class History:
    """A repository that commits are written into, past any checkout."""

    repository: GitRepository

    @classmethod
    def new(cls, directory: Path) -> "History":
        repository = GitRepository(directory)
        repository.ask("init", "--quiet", "--bare", "--initial-branch=main", str(directory))
        return cls(repository)

    @classmethod
    def with_checkout(cls, directory: Path) -> "History":
        """A user's clone: one commit on `main`, checked out."""
        directory.mkdir(parents=True)
        repository = GitRepository(directory / ".git")
        repository.ask("init", "--quiet", "--initial-branch=main", work_tree=directory)
        history = cls(repository)
        history.branch("main", history.commit({"README": "read me\n"}))
        repository.ask("reset", "--quiet", "--hard", work_tree=directory)
        return history

    def commit(self, files: dict[str, Content], *parents: str, message: str = "a commit") -> str:
        """The first parent's tree with these files changed."""
        kin = "".join(f"{'merge' if place else 'from'} {parent}\n" for place, parent in enumerate(parents))
        # `reset` first: without a parent the commit would follow what the scratch branch held.
        head = (
            f"feature done\nreset {SCRATCH}\ncommit {SCRATCH}\nmark :1\ncommitter T <t@example.com> {DATE}\n".encode()
        )
        changes = b"".join(_change(path, content) for path, content in files.items())
        stream = head + _data(message) + kin.encode() + changes + b"get-mark :1\ndone\n"
        return self.repository.ask("fast-import", "--quiet", "--force", stdin=stream).text

    def branch(self, name: str, commit: str) -> str:
        self.repository.set_ref(f"refs/heads/{name}", commit, reason="test")
        return commit

    def files(self, revision: str) -> dict[str, str]:
        """Path to text of a commit or tree."""
        listing = self.repository.ask("ls-tree", "-r", "-z", revision).records
        found = (record.split("\t", 1) for record in listing)
        return {path: self.blob(facts.split(" ")[2]) for facts, path in found if not facts.startswith("160000")}

    def blob(self, oid: str) -> str:
        return self.repository.ask("cat-file", "blob", oid).stdout.decode("utf-8", "replace")


def _change(path: str, content: Content) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    quoted = b'"' + escaped.encode("utf-8", "surrogateescape") + b'"'
    if content is None:
        return b"D " + quoted + b"\n"
    mode, data = content if isinstance(content, tuple) else ("100644", content)
    if mode == "160000":
        return f"M 160000 {data!s} ".encode() + quoted + b"\n"
    return f"M {mode} inline ".encode() + quoted + b"\n" + _data(data)


def _data(data: str | bytes) -> bytes:
    content = data.encode() if isinstance(data, str) else data
    return f"data {len(content)}\n".encode() + content + b"\n"
