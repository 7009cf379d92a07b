import argparse, tempfile
from pathlib import Path
from benchmarks.contest import Contestant, run
from benchmarks.events import WIDE, NARROW
from benchmarks.topic import filled_topic
ALL = {c.name: c for c in (
    Contestant(name="discard", module="benchmarks.contestants.discard", has_totals=False),
    Contestant(name="confluent_loop", module="benchmarks.contestants.confluent_loop"),
    Contestant(name="xpulse_fold", module="benchmarks.contestants.xpulse_fold", in_file=True))}
p = argparse.ArgumentParser(); p.add_argument("--only", default=",".join(ALL)); p.add_argument("--events", type=int, default=300_000); p.add_argument("--rounds", type=int, default=1)
a = p.parse_args()
with tempfile.TemporaryDirectory() as t:
    for shape in (WIDE, NARROW):
        with filled_topic(Path(t)/f"b{shape.keys}", shape, events=a.events, of=a.events) as topic:
            print(shape, topic.bytes_per_event, len(topic.truth))
            for i in range(a.rounds):
                for n in a.only.split(","):
                    r = run(ALL[n], topic, Path(t)/f"{shape.keys}-{n}-{i}")
                    print(f"{n:20} {r.cpu_s/r.events*1e6:7.2f} {r.events/r.wall_s:9.0f}/s {r.rss_mb:6.0f} {r.notes}", flush=True)
