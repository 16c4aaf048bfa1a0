// The queue's benchmark on BullMQ: `node bench.mjs SOCKET WORK`, where SOCKET is a Redis
// server's, and WORK the sizes as JSON. Prints one JSON object.
import { Queue, Worker } from "bullmq";
import { readFileSync } from "node:fs";

const [path, text] = process.argv.slice(2);
const work = JSON.parse(text);
const connection = { path, maxRetriesPerRequest: null };
const keep = { removeOnComplete: true, removeOnFail: true };
const note = "x".repeat(300);

const rate = (count, began) => (count / (performance.now() - began)) * 1000;

async function enqueue(queue, callers, each) {
  const began = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let number = 0; number < each; number += 1) {
        await queue.add("idle", { note }, keep);
      }
    }),
  );
  return rate(callers * each, began);
}

async function fill(queue, count, options) {
  for (let first = 0; first < count; first += 1000) {
    const bulk = [];
    for (let number = first; number < Math.min(count, first + 1000); number += 1) {
      bulk.push({ name: "idle", data: { note }, opts: { ...keep, ...options() } });
    }
    await queue.addBulk(bulk);
  }
}

function until(name, count, concurrency, seen) {
  return new Promise((resolve, reject) => {
    let done = 0;
    const worker = new Worker(name, async (job) => seen(job), { connection, concurrency });
    worker.on("completed", () => {
      done += 1;
      if (done === count) resolve(worker);
    });
    worker.on("failed", (_, error) => reject(error));
  });
}

async function process_(name, count, concurrency) {
  const queue = new Queue(name, { connection });
  await fill(queue, count, () => ({}));
  const began = performance.now();
  const worker = await until(name, count, concurrency, () => {});
  const result = rate(count, began);
  await worker.close();
  await queue.close();
  return result;
}

async function late(name, count) {
  const queue = new Queue(name, { connection });
  const due = Date.now() + work.ahead_ms;
  await fill(queue, count, () => ({ delay: due - Date.now() }));
  if (Date.now() >= due) throw new Error("the queue was not filled in time");
  const times = [];
  const worker = await until(name, count, 64, () => times.push(Date.now() - due));
  await worker.close();
  await queue.close();
  times.sort((left, right) => left - right);
  const at = (percent) => times[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))];
  return { p50: at(50), p99: at(99) };
}

const queue = new Queue("enqueue", { connection });
const result = {
  enqueue_alone: await enqueue(queue, 1, work.alone),
  enqueue_together: await enqueue(queue, 64, work.together),
};
await queue.obliterate({ force: true });
await queue.close();
result.process_alone = await process_("alone", work.process_alone, 1);
result.process_together = await process_("together", work.process_together, 64);
result.late = [];
for (const count of work.late) {
  result.late.push(await late(`late-${count}`, count));
}
const status = readFileSync("/proc/self/status", "utf8");
result.resident_kib = Number(/VmHWM:\s+(\d+)/.exec(status)[1]);
console.log(JSON.stringify(result));
process.exit(0);
