"""Tests of plans and decisions."""
