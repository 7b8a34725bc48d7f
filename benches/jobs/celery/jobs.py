"""Celery, doing what `benches/jobs` does: `enqueue COUNT PRODUCERS`, `run COUNT`, `latency COUNT`. REDIS_URL says where."""

import json
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tasks import nothing, store

FOLDER = os.path.dirname(os.path.abspath(__file__))


def processor_time():
    """That of this process and of those that it has waited for, in seconds."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in used)


def done():
    return int(store.get("done") or 0)


def worker():
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--concurrency", "2", "--loglevel", "ERROR"]
    return subprocess.Popen(command, cwd=FOLDER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def end(process):
    process.terminate()
    process.wait(60)


def rate(count, seconds, cpu):
    return {"per_second": count / seconds, "cpu_us": cpu * 1e6 / count}


def enqueue(count, producers):
    share = count // producers
    began, cpu = time.perf_counter(), processor_time()

    def produce(producer):
        for number in range(share):
            nothing.delay(producer * share + number)

    with ThreadPoolExecutor(producers) as pool:
        list(pool.map(produce, range(producers)))
    return rate(count, time.perf_counter() - began, processor_time() - cpu)


def run(count):
    with nothing.app.pool.acquire(block=True) as connection:
        for number in range(count):
            nothing.apply_async((number,), connection=connection)
    cpu = processor_time()
    process = worker()
    # From the first to the last, so that the start of Python does not count.
    while done() == 0:
        time.sleep(0.001)
    first, began = done(), time.perf_counter()
    while done() < count:
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    end(process)
    return rate(count - first, seconds, processor_time() - cpu)


def latency(count):
    process = worker()
    nothing.delay(0)
    while done() == 0:
        time.sleep(0.01)
    time.sleep(0.5)
    waits = []
    for number in range(1, count + 1):
        nothing.delay(number)
        committed = time.time()
        while done() <= number:
            time.sleep(0.0005)
        waits.append(max(0.0, (float(store.get("start")) - committed) * 1000))
        time.sleep(0.02)
    end(process)
    waits.sort()
    return {"p50_ms": waits[(len(waits) - 1) // 2], "p99_ms": waits[int((len(waits) - 1) * 0.99)]}


def main():
    what, numbers = sys.argv[1], [int(number) for number in sys.argv[2:]]
    store.flushdb()
    print(json.dumps({"enqueue": enqueue, "run": run, "latency": latency}[what](*numbers)))


if __name__ == "__main__":
    main()
