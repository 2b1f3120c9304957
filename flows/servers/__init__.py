"""Prefect servers: the embedded one, the standing one, and what plait needs and shares on them."""
