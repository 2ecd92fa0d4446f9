"""How an answer is observed: built, given its numbers by role, run forward and backward."""
