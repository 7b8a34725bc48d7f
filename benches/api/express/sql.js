// The statements, by name.

import { readFileSync } from "node:fs";
import { join } from "node:path";

export function statement(engine, name) {
  return readFileSync(join(process.env.SQL, engine, `${name}.sql`), "utf8");
}
