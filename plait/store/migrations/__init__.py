"""How a store comes from one schema version to the next; run by `plait.store.engine` alone."""
