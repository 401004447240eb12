"""Ten thousand tasks, eight processes that take them: each task goes to one, once."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import redis

from elsewhere.contract import keys
from elsewhere.contract.spec import Entry, TaskSpec
from elsewhere.contract.task import NewTask
from elsewhere.store.redis import RedisStore
from elsewhere.store.redis.connection import connect
from elsewhere.store.redis.queueing import ENQUEUE

TASKS = 10_000
TAKERS = 8
QUEUES = ("a", "b")

TAKER = """
import sys
from elsewhere.contract.lease import Offer
from elsewhere.store.redis.connection import connect
from queueing import take

url, agent, *queues = sys.argv[1:]
connection = connect(url)
print("ready", flush=True)
sys.stdin.readline()
while claim := take(connection, agent, queues, Offer(), 600):
    print(claim.lease.task_id, claim.lease.attempt)
"""


def put_many(connection: redis.Redis) -> list[str]:
    """Copies of one draft, enqueued by the store's own script, a thousand in one go."""
    store = RedisStore(connection)
    draft = store.create(NewTask("p", "n", TaskSpec(Entry("a.py")))).id
    ids = [f"{number:032x}" for number in range(TASKS)]
    # The first one by itself: in a pipeline nobody hears that the server does not know the script.
    connection.copy(keys.task(draft), keys.task(ids[0]))
    store.enqueue(ids[0], QUEUES[0])
    for start in range(1, TASKS, 1000):
        pipeline = connection.pipeline(transaction=False)
        for number, task_id in enumerate(ids[start : start + 1000]):
            pipeline.copy(keys.task(draft), keys.task(task_id))
            ENQUEUE.run(pipeline, [keys.task(task_id)], [task_id, QUEUES[number % 2], "data", ""])
        pipeline.execute()
    return ids


def test_ten_thousand_tasks_go_to_eight_racing_takers_each_exactly_once(valkey_url: str) -> None:
    connection = connect(valkey_url)
    ids = put_many(connection)
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", TAKER, valkey_url, f"box-{number}", *QUEUES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(TAKERS)
    ]
    for taker in takers:
        assert taker.stdout is not None
        assert taker.stdout.readline() == "ready\n"
    for taker in takers:
        assert taker.stdin is not None
        taker.stdin.write("go\n")
        taker.stdin.flush()
    shares = [taker.communicate()[0].splitlines() for taker in takers]
    assert all(shares), "one took nothing: that was no race"
    taken = Counter(line for share in shares for line in share)
    assert taken == Counter(f"{task_id} 1" for task_id in ids)
    assert connection.zcard(keys.LEASES) == TASKS
    connection.close()
