"""The task, as the worker has it."""

import os
import time

import redis
from celery import Celery

app = Celery("tasks", broker=os.environ["REDIS_URL"])
app.conf.update(task_ignore_result=True, task_acks_late=True, worker_prefetch_multiplier=32)
store = redis.Redis.from_url(os.environ["REDIS_URL"])


@app.task
def nothing(number):
    """Counts."""
    pipe = store.pipeline(transaction=False)
    pipe.incr("done")
    pipe.set("start", time.time())
    pipe.execute()
