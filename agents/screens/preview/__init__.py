"""A preview of the dashboards for people without Grafana: the same JSON, drawn by a local page.

It listens on this machine only and asks ClickHouse as any reader may. The browser names a dashboard, a time range and
values to choose from; the SQL is the dashboard's own and stays here.

    shelf.py      the dashboards as files of JSON
    choices.py    what the person looks at: time range and variables
    answers.py    one query's answer for the browser, asked once for everybody who looks at the same
    stream.py     server-sent events: what has changed, every few seconds
    app.py        the HTTP interface; guard.py refuses what does not come from this machine
    process.py    the server; `python -m agents.screens.preview` is what `xpulse up` starts
    static/       the page; lines are drawn by uPlot, vendored with its licence
"""
