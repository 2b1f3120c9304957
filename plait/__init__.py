"""plait's core: plans and decisions, the doors to git, processes and SQL; it knows no Prefect."""

__version__ = "0.1.0"
