// Somebody whose answers are none of those which the document promises. What sends requests is replaced here.

import { ApiError, Client, type ClientOptions } from "./client.js";
import { address, equal, expect, failure } from "./expect.js";

/** A client of a server that always answers so, what it has asked, and whether the rest of the answer was given up. */
function answering(pieces: readonly string[], init: ResponseInit, options: ClientOptions = {}) {
  const seen = { asked: [] as Request[], cancelled: false };
  const fetch = (url: string, request: RequestInit): Promise<Response> => {
    // Node lets a script say what browsers know better.
    seen.asked.push(new Request(url, request));
    const bytes = new TextEncoder();
    let next = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const piece = pieces[next++];
        if (piece === undefined) controller.close();
        else controller.enqueue(bytes.encode(piece));
      },
      cancel() {
        seen.cancelled = true;
      },
    });
    return Promise.resolve(new Response(body, init));
  };
  return { client: new Client({ baseUrl: address, fetch, ...options }), seen };
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

// Line ends of every kind, wherever the pieces are broken.
const lines = ['{"number":1,', '"text":"a"}\r', '\n\r\n{"number":2,"text":"b"}\n{"number":3', ',"text":"c"}\r', '{"number":4,"text":"d"}'];
const rows = await all(answering(lines, {}).client.streams.lines({ count: 4 }));
equal(rows.map((row) => row.number), [1, 2, 3, 4]);

// A long line takes no longer than many short ones.
const long = Array.from({ length: 1024 }, () => "x".repeat(16 * 1024));
const started = performance.now();
const [one] = await all(answering(['{"number":1,"text":"', ...long, '"}\n'], {}).client.streams.lines({ count: 1 }));
equal(one?.text.length, 16 * 1024 * 1024);
const [event] = await all(answering(["data: ", ...long, "\n\n"], {}).client.streams.texts());
equal(event?.data.length, 16 * 1024 * 1024);
expect(performance.now() - started < 10_000, `it took ${performance.now() - started} ms`);

// One that has no end is given up, by lines and by lines of one event.
for (const piece of ["x".repeat(1024 * 1024), `data: ${"x".repeat(1024 * 1024)}\n`]) {
  const endless = answering(Array.from({ length: 100 }, () => piece), {});
  const given = await failure(all(endless.client.streams.texts()));
  expect(given instanceof ApiError && given.cause instanceof RangeError, String(given));
  expect(endless.seen.cancelled, "the rest is still waited for");
}

// What is no JSON is told as what the API does not document.
for (const answer of [
  all(answering(['{"number":1}\n', "{oops\n"], {}).client.streams.lines({ count: 1 })),
  all(answering(["data: {oops\n\n"], {}).client.streams.events()),
]) {
  const broken = await failure(answer);
  expect(broken instanceof ApiError && broken.cause instanceof SyntaxError && broken.status === 200, String(broken));
}

// Nobody waits for the page of a proxy, and for what is not documented.
for (const [status, type] of [[502, "text/html"], [299, "text/plain"]] as const) {
  const proxy = answering(["<h1>", "Bad gateway", "</h1>"], { status, headers: { "Content-Type": type } });
  const told = await failure(proxy.client.bodies.nothing({ name: "x" }).result());
  expect(told instanceof ApiError && told.status === status && told.problem === undefined, String(told));
  expect(proxy.seen.cancelled, `the body of ${status} keeps the connection`);
}

// Cookies of the client and of the call are sent together.
const headers = { Cookie: "seen=yes", "X-Tenant": "t" };
const cookies = answering(['[]'], { headers: { "Content-Type": "application/json" } }, { headers });
await cookies.client.class.headers({ xTenant: "t", theme: "dark" });
equal(cookies.seen.asked[0]?.headers.get("Cookie"), "seen=yes; theme=dark");

// A proof is got once for each call, and none for names that every object has.
let times = 0;
const security = { "api-key": () => `key ${++times}` };
const guarded = answering(["ok"], {}, { security });
await guarded.client.guards.both();
equal([times, guarded.seen.asked[0]?.headers.get("X-Api-Key")], [1, "key 1"]);

console.log("done");
