"""What can go wrong at the door to SQL, and what the user can do about it."""

from plait.plans.errors import EnvironmentProblem


class StoreProblem(EnvironmentProblem):
    """The store cannot be used as it is; nothing was half written."""


class StoreUnreachable(StoreProblem):
    """No file can be opened, or no server answers, or it does not let us in."""


class StoreLocked(StoreProblem):
    """Another process kept the store to itself for longer than we waited."""


class StoreFull(StoreProblem):
    """No space left where the store is written."""


class StoreTooNew(StoreProblem):
    """A newer plait has upgraded this store."""


class StoreDamaged(StoreProblem):
    """What is there is not a store of plait's, or no longer a whole one."""
