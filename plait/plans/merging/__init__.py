"""Conflicts that are settled before anybody is asked: pure functions over paths and bytes."""
