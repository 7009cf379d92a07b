"""A month, looked at: the source of `month.ipynb`, cell by cell (`make_notebook.py` runs and writes it)."""
# ruff: noqa: D103, I001, T201 - cells print, and import what lies beside them

# %% [markdown]
# # A month, looked at
#
# A simulated month (`xpulse simulate`, then `xpulse up`), read by the published views only.
# Change port and tenant to your own.

# %%
import clickhouse_connect

from chart import bars, line

PORT, TENANT = 8123, "acme"
client = clickhouse_connect.get_client(host="127.0.0.1", port=PORT, database="xpulse_pub")


def ask(sql, **values):
    return client.query(sql, parameters={"tenant": TENANT, **values}).result_rows


[(first, last, answers)] = ask(
    "SELECT min(epoch), max(epoch), sum(n) FROM feedback_released WHERE tenant = {tenant:String}"
)
SPAN = {"from": first.strftime("%Y-%m-%d 00:00:00"), "to": last.strftime("%Y-%m-%d %H:%M:%S")}
print(f"{answers:,} answers from {first:%Y-%m-%d} to {last:%Y-%m-%d}")

# %% [markdown]
# ## Which country and service fell?
#
# Happiness of the second half less that of the first, where both have answers enough that the intervals part.

# %%
middle = (first + (last - first) / 2).strftime("%Y-%m-%d 00:00:00")
BY = """SELECT slice['country'] AS country, slice['service'] AS service, score, lower, upper
FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['country', 'service'])
WHERE tenant = {tenant:String} AND country != '*' AND service != '*'"""
before = {row[:2]: row[2:] for row in ask(BY, **{**SPAN, "to": middle})}
since = {row[:2]: row[2:] for row in ask(BY, **{**SPAN, "from": middle})}
fallen = sorted(
    (since[key][0] - before[key][0], *key) for key in since if key in before and since[key][2] < before[key][1]
)
for change, country, service in fallen:
    print(f"{service} in {country}: {change:+.0f} points")
country, service = fallen[0][1:] if fallen else next(iter(since))

# %% [markdown]
# ## That service there, day by day
#
# The band is the 95 % interval of each day's answers.

# %%
DAYS = """SELECT toStartOfDay(epoch - toIntervalMillisecond(1)) AS day, sum(n), sum(detractors), sum(promoters)
FROM feedback_released WHERE tenant = {tenant:String}
  AND country = {country:String} AND service = {service:String}
GROUP BY day ORDER BY day"""


def wald(n, unhappy, happy):
    p, d = (happy + 0.75) / (n + 3), (unhappy + 0.75) / (n + 3)
    half = 196 * ((p + d - (p - d) ** 2) / (n + 3)) ** 0.5
    return max(-100, 100 * (p - d) - half), 100 * (happy - unhappy) / n, min(100, 100 * (p - d) + half)


days = ask(DAYS, country=country, service=service)
line(f"Happiness with {service} in {country}", [(f"{day:%d.%m.}", *wald(*counts)) for day, *counts in days])

# %% [markdown]
# ## Who loses how much time?

# %%
LOST = """SELECT slice['service'] AS service, lost_minutes / 60
FROM lost_time_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service'])
WHERE tenant = {tenant:String} AND service != '*' ORDER BY 2 DESC LIMIT 12"""
bars("Hours that people told they lost, by service", ask(LOST, **SPAN))

# %% [markdown]
# ## Which device model became slow?
#
# Mean login time of the last days over that of the first days.

# %%
MODELS = """SELECT device_model,
    sumIf(value_sum, is_late) / sumIf(n, is_late) / (sumIf(value_sum, NOT is_late) / sumIf(n, NOT is_late)) AS ratio
FROM (SELECT *, window_start >= {middle:DateTime('UTC')} AS is_late FROM telemetry_1d)
WHERE tenant = {tenant:String} AND metric = 'device.login_time'
GROUP BY device_model ORDER BY ratio DESC"""
models = ask(MODELS, middle=middle)
bars("Login time, second half over first half", models, mark=models[0][0])

# %% [markdown]
# ## Service level beside happiness
#
# A watermelon: tickets in time, people unhappy.

# %%
MELON = """SELECT service, made / tickets AS share, score FROM
(SELECT service, sum(s.tickets) AS tickets, sum(s.made) AS made FROM sla AS s
 WHERE tenant = {tenant:String} GROUP BY service) AS kept
INNER JOIN (SELECT slice['service'] AS service, score
 FROM happiness_by(from = {from:DateTime('UTC')}, to = {to:DateTime('UTC')}, by = ['service'])
 WHERE tenant = {tenant:String}) AS felt USING (service) ORDER BY score LIMIT 4"""
for service, share, score in ask(MELON, **SPAN):
    print(f"{service:<14} {share:.1%} of the tickets in time, happiness {score:+.0f}")

# %% [markdown]
# ## What the judge called

# %%
CALLS = """SELECT started_at, target, kind, state FROM alerts
WHERE tenant = {tenant:String} AND calls = 'yes' ORDER BY started_at LIMIT 12"""
for at, target, kind, state in ask(CALLS):
    print(f"{at:%d.%m. %H:%M} {kind:<10} {target} ({state})")
