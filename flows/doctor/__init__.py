"""`plait doctor`: what would keep runs from working here, and how to mend it."""
