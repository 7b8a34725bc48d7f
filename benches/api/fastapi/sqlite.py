"""Rows by sqlite3, on the threads that Starlette has for what blocks: a connection for each of them."""

import json
import sqlite3
import threading
from datetime import datetime

from starlette.concurrency import run_in_threadpool

from statements import statements

SQL = statements("sqlite")


def read(row: sqlite3.Row) -> dict:
    row = dict(row)
    row["created_at"] = datetime.fromisoformat(row["created_at"])
    row["updated_at"] = datetime.fromisoformat(row["updated_at"])
    row["tags"] = json.loads(row["tags"])
    return row


class Store:
    def __init__(self, path: str):
        self.path = path
        self.local = threading.local()

    @classmethod
    async def open(cls, url: str) -> "Store":
        return cls(url.removeprefix("sqlite:").removeprefix("//"))

    async def close(self) -> None:
        pass

    def connection(self) -> sqlite3.Connection:
        if not hasattr(self.local, "connection"):
            connection = sqlite3.connect(self.path, isolation_level=None)
            connection.row_factory = sqlite3.Row
            for pragma in ["journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000", "foreign_keys = ON"]:
                connection.execute(f"PRAGMA {pragma}")
            self.local.connection = connection
        return self.local.connection

    async def user(self, key: int):
        return await run_in_threadpool(lambda: self.connection().execute(SQL["caller"], (key,)).fetchone())

    async def articles(self, reader: int, limit: int, offset: int):
        def run():
            connection = self.connection()
            rows = connection.execute(SQL["list"], (reader, reader, limit, offset)).fetchall()
            return [read(row) for row in rows], connection.execute(SQL["count"]).fetchone()[0]

        return await run_in_threadpool(run)

    async def article(self, reader: int, slug: str):
        def run():
            row = self.connection().execute(SQL["article"], (reader, reader, slug)).fetchone()
            return None if row is None else read(row)

        return await run_in_threadpool(run)

    async def publish(self, columns: tuple, at: datetime, tags: list[str]) -> None:
        def run():
            connection = self.connection()
            # As the model layer stores times: six digits.
            written = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            connection.execute("BEGIN IMMEDIATE")
            try:
                key = connection.execute(SQL["insert"], (*columns, written, written)).fetchone()[0]
                if tags:
                    names = json.dumps(tags)
                    connection.execute(SQL["tags"], (names,))
                    connection.execute(SQL["link"], (key, names))
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise

        await run_in_threadpool(run)
