#!/usr/bin/env python3
"""million.py SQL OUT N: a store of N samples in N distinct stacks, of 20,000 functions; the same every time. SQL: the folder sql/."""
import random
import sqlite3
import sys

sql, out, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
FUNCTIONS = 20000
db = sqlite3.connect(out)
db.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA user_version=3;")
for name in ("schema", "schema_2", "schema_3", "views"):
    db.executescript(open("%s/%s.sql" % (sql, name)).read())
db.executescript("""
INSERT INTO host(id,key,name) VALUES(1,'h','h');
INSERT INTO run(id,uuid,host,boot,start_ns,start_realtime_ns,end_ns,end_reason,command) VALUES(1,'u',1,'b',0,0,1000,'exit','million');
INSERT INTO event(id,run,seq,name,source,period,unit) VALUES(1,1,0,'cpu-clock','perf',1003009,'ns');
INSERT INTO process(id,host,boot,pid,start_ns,comm) VALUES(1,1,'b',7,0,'million');
INSERT INTO thread(id,process,tid,start_ns,comm) VALUES(1,1,7,0,'million');
INSERT INTO executable(id,build_id,path,kind) VALUES(1,'aa','/usr/bin/million',1);
""")
ids = range(1, FUNCTIONS + 1)
db.executemany("INSERT INTO function(id,name,linkage_name,file,line) VALUES(?,?,'','',0)", ((i, "function_%d::method_with_a_name" % i) for i in ids))
db.executemany("INSERT INTO frame(id,executable,address,kind) VALUES(?,1,?,1)", ((i, i * 16) for i in ids))
db.executemany("INSERT INTO frame_line(frame,depth,function,file,line) VALUES(?,0,?,'',0)", ((i, i) for i in ids))

# Each stack goes on from an inner one by one to four frames; some become inner ones themselves.
rng = random.Random(1)
rows, inner, leaves, seen = [], [0], [], set()
while len(leaves) < n:
    at = inner[int(len(inner) * rng.random() ** 2)]
    for _ in range(1 if rng.random() < .6 else rng.randint(2, 4)):
        frame = int(FUNCTIONS * rng.random() ** 3) + 1
        if (at, frame) in seen:
            break
        seen.add((at, frame))
        rows.append((len(rows) + 1, at, frame))
        at = len(rows)
    else:
        leaves.append(at)
        if rng.random() < .2:
            inner.append(at)
db.executemany("INSERT INTO stack(id,parent_id,frame_id) VALUES(?,?,?)", rows)
rng.shuffle(leaves)
db.executemany("INSERT INTO sample_row(run,ts,cpu,event,thread,stack) VALUES(1,?,0,1,1,?)", enumerate(leaves))
db.commit()
print("%d stacks, %d rows of stack" % (len(leaves), len(rows)))
