// Rows by better-sqlite3: one connection, on the thread that serves.

import Database from "better-sqlite3";
import { statement } from "./sql.js";

const NAMES = ["caller", "list", "count", "article", "insert", "tags", "link"];

function read(row) {
  return row === undefined
    ? undefined
    : {
        ...row,
        created_at: new Date(row.created_at),
        updated_at: new Date(row.updated_at),
        favorited: row.favorited === 1,
        following: row.following === 1,
        tags: JSON.parse(row.tags),
      };
}

export function open(url) {
  const db = new Database(url.replace(/^sqlite:(\/\/)?/, ""));
  for (const pragma of ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON"]) {
    db.pragma(pragma);
  }
  const sql = Object.fromEntries(NAMES.map((name) => [name, db.prepare(statement("sqlite", name))]));
  const publish = db.transaction(({ slug, title, description, body, author, at, tags }) => {
    // As the model layer stores times: six digits.
    const time = at.toISOString().replace("Z", "000Z");
    const { id } = sql.insert.get(slug, title, description, body, author, time, time);
    if (tags.length > 0) {
      const names = JSON.stringify(tags);
      sql.tags.run(names);
      sql.link.run(id, names);
    }
  });
  return {
    user: (id) => sql.caller.get(id),
    list: (reader, limit, offset) => ({
      rows: sql.list.all(reader, reader, limit, offset).map(read),
      count: sql.count.get()["count(*)"],
    }),
    article: (reader, slug) => read(sql.article.get(reader, reader, slug)),
    publish: (article) => publish.immediate(article),
  };
}
