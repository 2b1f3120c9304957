"""Tests of the door to SQL."""
