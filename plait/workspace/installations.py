"""Where the programs lie that somebody may start: whole installations, found without exposing the rest of a HOME.

Programs come from the PATH, from symbolic links (`~/.local/bin`), through an interpreter (`#!/usr/bin/env node`), from
managers of versions (pyenv, nvm, rustup) and from virtual environments. The system's own places are there anyway.
"""

import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from plait.workspace.places import is_file, is_folder, is_there

_SYSTEM = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")))

_MANAGERS = (
    *(".pyenv", ".rbenv", ".nodenv", ".jenv", ".goenv", ".asdf", ".volta", ".bun", ".deno", ".sdkman"),
    *(".local/share/mise", ".local/share/rtx", ".local/share/pnpm", ".nix-profile"),
)
"""Below HOME: their programs look for what they start elsewhere in their own folder."""

_BESIDE = {".cargo/bin": (".rustup",)}
"""Below HOME, what the programs of a folder look for elsewhere. `~/.cargo` itself has credentials."""

_NAMED_BY = (
    *("JAVA_HOME", "GOROOT", "DOTNET_ROOT", "ANDROID_HOME", "ANDROID_SDK_ROOT", "RUSTUP_HOME", "PYENV_ROOT", "NVM_BIN"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV"),
)
"""Variables whose values programs read from."""

_OF_PROGRAMS = ("bin", "sbin", "libexec", "shims", "Scripts")
_OF_AN_INSTALLATION = ("lib", "lib64", "libexec", "share", "include", "pyvenv.cfg")
_PRIVATE = (
    *(".ssh", ".aws", ".gnupg", ".config", ".docker", ".kube", ".cargo", ".local", ".local/share", ".local/state"),
    *(".cache", ".azure", ".claude", ".codex", ".gemini", ".m2", ".npm", ".gradle", ".password-store", ".mozilla"),
)
"""Below HOME: what is never shown as a whole."""

_MOST_PROGRAMS = 400
"""Of one folder of the PATH that are looked at for where they lead."""


def is_system(path: Path) -> bool:
    """Whether a path is of the system's own programs, which every sandbox has."""
    return any(path.is_relative_to(place) for place in _SYSTEM)


def installations(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    checkout: Path,
    hidden: Iterable[Path] = (),
    programs: Iterable[str] = (),
) -> tuple[Path, ...]:
    """What has to be readable for a program, and those on its PATH, to start; without the system's own.

    Example: for `~/.nvm/versions/node/v20.1.0/bin` on the PATH it is `~/.nvm/versions/node/v20.1.0`.

    Args:
        argv: The program by its full path, and its arguments: a file that one of them names by its full path is read.
        environment: The program's, with the PATH.
        checkout: Where the virtual environments of a set-up may be.
        hidden: Places of which nothing is given.
        programs: Further programs, by name or full path.
    """
    search = _Search(_homes(environment), tuple(Path(os.path.realpath(place)) for place in hidden), environment)
    for program in (argv[0], *(name for name in programs if name.startswith("/"))):  # others are on the PATH
        search.add_program(Path(program))
    for word in argv[1:]:
        if word.startswith("/") and is_file(word):
            search.add(Path(word))
    for name in environment.get("PATH", os.defpath).split(os.pathsep):
        search.add_folder(Path(name))
    for variable in _NAMED_BY:
        if (value := environment.get(variable, "")).startswith("/"):
            search.add(Path(value))
    for link in (link for folder in (".venv", "venv") for link in _entries(checkout / folder / "bin")):
        # Base may have such a link to anything: only a Python of that name is followed.
        target = Path(os.path.realpath(link))
        if link.is_symlink() and link.name.startswith("python") and target.name.startswith("python"):
            search.add_program(target)
    return tuple(search.found)


def _homes(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """The user's: as the variable says, and as the system knows them."""
    homes = [environment.get("HOME", "")]
    with suppress(KeyError):
        homes.append(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(dict.fromkeys(Path(home) for home in homes if home.startswith("/") and home != "/"))


class _Search:
    def __init__(self, homes: tuple[Path, ...], hidden: tuple[Path, ...], environment: Mapping[str, str]) -> None:
        self.homes, self.hidden, self.environment = homes, hidden, environment
        self.found = dict[Path, None]()
        self._seen = set[Path]()

    def add(self, place: Path) -> bool:
        """Take a place, if it is there and shows no more than it has to; whether it is there for the program."""
        if is_system(place) or self._has(place):
            return True
        if not is_there(place) or self._shows_too_much(place) or self._shows_too_much(Path(os.path.realpath(place))):
            return False
        self.found[place] = None
        return True

    def add_folder(self, folder: Path) -> None:
        """Take a folder of the PATH, with what its programs are parts of or lead to."""
        if not folder.is_absolute() or is_system(folder) or not is_folder(folder):
            return
        if not self._add_root(folder):
            self.add(folder)
        for home in self.homes:
            for other in _BESIDE.get(str(folder.relative_to(home)), ()) if folder.is_relative_to(home) else ():
                self.add(home / other)
        for entry in _entries(folder)[:_MOST_PROGRAMS]:
            if entry.is_symlink():
                self.add_program(entry)

    def add_program(self, program: Path) -> None:
        """Take a program, what it is a link to, and what its first line says that it is run by."""
        if program in self._seen or not is_file(program):
            return
        self._seen.add(program)
        real = Path(os.path.realpath(program))
        for path in dict.fromkeys((program, real)):
            if not (is_system(path) or self._has(path) or self._add_root(path.parent)):
                self.add(path)
        with suppress(OSError):
            middle = program
            while middle.is_symlink():  # ~/bin/x -> ~/tool/current/x -> …: each name has to be there
                middle = Path(os.path.normpath(middle.parent / middle.readlink()))
                if not self._has(middle) and not self._add_root(middle.parent):
                    self.add(middle)
        if interpreter := self._interpreter(real):
            self.add_program(interpreter)

    def _add_root(self, folder: Path) -> bool:
        """Take the installation that a folder of programs is part of; whether there is one."""
        if self._has(folder):
            return True
        for place in (home / manager for home in self.homes for manager in _MANAGERS):
            if folder.is_relative_to(place):
                return self.add(place)
        modules = [parent for parent in (folder, *folder.parents) if parent.name == "node_modules"]
        if modules:
            return self.add(modules[-1])
        root = folder.parent
        looks = folder.name in _OF_PROGRAMS and any(is_there(root / name) for name in _OF_AN_INSTALLATION)
        return looks and not is_there(root / ".git") and self.add(root)

    def _has(self, place: Path) -> bool:
        return place in self.found or any(above in self.found for above in place.parents)

    def _shows_too_much(self, place: Path) -> bool:
        if any(place.is_relative_to(hidden) or hidden.is_relative_to(place) for hidden in self.hidden):
            return True
        return any(home.is_relative_to(place) or place in [home / name for name in _PRIVATE] for home in self.homes)

    def _interpreter(self, program: Path) -> Path | None:
        try:
            with program.open("rb") as file:
                line = file.read(256).split(b"\n")[0]
        except OSError:
            return None
        words = os.fsdecode(line[2:]).split() if line.startswith(b"#!") else []
        if words and Path(words[0]).name == "env":
            words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
            places = self.environment.get("PATH", os.defpath).split(os.pathsep) if words else []
            return next((path for place in places if place and is_file(path := Path(place) / words[0])), None)
        return Path(words[0]) if words and words[0].startswith("/") else None


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
