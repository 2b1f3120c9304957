"""What a program in a sandbox sees and may do, and the options of bubblewrap that make it so.

Nothing is there but what is named: the system's programs and a few files of /etc, the checkout, a HOME of its own,
TMPDIR, and what the program itself is made of. Measured with bubblewrap 0.8.0.
"""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from plait.plans.errors import EnvironmentProblem
from plait.workspace import sandbox_inside, shim
from plait.workspace.installations import installations, is_system
from plait.workspace.places import is_there
from plait.workspace.starting import Inside, encoded, find_program

HOSTS_PORT = 3128
"""Where the program finds the proxy for its hosts, on 127.0.0.1: the usual port of one."""

NO_BWRAP = "install bubblewrap: `apt-get install bubblewrap`, `dnf install bubblewrap`; it is for Linux alone"

_INSIDE = "/run/plait"
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_STORES = ("/nix/store", "/gnu/store", "/run/current-system")

# Single files: /etc has keys, passwords of programs, and credentials in a gitconfig or npmrc.
_ETC = (
    *("alternatives", "bash.bashrc", "ca-certificates", "crypto-policies", "debian_version", "fonts", "group"),
    *("host.conf", "hosts", "inputrc", "java-8-openjdk", "java-11-openjdk", "java-17-openjdk", "java-21-openjdk"),
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.alias", "locale.conf", "localtime", "login.defs", "magic"),
    *("mime.types", "nsswitch.conf", "os-release", "passwd", "perl", "pki/ca-trust/extracted", "pki/tls/cert.pem"),
    *("pki/tls/certs", "pki/tls/openssl.cnf", "profile", "protocols", "python3", "services", "shells"),
    *("ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "static", "terminfo", "timezone", "zsh"),
)

_OF_THE_NETWORK = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
_OF_HOME = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR")


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What one program gets to see beside the system's own programs. All paths are absolute."""

    checkout: Path
    """Writable, but for its `.git`."""
    home: Path
    """Its HOME: writable; made when missing."""
    temporary: Path
    """Its TMPDIR, and its /tmp: writable."""
    sockets: Mapping[int, Path] = field(default_factory=dict)
    """By port of 127.0.0.1 inside, the unix socket outside that a connection reaches."""
    ports: tuple[int, ...] = ()
    """Ports of 127.0.0.1 outside that are there inside, too: servers of tools that the user has started."""
    hosts: tuple[str, ...] = ()
    """Hosts on the network that it may reach, such as `pypi.org` and `*.example.com:8443`; of no port: 443."""
    readable: tuple[Path, ...] = ()
    """Further files and folders, such as stores of objects that the checkout's git borrows from."""
    programs: tuple[str, ...] = ()
    """Further programs that it may start, by name or full path."""
    writes_git: bool = False
    """Whether its `.git` is a copy that it may write and nobody reads: for a program that cannot do without."""
    hidden: tuple[Path, ...] = ()
    """What must stay out of sight, though a PATH leads into it: PLAIT_HOME."""


def bwrap_program() -> str | None:
    """Where bubblewrap is, if it is here; whether it works only a canary can tell."""
    return shutil.which("bwrap") if sys.platform.startswith("linux") else None


def confined(
    argv: Sequence[str], environment: Mapping[str, str], box: Sandbox, *, ways: Mapping[int, Path]
) -> tuple[tuple[str, ...], Inside]:
    """What is started in a program's place, to have it run in the checkout of a sandbox.

    Paths and variables are read from a descriptor: a command line is for all users of the machine to see.

    Args:
        argv: The program, looked up on the PATH of `environment`, and its arguments.
        environment: Its variables; those that name places or the network are changed to what is there inside.
        ways: By port inside, the unix sockets that lead to `box.ports` and, by `HOSTS_PORT`, to `box.hosts`.

    Raises:
        CallError: as `run_supervised`.
        EnvironmentProblem: bubblewrap or the program is not there.
    """
    bwrap = bwrap_program()
    if bwrap is None:
        raise EnvironmentProblem("there is no bubblewrap (bwrap) for a sandbox", NO_BWRAP)
    encoded(argv, environment)
    program = Path(os.path.normpath(box.checkout / find_program(argv[0], box.checkout, environment)))
    sockets = {**box.sockets, **ways}
    python = os.path.realpath(sys.executable)
    words = [str(program), *argv[1:]]
    readable = installations(words, environment, checkout=box.checkout, hidden=box.hidden, programs=box.programs)
    variables = _variables_inside(environment, box, readable, has_hosts=HOSTS_PORT in ways)
    options = [
        # `--die-with-parent` goes by the thread that started it: the shim has one alone.
        *("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"),
        *(word for name, value in variables.items() for word in ("--setenv", name, value)),
        *_system(),
        *_places(box, (*readable, *box.readable, *_pythons(python)), environment),
        *("--ro-bind", sandbox_inside.__file__, f"{_INSIDE}/inside.py"),
        *(word for port, path in sockets.items() for word in ("--bind", str(path), f"{_INSIDE}/{port}")),
        *("--remount-ro", "/", "--chdir", str(box.checkout)),
    ]
    ports = ",".join(f"{port}={_INSIDE}/{port}" for port in sockets)
    inside = (python, "-I", "-S", f"{_INSIDE}/inside.py", str(shim.ENDED), ports, str(program), *argv)
    packed = b"".join(os.fsencode(word) + b"\0" for word in options)
    return (bwrap, "--args", str(shim.OPTIONS), "--", *inside), Inside(argv[0], variables, packed)


def copy_of_git(box: Sandbox) -> Path:
    """Where the copy of a checkout's `.git` is that its program writes."""
    return box.temporary / "git-of-the-checkout"


def object_stores(objects: Path) -> tuple[Path, ...]:
    """A store of git objects, and those that it borrows from: a checkout's `git log` reads all of them.

    Only for a store that no agent could write: plait's control repository.
    """
    stores, next_ones = list[Path](), [objects]
    while next_ones and len(stores) < 20:
        store = next_ones.pop(0)
        if store in stores or not is_there(store):
            continue
        stores.append(store)
        try:
            names = (store / "info" / "alternates").read_bytes().splitlines()
        except OSError:
            continue
        next_ones += [store / os.fsdecode(name) for name in names if name and not name.startswith((b"#", b'"'))]
    return tuple(Path(os.path.normpath(store)) for store in stores)


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        if os.path.islink(name):  # noqa: PTH114
            yield from ("--symlink", os.readlink(name), name)  # noqa: PTH115
        elif is_there(name):
            yield from ("--ro-bind", name, name)
    for name in _STORES:
        yield from ("--ro-bind-try", name, name)
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc")
    if os.geteuid() == 0:
        # Without any capability root still owns /proc/sys: `core_pattern` written there ran a program of its choice on
        # the host, and bubblewrap 0.8 covers only what access(2) calls writable, which the folder is not.
        yield from ("--remount-ro", "/proc")
    yield from ("--dev", "/dev", "--dir", "/run", "--dir", "/var", "--symlink", "/tmp", "/var/tmp")  # noqa: S108


def _pythons(python: str) -> tuple[Path, ...]:
    """plait's own Python, which runs the helper inside; its libraries of others stay outside."""
    return tuple(
        dict.fromkeys(
            path
            for path in (Path(python), Path(sys.base_prefix, "lib"), Path(sys.base_exec_prefix, "lib"))
            if not is_system(path) and is_there(path)
        )
    )


def _places(box: Sandbox, readable: Iterable[Path], environment: Mapping[str, str]) -> Iterator[str]:
    """Each place where it is outside, too, and what lies in another after it."""
    own = (box.checkout, box.home, box.temporary)
    git = box.checkout / ".git"
    binds = dict[Path, tuple[str, Path]]()
    for path in readable:
        for name in dict.fromkeys((Path(os.path.normpath(path)), Path(os.path.realpath(path)))):
            if not any(name.is_relative_to(place) for place in own):
                binds[name] = "--ro-bind", path
    binds = {name: bind for name, bind in binds.items() if not any(above in binds for above in name.parents)}
    binds |= {place: ("--bind", place) for place in own}
    if box.writes_git:
        binds[git] = "--bind", copy_of_git(box)
    elif git.is_dir() or git.is_file():
        binds[git] = "--ro-bind", git
    named = Path(environment.get("TMPDIR", "/tmp"))  # noqa: S108
    if named.is_absolute() and named not in binds and os.path.realpath(named) == os.path.realpath(box.temporary):
        binds[named] = "--bind", box.temporary
    common = Path("/tmp")  # noqa: S108
    if any(common in name.parents for name in binds):
        yield from ("--perms", "1777", "--tmpfs", str(common))
    else:  # on the disk: what is in memory no limit of memory counts
        binds[common] = "--bind", box.temporary
    for name, (kind, source) in sorted(binds.items(), key=lambda bind: (len(bind[0].parts), bind[0])):
        yield from (kind, str(source), str(name))


def _variables_inside(
    environment: Mapping[str, str], box: Sandbox, readable: Sequence[Path], *, has_hosts: bool
) -> dict[str, str]:
    dropped = {*_OF_HOME, *_OF_THE_NETWORK, *(name.lower() for name in _OF_THE_NETWORK)}
    inside = {name: value for name, value in environment.items() if name not in dropped}
    shell = inside.get("SHELL", "")
    if shell and not (is_system(Path(shell)) or any(Path(shell).is_relative_to(path) for path in readable)):
        inside["SHELL"] = "/bin/sh"
    for rustup in (path for path in readable if path.name == ".rustup"):  # it looks below HOME, which is another one
        inside.setdefault("RUSTUP_HOME", str(rustup))
    inside["HOME"] = str(box.home)
    inside.setdefault("TMPDIR", str(box.temporary))
    if has_hosts:
        proxy, direct = f"http://127.0.0.1:{HOSTS_PORT}", "localhost,127.0.0.1,::1"
        for name, value in (("HTTPS_PROXY", proxy), ("HTTP_PROXY", proxy), ("NO_PROXY", direct)):
            inside[name] = inside[name.lower()] = value
        inside.setdefault("NODE_USE_ENV_PROXY", "1")  # node asks for it since 24.5, and npm never did
    return inside
