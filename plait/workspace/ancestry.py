"""Which commit contains which of plait's own, and their trailers, at once: three git commands in place of thousands."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from plait.workspace.control import Control
from plait.workspace.git import GitRepository
from plait.workspace.trailers import read_trailers


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A part of the history, as it was when it was read."""

    parents: Mapping[str, tuple[str, ...]]
    """By commit; those of the oldest commits that were read are not among the keys."""
    trailers: Mapping[str, Mapping[str, str]]
    """By commit, of the tips and of plait's work: what plait wrote at the end of its message."""
    _numbers: Mapping[str, int]
    _reach: Mapping[str, int]
    """By commit: a bit for each numbered commit that it contains, itself included. A bit for every commit, of 100,000
    commits, would be a gigabyte."""

    def contains(self, commit: str, other: str) -> bool:
        """Whether `other`, a tip or plait's work, is `commit` or an ancestor of it; of what was not read, no."""
        number = self._numbers.get(other)
        return number is not None and bool(self._reach.get(commit, 0) >> number & 1)

    def inside(self, commit: str) -> int:
        """A bit for each tip and each of plait's commits that `commit` contains; of what was not read, none."""
        return self._reach.get(commit, 0)

    def bits_of(self, commits: Iterable[str]) -> int:
        """The bits that `inside` has for these commits."""
        return sum(1 << self._numbers[commit] for commit in dict.fromkeys(commits) if commit in self._numbers)

    def named(self, bits: int) -> Iterator[str]:
        """The commits of some bits."""
        return (commit for commit, number in self._numbers.items() if bits >> number & 1)


def read_ancestry(control: Control, tips: Iterable[str], *, beyond: str | None) -> Ancestry:
    """Read all commits that the tips contain and `beyond` does not; without it, the whole history.

    Raises:
        GitFailed: one of the commits does not exist.
    """
    tips = tuple(dict.fromkeys(tips))
    wanted = "".join(f"{tip}\n" for tip in tips) + (f"^{beyond}\n" if beyond else "")
    listed = control.store.ask("rev-list", "--topo-order", "--reverse", "--parents", "--stdin", stdin=wanted.encode())
    parents = {line[0]: tuple(line[1:]) for line in map(str.split, listed.text.splitlines())}
    work = control.store.ask("rev-list", "--grep=^Plait-Task: ", "--stdin", stdin=wanted.encode()).text.split()
    ours = dict.fromkeys(commit for commit in (*tips, *work) if commit in parents)
    numbers, reach = {commit: number for number, commit in enumerate(ours)}, dict[str, int]()
    for commit, before in parents.items():
        bits = 1 << numbers[commit] if commit in numbers else 0
        for parent in before:
            bits |= reach.get(parent, 0)
        reach[commit] = bits
    trailers = {commit: read_trailers(content) for commit, content in commit_contents(control.store, ours).items()}
    return Ancestry(parents, trailers, numbers, reach)


def commit_contents(store: GitRepository, commits: Iterable[str]) -> dict[str, str]:
    """Commit objects through one `cat-file --batch`: `<name> <type> <size>`, newline, content, newline.

    Raises:
        GitFailed: git could not read.
    """
    asked = "".join(f"{commit}\n" for commit in commits).encode()
    answer, at = store.ask("cat-file", "--batch", stdin=asked).stdout if asked else b"", 0
    contents: dict[str, str] = {}
    while at < len(answer):
        line_end = answer.index(b"\n", at)
        name, _, size = answer[at:line_end].decode("ascii").split()
        contents[name] = answer[line_end + 1 : line_end + 1 + int(size)].decode("utf-8", "replace")
        at = line_end + 1 + int(size) + 1
    return contents
