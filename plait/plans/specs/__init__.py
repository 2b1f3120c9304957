"""Task specs in Markdown: read as a plan, written back with what came of them."""
