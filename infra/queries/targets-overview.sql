-- title: All targets on one page
-- asks: CIO
-- question: Do we keep what we promised?
-- read: The verdict is that of the calendar period so far; undecided is an honest answer, too_few says that too few people answered.
SELECT splitByChar('/', target)[1] AS family, verdict, count() AS targets
FROM target_status
WHERE tenant = {tenant:String}
GROUP BY family, verdict
ORDER BY family, verdict
