"""The Prefect settings of the servers that plait starts and of whoever talks to them, each with its reason.

All of them are environment variables: they have to be there before Prefect is imported.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from plait.workspace.environment import with_proxies_aside

_KEPT = (
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "VIRTUAL_ENV", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)

_QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # Without it a client that has lost its server's address would start one of its own.
    "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
}

_RECORDER = {
    # The default writes each state of each task run in a transaction of its own: after 1,000 quick tasks on SQLite the
    # record was 17 s behind, and whatever else wants to write waits. In batches: 1 s. The interval is cut to whole
    # seconds, and 0 would spin.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
}

_JSON_RESULTS = {
    # Reading a pickled result is running what its writer wanted.
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
}


def bare_environment() -> dict[str, str]:
    """What a server needs of our environment: neither secrets nor the Prefect settings of the user."""
    # It finds modules as we do: what is installed goes before the folders of the caller's PYTHONPATH.
    ours = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))} if os.environ.get("PYTHONPATH") else {}
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | ours


def environment_without_prefect() -> dict[str, str]:
    """Our environment for a worker: its agents' keys are in it, other Prefect settings are not."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    return with_proxies_aside(ours)


def talk_to(settings: Mapping[str, str]) -> None:
    """Have this process talk to a server, or to that of its environment; to be called before Prefect is imported.

    One on this machine is asked directly: proxies are for agents.
    """
    os.environ.update(settings)
    try:
        host = urlsplit(os.environ.get("PREFECT_API_URL", "")).hostname
    except ValueError:  # refused where it is looked at
        return
    if host and is_loopback(host):
        ours = with_proxies_aside(os.environ)
        os.environ.clear()
        os.environ.update(ours)


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def embedded_server_settings(directory: Path, *, port: int, auth: str) -> dict[str, str]:
    """A server for one run in one process: only what records flow, task runs and artifacts, and answers."""
    off = (
        # Its database ends with the run, so nobody will look at events, page or log stream, and no trigger can act.
        "SERVER_SERVICES_EVENT_PERSISTER_ENABLED",
        "SERVER_SERVICES_TRIGGERS_ENABLED",
        "SERVER_EVENTS_STREAM_OUT_ENABLED",
        "SERVER_LOGS_STREAM_OUT_ENABLED",
        "SERVER_UI_ENABLED",
        # The database is a copy of one that has its tables; blocks are registered by whoever saves one.
        "SERVER_DATABASE_MIGRATE_ON_START",
        "SERVER_REGISTER_BLOCKS_ON_START",
        "SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION",
    )
    return {
        **_QUIET,
        **_RECORDER,
        **{f"PREFECT_{name}": "false" for name in off},
        "PREFECT_HOME": str(directory),
        "PREFECT_PROFILES_PATH": str(directory / "profiles.toml"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{directory / 'prefect.db'}",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }


def embedded_client_settings(directory: Path, *, url: str, auth: str) -> dict[str, str]:
    """A run beside its own server."""
    return {
        **_QUIET,
        **_JSON_RESULTS,
        **api_address(url, auth),
        "PREFECT_HOME": str(directory),
        "PREFECT_PROFILES_PATH": str(directory / "profiles.toml"),
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(directory / "results"),
        # The log goes to a file: through the API it would be written to a database that nobody can read afterwards, at
        # the cost of the run's own writes, and on a terminal it would break the live table.
        "PREFECT_LOGGING_TO_API_ENABLED": "false",
        "PREFECT_LOGGING_SETTINGS_PATH": str(directory / "logging.yml"),
        # The server has come with the same Prefect, and no browser knows its address: two requests less.
        "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
        "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
        # A server of our own that is gone does not come back: give up after 14 s, not after 150.
        "PREFECT_CLIENT_MAX_RETRIES": "3",
    }


def log_to_file(settings: Path, log: Path) -> None:
    """Write the logging settings that put whatever Prefect says in this process into a file."""
    # Prefect fills in `$NAME`, and JSON is YAML.
    settings.write_text(json.dumps(_logging(str(log))).replace("$", "$$"), encoding="utf-8")


def _logging(log: str) -> dict[str, object]:
    file = {"class": "logging.FileHandler", "filename": log, "delay": True, "encoding": "utf-8", "formatter": "plain"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s"}},
        "handlers": {"file": file},
        # The sender of events has a logger of its own, outside of Prefect's.
        "loggers": {
            name: {"level": "INFO", "handlers": ["file"], "propagate": False} for name in ("prefect", "EventsWorker")
        },
    }


def local_server_settings(
    directory: Path, *, host: str, port: int, auth: str, origins: Sequence[str]
) -> dict[str, str]:
    """A server that stays: an unauthenticated Prefect API is code execution on its workers, so it is closed.

    `origins` are the addresses that its page may be opened at, the one it names itself by first.
    """
    return {
        **_QUIET,
        **_RECORDER,
        **_JSON_RESULTS,
        "PREFECT_HOME": str(directory),
        "PREFECT_PROFILES_PATH": str(directory / "profiles.toml"),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{directory / 'prefect.db'}",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_SERVER_API_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(origins),
        "PREFECT_SERVER_API_HOST": host,
        "PREFECT_SERVER_API_PORT": str(port),
        # Elsewhere than on 4200 the page would look for its API there, and stay empty.
        "PREFECT_SERVER_UI_API_URL": f"{origins[0]}/api",
        # The page's files are copied at start; the default place is inside the installed package.
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(directory / "page"),
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        # Leases in memory are forgotten at a restart, and their slots stay taken for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        # How long others wait for a slot before they ask again; the default of 30 s leaves slots empty.
        "PREFECT_SERVER_CONCURRENCY_MAXIMUM_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    }


def local_client_settings(directory: Path, *, url: str, auth: str) -> dict[str, str]:
    """Whoever talks to the server that `plait up` started, and can read its password."""
    return {
        **_QUIET,
        **_JSON_RESULTS,
        **api_address(url, auth),
        # Results have to be found again by the retry of a run, on whichever process of this machine.
        "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(directory / "results"),
    }


def worker_settings(directory: Path, *, url: str, auth: str) -> dict[str, str]:
    """The worker that `plait up` starts; its runs inherit them."""
    return {
        **local_client_settings(directory, url=url, auth=auth),
        "PREFECT_HOME": str(directory / "worker"),
        "PREFECT_PROFILES_PATH": str(directory / "worker" / "profiles.toml"),
        # A person waits for a run that was started on the page; the default of 10 s is for hundreds of workers.
        "PREFECT_WORKER_QUERY_SECONDS": "2",
    }


def api_address(url: str, auth: str) -> dict[str, str]:
    """Where the API is, and what it asks for."""
    return {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": auth}
