"""Better orders of dispatch than the rule's, searched for by making schedules by the thousand."""
