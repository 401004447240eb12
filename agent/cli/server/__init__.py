"""Start, stop and look at the embedded server of this user."""
