// Somebody who reads and writes with the client of the flagship example.

import { ApiError, Client, type Draft } from "./client.js";
import { address, equal, expect, failure } from "./expect.js";

let token: string | undefined;
const client = new Client({
  baseUrl: address,
  security: { Token: async () => (token === undefined ? undefined : `Token ${token}`) },
});

// Sign in. Who is not signed in is told so, in the shape that this API documents.
const stranger = await client.userAndAuthentication.current().result();
expect(!stranger.ok && stranger.status === 401, "a stranger has an account");
expect(stranger.problem.errors.body.length > 0, "nothing is said of it");
const { user } = await client.userAndAuthentication.logIn({
  body: { user: { email: "ann.marlowe@example.com", password: "conduit-demo" } },
});
token = user.token;
equal((await client.userAndAuthentication.current()).user.username, user.username);

// List articles, with filters.
const { articles, articlesCount } = await client.articles.list({ author: user.username, limit: 2, offset: undefined });
expect(articles.length > 0 && articles.length <= 2 && articlesCount >= articles.length, "there are no articles");
expect(articles.every((article) => article.author.username === user.username), "somebody else has written one");
const created: Date = new Date(articles[0]?.createdAt ?? "");
expect(!Number.isNaN(created.getTime()), "it was never published");

// A mistake is told in the types of the operation.
const draft: Draft = { title: "", description: "", body: "Text.", tagList: ["typescript"] };
const refused = await client.articles.publish({ body: { article: draft } }).result();
expect(!refused.ok && refused.status === 422, "an article without a title is published");
const lines: string[] = refused.problem.errors.body;
expect(lines.some((line) => line.startsWith("title ")), lines.join());

// Publish, and see where it is.
const published = await client.articles.publish({ body: { article: { ...draft, title: "Typed ends" } } }).withResponse();
const status: 201 = published.status;
equal(status, 201);
const { article } = published.data;
equal(article.tagList, ["typescript"]);
const revised = await client.articles.revise({ slug: article.slug, body: { article: { body: "Better text." } } });
equal(revised.article.body, "Better text.");

// The same rows as declared resources.
const page = await client.article.list({
  slug: article.slug,
  fields: ["id", "title"],
  sort: ["-id"],
  include: ["author", "tags"],
  "created_at[gte]": "2020-01-01T00:00:00Z",
});
const row = page.items[0];
expect(row?.id !== undefined && row.title === article.title, "it is not among the resources");
equal(row.body, undefined);

// Change it, if nobody else has.
const seen = await client.article.get({ slug: article.slug }).withResponse();
expect(seen.status === 200, "it is not there");
const tag = seen.headers.get("ETag");
expect(tag !== null, "it has no tag");
const again = await client.article.get({ slug: article.slug, ifNoneMatch: tag }).withResponse();
equal(again.status, 304);
const changed = await client.article.change({ slug: article.slug, ifMatch: tag, body: { title: "Typed ends meet" } });
equal(changed.title, "Typed ends meet");
const late = await client.article.change({ slug: article.slug, ifMatch: tag, body: { title: "Too late" } }).result();
expect(!late.ok && late.status === 412, "a lost update");
equal(late.problem.code, "precondition_failed");
const invalid = await client.article.change({ slug: article.slug, body: { title: "" } }).result();
expect(!invalid.ok && invalid.status === 422, "an empty title");
equal(invalid.problem.errors?.map((fault) => fault.pointer), ["/title"]);

// Rows below another: comments of the article, several at once, and the same request twice.
const below = { article: article.slug };
const idempotencyKey = crypto.randomUUID();
const comment = await client.comment.create({ ...below, idempotencyKey, body: { body: "Well said." } });
const same = await client.comment.create({ ...below, idempotencyKey, body: { body: "Well said." } });
equal(same.id, comment.id);
expect(comment.id !== undefined, "it has no number");
const several = await client.comment.changeSeveral({
  ...below,
  body: {
    operations: [
      { op: "create", set: { body: "Indeed." } },
      { op: "delete", key: comment.id },
    ],
  },
});
equal(several.results.map((result) => result.status), [201, 204]);
equal((await client.comment.list(below)).items.map((one) => one.body), ["Indeed."]);

// What is not there, and what is taken away.
const missing = await failure(client.articles.show({ slug: "no-such-article" }));
expect(missing instanceof ApiError && missing.status === 404, String(missing));
equal(await client.article.delete({ slug: article.slug }), undefined);
const gone = await client.article.get({ slug: article.slug }).result();
equal(gone.status, 404);
const empty = await failure(client.articles.show({ slug: "" }));
expect(empty instanceof TypeError && empty.message.includes("slug"), String(empty));

console.log("done");
