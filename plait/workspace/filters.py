"""What git's attributes make of files on their way in and out: Git LFS is served, other filters are told and refused.

No program that an attribute names is ever run. What git does by itself (`text`, `eol`, `ident`,
`working-tree-encoding`) it does here, too, by the attributes that the user's own git would see.
"""

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from plait.plans.wording import count, listed
from plait.workspace import lfs_filter
from plait.workspace.git import GitRepository, ask_as_user
from plait.workspace.output import plain
from plait.workspace.small_files import read_plain_file
from plait.workspace.trees import REGULAR, blobs, entries_of

LFS = "lfs"
ATTRIBUTES = ".gitattributes"
_NONE = frozenset(("unspecified", "unset", "set"))
"""Values of the attribute `filter` that name none."""
_LARGEST = 1_000_000
_NAMED = 5
_OF_MERGES = re.compile(r"[-!]?(?:merge|diff|conflict-marker-size)(?:=.*)?\Z")
_RULE = re.compile(r'[ \t\r]*("(?:[^"\\]|\\.)*"|\[attr\]\S+|[^\s"#]\S*)([ \t\r]+\S.*)')
_FILTER = re.compile(r"\sfilter=(\S+)")


@lru_cache(maxsize=64)
def converting(common_dir: Path) -> tuple[str, ...]:
    """The settings with which git reads and writes the files of a checkout of the repository with this git directory.

    The program that they name is ours. Which files it is for may be said by an agent; it reads what is in the LFS store
    by its hash, and writes what the agent has left.
    """
    command = shlex.join([sys.executable, "-I", "-S", str(lfs_filter.__file__), lfs_storage(common_dir)])
    settings = (f"filter.{LFS}.process={command}", f"filter.{LFS}.required=true")
    attributes = _of_the_user(common_dir)
    return (*settings, f"core.attributesFile={attributes}") if attributes else settings


@lru_cache(maxsize=64)
def lfs_storage(common_dir: Path) -> str:
    """The LFS store of a repository: `lfs.storage`, seen from its git directory, as git-lfs has it."""
    named = ask_as_user(common_dir, "config", "--get", "--type=path", "lfs.storage").text
    return os.path.join(common_dir, named or "lfs")  # noqa: PTH118


def _of_the_user(common_dir: Path) -> Path | None:
    """The file with the attributes that the user wants in all repositories."""
    named = ask_as_user(common_dir, "config", "--get", "--type=path", "core.attributesFile").text
    if not named:
        above = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config"
        named = f"{above}/git/attributes"
    return Path(named) if os.path.isabs(named) and os.path.isfile(named) else None  # noqa: PTH113, PTH117


def has_attributes_beside(common_dir: Path) -> bool:
    """Whether attributes come from elsewhere than from the files of a commit."""
    return _of_the_user(common_dir) is not None or bool(_text(common_dir / "info" / "attributes").strip())


def attributes_beside(common_dir: Path) -> bytes:
    """How the user has files stored without writing it into `.gitattributes`: `text`, `eol`, `filter` and the like.

    What concerns merges and diffs is left out: these are plait's own.
    """
    rules = [
        match for line in _text(common_dir / "info" / "attributes").split("\n") if (match := _RULE.fullmatch(line))
    ]
    lines = []
    for pattern, words in (rule.groups() for rule in rules):
        kept = ["-text" if word == "binary" else word for word in words.split() if not _OF_MERGES.match(word)]
        lines += [f"{pattern} {' '.join(kept)}\n"] if kept else []
    return "".join(lines).encode("utf-8", "replace")


def filters_of(
    repository: GitRepository,
    paths: Iterable[str],
    *,
    common_dir: Path,
    index: Path,
    work_tree: Path | None = None,
) -> dict[str, str]:
    """The filter of each path that has one, by the attributes in an index, or in a checkout where one is given.

    Raises:
        GitFailed: the index is damaged.
    """
    asked = b"".join(os.fsencode(path) + b"\0" for path in paths)
    if not asked:
        return {}
    records = repository.ask(
        *("check-attr", *(() if work_tree else ("--cached",)), "-z", "--stdin", "filter"),
        stdin=asked,
        index=index,
        work_tree=work_tree or index.parent,  # without one git refuses where the repository is not bare
        configuration=converting(common_dir),
    ).records
    return {path: value for path, value in zip(records[::3], records[2::3], strict=True) if value not in _NONE}


def unfiltered(
    directory: Path,
    paths: Collection[str],
    *,
    before: Mapping[str, str],
    after: Mapping[str, str],
    stored: Mapping[str, Collection[str]],
    storage: str,
) -> Iterator[tuple[str, str]]:
    """The files of a checkout that cannot be stored as the repository wants them, each with the reason.

    Args:
        before: The filters by the attributes that were handed out: nobody takes a filter off by changing these.
        after: The filters by those that are there now.
        stored: By filter, the objects that were handed out under it: what is as it was stored may be moved or copied.
        storage: The LFS store.
    """
    for path in sorted(paths):
        named = sorted({filters[path] for filters in (before, after) if path in filters})
        foreign = [name for name in named if name != LFS]
        if foreign and not _is_one_of(directory / path, stored.get(foreign[0], ())):
            name = plain(foreign[0])[:60]
            yield path, f"the filter {name} is for it, which plait does not run: it would be committed unfiltered"
        elif after.get(path) == LFS and _dangles(directory / path, storage, known=stored.get(LFS, ())):
            yield path, "a pointer to an object that the LFS store does not have"


def _is_one_of(file: Path, objects: Collection[str]) -> bool:
    """Whether a file, as it is, is one of these blobs."""
    if not objects:
        return False
    kind = hashlib.sha1 if len(next(iter(objects))) == 40 else hashlib.sha256
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            digest = kind(b"blob %d\0" % os.fstat(opened.fileno()).st_size)
            while part := opened.read(1 << 20):
                digest.update(part)
    except OSError:
        return False
    return digest.hexdigest() in objects


def _dangles(file: Path, storage: str, *, known: Collection[str]) -> bool:
    """Whether a file is a pointer to what is not in the store, and was not handed out."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as opened:
            named = lfs_filter.pointer_to(opened.read(lfs_filter.MOST_OF_A_POINTER))
    except OSError:
        return False
    return named is not None and not lfs_filter.is_there(storage, *named) and not _is_one_of(file, known)


def told_of_filters(
    repository: GitRepository, common_dir: Path, commit: str, *, pushes_pointers: bool = False
) -> Iterator[str]:
    """What agents will see of the files of a commit that are under a filter, a sentence for each.

    Args:
        pushes_pointers: Whether commits are pushed, and nothing goes with them of what Git LFS keeps.

    Raises:
        GitFailed: an object is missing.
    """
    entries = entries_of(repository, commit)
    names = [path for path in entries if path.rpartition("/")[2] == ATTRIBUTES]
    held = blobs(repository, [entries[path][1] for path in names if entries[path][0] in REGULAR], largest=_LARGEST)
    in_tree = _named_in(content.decode("utf-8", "replace") for content in held.values())
    beside = _named_in(map(_text, (common_dir / "info" / "attributes", _of_the_user(common_dir))))
    if not in_tree and not beside:
        return
    files = [path for path, (mode, _) in entries.items() if mode in REGULAR]
    with TemporaryDirectory(prefix="plait-index-") as place:
        index = Path(place) / "index"
        repository.ask("read-tree", commit, index=index)
        filters = filters_of(repository, files, common_dir=common_dir, index=index)
    for name in sorted({*in_tree, *filters.values()} - {LFS}):
        yield _told_of(name, [path for path, value in filters.items() if value == name])
    pointers = [path for path, value in filters.items() if value == LFS]
    missing = _missing(repository, {path: entries[path][1] for path in pointers}, lfs_storage(common_dir))
    if pushes_pointers and LFS in {*in_tree, *filters.values()}:
        yield (
            "plait pushes commits, and not what Git LFS keeps of them: do `git lfs push --all REMOTE` after the run, "
            "or install git-lfs, which plait asks to do it"
        )
    if missing:
        yield (
            f"of {count(len(missing), 'file')} kept by Git LFS agents will see the pointer, as the content is not in "
            f"the LFS store (`git lfs fetch` brings it): {_first(missing)}"
        )


def _told_of(name: str, paths: Sequence[str]) -> str:
    shown = plain(name)[:60]
    what = (
        f"agents will see {count(len(paths), 'file')} as stored, unfiltered ({_first(paths)})"
        if paths
        else ("no file is under it yet")
    )
    return f"the filter {shown} is not run by plait: {what}, and a try that adds or changes a file under it is refused"


def _missing(repository: GitRepository, files: Mapping[str, str], storage: str) -> list[str]:
    held = blobs(repository, list(files.values()), largest=lfs_filter.MOST_OF_A_POINTER) if files else {}
    named = {path: lfs_filter.pointer_to(held.get(oid, b"")) for path, oid in files.items()}
    return [path for path, pointer in named.items() if pointer and not lfs_filter.is_there(storage, *pointer)]


def _named_in(texts: Iterable[str]) -> set[str]:
    """The filters that lines of attributes name, whether or not a later line takes them back."""
    lines = (line for text in texts for line in text.splitlines() if not line.lstrip().startswith("#"))
    return {name for line in lines for name in _FILTER.findall(line)}


def _text(file: Path | None) -> str:
    try:
        return read_plain_file(file, most=_LARGEST, errors="replace") if file else ""
    except (OSError, ValueError):
        return ""


def _first(paths: Sequence[str]) -> str:
    named = [plain(path)[:80] for path in paths]
    more = len(named) - _NAMED
    return listed([*named[:_NAMED], *([f"{more} more"] if more > 0 else [])], limit=None)
