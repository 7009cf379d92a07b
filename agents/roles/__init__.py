"""Who may ask the warehouse what: one table (`infra/clickhouse/roles.yaml`), and what follows from it.

    table.py     the table, read and checked
    views.py     the public views as the migrations make them
    scopes.py    a role's own database: the public views, cut down to its scope
    server.py    the SQL that makes users, roles, profiles and quotas on a ClickHouse server

The users of the embedded ClickHouse are made of the same table in `agents/local/clickhouse/users.py`.
"""
