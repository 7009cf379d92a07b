"""One module per contestant of xpulse's own environment; each is run as a process of its own."""
