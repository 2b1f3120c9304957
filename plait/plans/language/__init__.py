"""The plan language: from YAML to plans and crews, or to all of their mistakes at once."""
