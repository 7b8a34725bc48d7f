// Somebody who uses everything that a client can have.

import { ApiError, Client, type Everything, type EverythingInput, type NewPost, type Shape, type Tree } from "./client.js";
import { address, equal, expect, failure } from "./expect.js";

const asked: string[] = [];
const client = new Client({
  baseUrl: `${address}/`,
  headers: { "X-Client": "everything" },
  security: {
    token: () => Promise.resolve("abc"),
    password: { username: "ann", password: "geheim:ü" },
    "api-key": "key",
    session: () => "s1",
  },
  fetch: (url, init) => {
    asked.push(`${init.method ?? ""} ${url}`);
    return fetch(url, init);
  },
});
const stranger = new Client({ baseUrl: new URL(address) });

// Values of every shape, there and back.
const value: EverythingInput = {
  secret: "four",
  name: "a-name",
  "a-b c": true,
  color: "dark_blue",
  shape: { type: "circle", radius: 1.5 },
  either: "text",
  external: { Pair: [1, "one"] },
  adjacent: { kind: "Word", value: "w" },
  maybe: null,
  tags: [],
  scores: { one: 1 },
  pair: [7, "seven"],
  free: { nested: { deep: [null] } },
  flat: true,
};
const back: Everything = await client.shapes.echo({ body: value });
equal([back.id, back.color, back.pair, back.free], [4, "dark_blue", [7, "seven"], value.free]);
expect(back.shape.type === "circle" && back.shape.radius === 1.5, "another shape");
const area = (shape: Shape): number => {
  switch (shape.type) {
    case "circle":
      return shape.radius ** 2 * 3;
    case "square":
      return shape.side ** 2;
    case "nothing":
      return 0;
  }
};
equal(area({ type: "square", side: 2 }), 4);
// @ts-expect-error: only the server sets it.
value.id = 1;
// @ts-expect-error: only the client sets it.
void back.secret;
const taken = await client.shapes.echo({ body: { ...value, name: "taken" } }).result();
expect(!taken.ok && taken.status === 409 && taken.problem.code === "taken", "it is not taken");

const tree: Tree = await client.shapes.tree({ body: { word: "leaf" } });
equal(tree.parts[0]?.word, "leaf");
const pages = await client.shapes.page();
equal([pages.colors.items[1], pages.trees.next, pages.trees.items[0]?.parts.length], ["dark_blue", "2", 0]);
const [place, find] = await client.shapes.find({ in: "a/b ü", color: ["red", "dark_blue"], exact: true, text: "a&b=c,d" });
equal([place, find.color, find.exact, find.text, find.limit], ["a/b ü", ["red", "dark_blue"], true, "a&b=c,d", null]);

// Bodies.
equal(await client.bodies.form({ body: { email: "a@b.c", topics: ["x", "y"] } }), { email: "a@b.c", topics: ["x", "y"], age: null });
const upload = { note: "hi", file: new File(["12345"], "five.txt"), more: [new Blob(["678"])] };
const uploaded = await client.bodies.upload({ body: upload });
equal(uploaded, { fields: ["note", "five.txt", "blob"], bytes: 10 });
const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const post: NewPost = { title: "Hi", cover: new Blob([png]), attachments: [new File(["12"], "two.txt"), new Blob(["3"])] };
equal(await client.bodies.publish({ body: post }), { fields: ["Hi"], bytes: 11 });
// @ts-expect-error: a text is no file.
post.cover = "cover.png";
equal(await client.bodies.store({ body: new Uint8Array(9) }), 9);
const stream = new ReadableStream({
  start(controller) {
    controller.enqueue(new Uint8Array(3));
    controller.close();
  },
});
equal(await client.bodies.store({ body: stream }), 3);
equal(await client.bodies.text({ body: "abc" }), "cba");
const picture: Blob = await client.bodies.picture();
equal([...new Uint8Array(await picture.arrayBuffer())], [1, 2, 3]);
equal([await client.bodies.report(), await client.bodies.hello()], [7, "<h1>Hello</h1>"]);
const made = await client.bodies.make({ body: "thing" }).withResponse();
equal([made.status, made.headers.get("Location"), made.data], [201, "/bodies/things/thing", "thing"]);
equal(await client.bodies.nothing({ name: "thing" }), undefined);
const much = await failure(client.bodies.parse({ body: 10 }));
expect(much instanceof ApiError && much.problem?.code === "too_much", String(much));
equal(much.message, "422: It is above nine.");
equal((await client.bodies.any({ status: 202 }).withResponse()).status, 202);
const odd = await failure(client.bodies.any({ status: 418 }).result());
expect(odd instanceof ApiError && odd.status === 418, "a teapot is documented");

// Streams, to their end and not.
let rows = 0;
for await (const row of client.streams.lines({ count: 2000 })) {
  rows += 1;
  expect(row.number === rows && row.text === "é\né\n", row.text);
}
equal(rows, 2000);
const events = [];
for await (const event of client.streams.events()) events.push([event.event, event.id, event.data.number, event.data.text]);
equal(events, [["row", "1", 1, "a\nb"], ["row", "2", 2, "a\nb"], ["row", "3", 3, "a\nb"]]);
const texts: string[] = [];
for await (const { data } of await client.streams.texts()) {
  texts.push(data);
  if (texts.length === 3) break;
}
equal(texts, ["line 0\nand more", "line 1\nand more", "line 2\nand more"]);
const controller = new AbortController();
const given = await failure(
  (async () => {
    for await (const event of client.streams.texts({}, { signal: controller.signal })) {
      if (event.data.startsWith("line 9\n")) controller.abort();
    }
  })(),
);
expect(given instanceof Error && given.name === "AbortError", String(given));

// Who is calling.
equal(await client.guards.byToken(), "Bearer abc");
equal(await client.guards.byPassword(), `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode("ann:geheim:ü")))}`);
equal([await client.guards.byKey(), await client.guards.byCookie()], ["key, Bearer abc", "session=s1"]);
equal([await client.guards.either(), await stranger.guards.either()], ["nobody, a key", "nobody, no key"]);
const holder = new Client({ baseUrl: address, security: { bearer: "abc", "api-key": () => "key" } });
equal([await holder.guards.either(), await holder.guards.both()], ["somebody, no key", "key, somebody"]);
equal(await client.guards.both(), "key, nobody");
const unknown = await stranger.guards.byToken().result();
equal(unknown.status, 401);

// Names.
const { class: name, type } = await client.class.delete({ class: "x" });
equal([name, type?.then], ["x", true]);
equal(await client.class.constructor_(), "made");
equal(await client.class.same({ id: 1, "query:id": 2, "query:body": "b", body: "c" }), "1, 2, b, c");
equal(await client.class.inherited(), { constructor: null, toString: null });
equal(await client.class.inherited({ "query:toString": "a" }), { constructor: null, toString: "a" });
const headers = { "X-Tenant": "other" };
const seen = client.class.headers({ xTenant: "t", ifMatch: "m", theme: "dark", "fields[]": ["id", "name"] }, { headers });
equal(await seen, ["other", "m", "dark", "fields%5B%5D=id,name"]);
equal(await client.class.outdated(), undefined);

expect(asked.includes(`GET ${address}/shapes/pages`), asked.join("\n"));
console.log("done");
