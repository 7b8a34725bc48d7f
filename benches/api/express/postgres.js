// Rows by pg: a pool, and statements that each connection prepares once.

import pg from "pg";
import { statement } from "./sql.js";

// Keys and counts are far below 2^53.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const SQL = Object.fromEntries(
  ["caller", "list", "count", "article", "insert", "tags", "link"].map((name) => [
    name,
    { name, text: statement("postgres", name) },
  ]),
);

export function open(connectionString) {
  const pool = new pg.Pool({ connectionString, max: 8 });
  const run = (name, values, client = pool) => client.query({ ...SQL[name], values });
  return {
    user: async (id) => (await run("caller", [id])).rows[0],
    list: async (reader, limit, offset) => {
      const [list, count] = await Promise.all([run("list", [reader, limit, offset]), run("count", [])]);
      return { rows: list.rows, count: count.rows[0].count };
    },
    article: async (reader, slug) => (await run("article", [reader, slug])).rows[0],
    publish: async ({ slug, title, description, body, author, at, tags }) => {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        const { rows } = await run("insert", [slug, title, description, body, author, at], client);
        if (tags.length > 0) {
          await run("tags", [tags], client);
          await run("link", [rows[0].id, tags], client);
        }
        await client.query("COMMIT");
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
  };
}
