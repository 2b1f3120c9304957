"""What lies at the top of a commit, as far as presets ask for it: names, and the contents of small plain files."""

from plait.plans.quality.presets import FOLDERS, LARGEST, LOOKED_FOR, READ
from plait.workspace.amending import files_in
from plait.workspace.git import GitRepository


def root_files(repository: GitRepository, commit: str) -> tuple[dict[str, str], frozenset[str]]:
    """The files that presets look for, with the text of those that they read; and the folders.

    Links are not there; what is larger than 256 KiB has no text, and what is no UTF-8 is replaced.

    Raises:
        GitFailed: an object is missing.
    """
    records = repository.ask("ls-tree", "-z", commit, "--", *LOOKED_FOR, *FOLDERS).records
    modes = {path: facts[:6] for facts, _, path in (record.partition("\t") for record in records)}
    read = files_in(repository, commit, "", largest=LARGEST, names=READ)
    texts = {name: file.content.decode("utf-8-sig", "replace") for name, file in read.items()}
    plain = (name for name in LOOKED_FOR if modes.get(name) in ("100644", "100755"))
    files = {name: texts.get(name, "") for name in plain}
    return files, frozenset(name for name in FOLDERS if modes.get(name) == "040000")
