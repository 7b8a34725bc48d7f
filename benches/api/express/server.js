// Conduit's articles on Express 5, with the statements of benches/api/sql.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import express from "express";

const { DATABASE_URL, PORT } = process.env;
const driver = DATABASE_URL.startsWith("postgres") ? "./postgres.js" : "./sqlite.js";
const store = (await import(driver)).open(DATABASE_URL);

const SECRET = "a secret of the bench, of which nothing depends";

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Whose token it is: `user.expiry.signature`. */
function userOf(token) {
  const at = token.lastIndexOf(".");
  const signed = token.slice(0, at);
  const signature = Buffer.from(token.slice(at + 1), "hex");
  const expected = createHmac("sha256", SECRET).update(signed).digest();
  const [user, expiry] = signed.split(".");
  const good = signature.length === expected.length && timingSafeEqual(signature, expected);
  return good && Number(expiry) > Date.now() / 1000 ? Number(user) : undefined;
}

async function reader(request, _response, next) {
  const header = request.get("authorization");
  if (header !== undefined) {
    const id = header.startsWith("Token ") ? userOf(header.slice(6)) : undefined;
    request.user = id === undefined ? undefined : await store.user(id);
    if (!request.user) throw new Refusal(401, "sign in");
  }
  next();
}

function shown(row) {
  const article = {
    slug: row.slug,
    title: row.title,
    description: row.description,
    tagList: row.tags,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
    favorited: row.favorited,
    favoritesCount: row.favorites,
    author: { username: row.username, bio: row.bio, image: row.image, following: row.following },
  };
  return row.body === undefined ? article : { ...article, body: row.body };
}

function slugOf(title) {
  const words = title.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return [...words, randomBytes(6).toString("hex")].join("-").toLowerCase().slice(-120);
}

function isText(text, least, most) {
  return typeof text === "string" && text.length >= least && text.length <= most;
}

function draftOf(body) {
  const { title, description, body: text, tagList = [] } = body?.article ?? {};
  const tagsFit = Array.isArray(tagList) && tagList.length <= 20 && tagList.every((tag) => isText(tag, 1, 60));
  if (!isText(title, 1, 200) || !isText(description, 0, 1000) || !isText(text, 1, 200_000) || !tagsFit) {
    throw new Refusal(422, "the body is no article");
  }
  return { title, description, body: text, tags: [...new Set(tagList)].sort() };
}

const app = express();
app.disable("x-powered-by");
app.use(express.json(), reader);

app.get("/api/articles", async (request, response) => {
  const limit = Number(request.query.limit ?? 20);
  const offset = Number(request.query.offset ?? 0);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= 100 && Number.isInteger(offset) && offset >= 0)) {
    throw new Refusal(422, "limit must be between 1 and 100");
  }
  const { rows, count } = await store.list(request.user?.id ?? 0, limit, offset);
  response.json({ articles: rows.map(shown), articlesCount: count });
});

app.get("/api/articles/:slug", async (request, response) => {
  const row = await store.article(request.user?.id ?? 0, request.params.slug);
  if (!row) throw new Refusal(404, "there is no such article");
  response.json({ article: shown(row) });
});

app.post("/api/articles", async (request, response) => {
  const author = request.user;
  if (!author) throw new Refusal(401, "sign in");
  const draft = draftOf(request.body);
  const [slug, at] = [slugOf(draft.title), new Date()];
  await store.publish({ ...draft, slug, at, author: author.id });
  const known = { favorites: 0, favorited: false, following: false, created_at: at, updated_at: at };
  const { username, bio, image } = author;
  response.status(201).location(`/api/articles/${slug}`);
  response.json({ article: shown({ ...draft, ...known, slug, username, bio, image }) });
});

app.use((error, _request, response, _next) => {
  const status = error.status ?? 500;
  if (status === 500) console.error(error);
  response.status(status).json({ errors: { body: [status === 500 ? "something went wrong" : error.message] } });
});

app.listen(Number(PORT), "127.0.0.1");
