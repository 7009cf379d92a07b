"""Why an alert was raised: what contributes, how much of it is mix, and what happened around. Pure."""
