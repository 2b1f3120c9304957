"""What belongs to an agent's account and not to its work: no quota, no login, overload; recognized, and waited for."""
