"""One run, from its session to the last batch: what starts, what waits, what lands, what goes again."""
