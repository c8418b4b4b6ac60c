"""Events, meters, corrections, and the seal over what was counted."""
