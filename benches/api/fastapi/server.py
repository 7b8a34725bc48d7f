"""Conduit's articles on FastAPI, with the statements of benches/api/sql."""

import hmac
import os
import re
import secrets
import time
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

if os.environ["DATABASE_URL"].startswith("postgres"):
    from postgres import Store
else:
    from sqlite import Store

SECRET = b"a secret of the bench, of which nothing depends"

Milliseconds = Annotated[
    datetime, PlainSerializer(lambda time: time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}Z")
]


class Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Profile(Shape):
    username: str
    bio: str
    image: str
    following: bool


class Summary(Shape):
    slug: str
    title: str
    description: str
    tag_list: list[str]
    created_at: Milliseconds
    updated_at: Milliseconds
    favorited: bool
    favorites_count: int
    author: Profile


class Full(Summary):
    body: str


class Single(Shape):
    article: Full


class Listed(Shape):
    articles: list[Summary]
    articles_count: int


class Draft(Shape):
    title: Annotated[str, Field(min_length=1, max_length=200)]
    description: Annotated[str, Field(max_length=1000)]
    body: Annotated[str, Field(min_length=1, max_length=200_000)]
    tag_list: Annotated[list[Annotated[str, Field(min_length=1, max_length=60)]], Field(max_length=20)] = []


class Publish(Shape):
    article: Draft


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.store = await Store.open(os.environ["DATABASE_URL"])
    yield
    await app.state.store.close()


app = FastAPI(lifespan=lifespan)


def user_of(token: str) -> int | None:
    """Whose token it is: `user.expiry.signature`."""
    signed, _, signature = token.rpartition(".")
    expected = hmac.digest(SECRET, signed.encode(), "sha256").hex()
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return None
    user, _, expiry = signed.partition(".")
    return int(user) if int(expiry) > time.time() else None


async def reader(request: Request, authorization: Annotated[str | None, Header()] = None):
    if authorization is None:
        return None
    user = user_of(authorization[6:]) if authorization.startswith("Token ") else None
    row = None if user is None else await request.app.state.store.user(user)
    if row is None:
        raise HTTPException(401, "sign in")
    return row


Reader = Annotated[object | None, Depends(reader)]


def number(user) -> int:
    return 0 if user is None else user["id"]


def fields(row) -> dict:
    return {
        "slug": row["slug"],
        "title": row["title"],
        "description": row["description"],
        "tag_list": row["tags"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "favorited": row["favorited"],
        "favorites_count": row["favorites"],
        "author": Profile(
            username=row["username"], bio=row["bio"], image=row["image"], following=row["following"]
        ),
    }


def slug_of(title: str) -> str:
    words = [word for word in re.split("[^A-Za-z0-9]+", title) if word]
    return "-".join([*words, secrets.token_hex(6)]).lower()[-120:]


@app.get("/api/articles")
async def show_list(
    request: Request,
    user: Reader,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> Listed:
    rows, count = await request.app.state.store.articles(number(user), limit, offset)
    return Listed(articles=[Summary(**fields(row)) for row in rows], articles_count=count)


@app.get("/api/articles/{slug}")
async def show_one(request: Request, user: Reader, slug: str) -> Single:
    row = await request.app.state.store.article(number(user), slug)
    if row is None:
        raise HTTPException(404, "there is no such article")
    return Single(article=Full(**fields(row), body=row["body"]))


@app.post("/api/articles", status_code=201)
async def publish(request: Request, response: Response, user: Reader, given: Publish) -> Single:
    if user is None:
        raise HTTPException(401, "sign in")
    draft = given.article
    tags = sorted(set(draft.tag_list))
    slug, at = slug_of(draft.title), datetime.now(timezone.utc)
    await request.app.state.store.publish(
        (slug, draft.title, draft.description, draft.body, user["id"]), at, tags
    )
    response.headers["location"] = f"/api/articles/{slug}"
    author = Profile(username=user["username"], bio=user["bio"], image=user["image"], following=False)
    return Single(
        article=Full(
            slug=slug,
            title=draft.title,
            description=draft.description,
            tag_list=tags,
            created_at=at,
            updated_at=at,
            favorited=False,
            favorites_count=0,
            author=author,
            body=draft.body,
        )
    )


@app.exception_handler(HTTPException)
async def refused(_: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"errors": {"body": [error.detail]}}, error.status_code)


if __name__ == "__main__":
    uvicorn.run(
        app, host="127.0.0.1", port=int(os.environ["PORT"]), loop="uvloop", http="httptools", access_log=False
    )
