"""ClickHouse's HTTP interface in front of the embedded chDB engine: `python -m agents.local.clickhouse`.

    errors.py       an error in ClickHouse's own words, with its code and HTTP status
    users.py        who may connect, with which limits
    request.py      one HTTP request as user, statement, settings and parameters
    body.py         undoing the compression of a request body
    lexer.py        cutting the writer's statements into tokens
    insert.py       where the head of an INSERT ends and its data begin
    change.py       what nobody may do over HTTP
    engine.py       the only file that knows chDB
    breadth.py      how much a statement makes the engine plan
    functions.py    which functions a read-only user may call
    guard.py        what a read-only user may send
    sessions.py     engine sessions prepared for a user, kept while clean
    statement.py    running one statement in a session
    reply.py        result -> HTTP headers and body
    cityhash.py, framing.py   ClickHouse's own block compression (`compress=1`, `decompress=1`)
    handshake.py    the first reply that clickhouse-go expects
    intake.py       reading an aiohttp request
    server.py       the aiohttp application

Imports point upwards in this list. Why it is built this way: `docs/adr/0004-embedded-services.md`.
"""
