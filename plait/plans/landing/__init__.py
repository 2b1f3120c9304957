"""Which branches land together, and which of a red batch are guilty."""
