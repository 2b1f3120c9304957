"""What survives kills, races, failing disks and people at the same time."""
