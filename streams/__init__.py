"""Pure stream logic: bytes and numbers in, values out. No clock, no socket, no environment."""
