INSERT OR IGNORE INTO tags (name) SELECT value FROM json_each(?)
