-- title: What is missed, worst first
-- asks: CIO
-- question: Where are we furthest below what we promised?
-- read: gap is how far the upper end of the interval lies below the objective: at least so much is missing.
SELECT target, owner, objective, score, upper, objective - upper AS gap, n
FROM target_status
WHERE tenant = {tenant:String} AND verdict = 'missed'
ORDER BY gap DESC, target
