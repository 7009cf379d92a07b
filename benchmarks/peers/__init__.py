"""Peers: the same job, as each library's own pages do it. Each runs in an environment of its own; see `*.txt`."""
