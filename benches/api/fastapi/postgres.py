"""Rows by asyncpg: a pool, whose connections prepare a statement once."""

import asyncpg

from statements import statements

SQL = statements("postgres")


class Store:
    def __init__(self, pool: asyncpg.Pool):
        self.pool = pool

    @classmethod
    async def open(cls, url: str) -> "Store":
        return cls(await asyncpg.create_pool(url, min_size=1, max_size=8))

    async def close(self) -> None:
        await self.pool.close()

    async def user(self, key: int):
        return await self.pool.fetchrow(SQL["caller"], key)

    async def articles(self, reader: int, limit: int, offset: int):
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(SQL["list"], reader, limit, offset)
            return rows, await connection.fetchval(SQL["count"])

    async def article(self, reader: int, slug: str):
        return await self.pool.fetchrow(SQL["article"], reader, slug)

    async def publish(self, columns: tuple, at, tags: list[str]) -> None:
        async with self.pool.acquire() as connection, connection.transaction():
            key = await connection.fetchval(SQL["insert"], *columns, at)
            if tags:
                await connection.execute(SQL["tags"], tags)
                await connection.execute(SQL["link"], key, tags)
