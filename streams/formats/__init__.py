"""Foreign formats, one module each: bytes of a request in, readings or records with raw identities out."""
