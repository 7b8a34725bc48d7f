// BullMQ, doing what `benches/jobs` does: `enqueue COUNT PRODUCERS`, `run COUNT`, `latency COUNT`. REDIS_URL says where.
import { Queue, Worker } from "bullmq";

const [what, first, second] = process.argv.slice(2);
const count = Number(first);
const { hostname: host, port, username, password } = new URL(process.env.REDIS_URL);
const connection = { host, port: Number(port), username: username || undefined, password: password || undefined, maxRetriesPerRequest: null };
const queue = new Queue("jobs", { connection });
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const processorTime = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};

function rate(began, cpu) {
  const seconds = (performance.now() - began) / 1000;
  return { per_second: count / seconds, cpu_us: (processorTime() - cpu) / count };
}

async function enqueue(producers) {
  await queue.waitUntilReady();
  const [began, cpu, share] = [performance.now(), processorTime(), Math.floor(count / producers)];
  const produce = async (producer) => {
    for (let number = 0; number < share; number += 1) {
      await queue.add("nothing", { number: producer * share + number });
    }
  };
  await Promise.all(Array.from({ length: producers }, (_, producer) => produce(producer)));
  return rate(began, cpu);
}

async function run() {
  for (let from = 0; from < count; from += 1000) {
    const jobs = Array.from({ length: Math.min(1000, count - from) }, (_, number) => ({ name: "nothing", data: { number: from + number } }));
    await queue.addBulk(jobs);
  }
  const [began, cpu] = [performance.now(), processorTime()];
  let done = 0;
  await new Promise((finished) => {
    const worker = new Worker("jobs", async () => {}, { connection, concurrency: 100 });
    worker.on("completed", () => {
      done += 1;
      if (done === count) finished();
    });
  });
  return rate(began, cpu);
}

async function latency() {
  let started = 0;
  let start = 0;
  const worker = new Worker("jobs", async () => {
    start = performance.now();
    started += 1;
  }, { connection, concurrency: 100 });
  await worker.waitUntilReady();
  await pause(500);
  const waits = [];
  for (let number = 0; number < count; number += 1) {
    await queue.add("nothing", { number });
    const committed = performance.now();
    while (started <= number) await pause(0);
    waits.push(Math.max(0, start - committed));
    await pause(20);
  }
  waits.sort((a, b) => a - b);
  const at = (share) => waits[Math.floor((waits.length - 1) * share)];
  return { p50_ms: at(0.5), p99_ms: at(0.99) };
}

await queue.obliterate({ force: true });
const said = what === "enqueue" ? await enqueue(Number(second)) : what === "run" ? await run() : await latency();
console.log(JSON.stringify(said));
process.exit(0);
