"""A server that speaks the XML API of Google Cloud Storage, with one bucket and one service account that may use it.

No emulator that can be had speaks all of it. The API is that of S3 by other names, so that moto keeps the objects here, and this is
what differs: who comes in by a token or by a signed URL, both checked with the account's public key as Google describes it, how long a
body may be, and that an object that is not there cannot be deleted.

https://cloud.google.com/storage/docs/xml-api/overview
https://cloud.google.com/storage/docs/authentication/canonical-requests
"""

import base64
import datetime
import hashlib
import json
import os
import sys
import threading
import time
from urllib.parse import parse_qsl, quote, urlencode

folder, port = sys.argv[1], int(sys.argv[2])
os.environ.update(AWS_ACCESS_KEY_ID="nobody", AWS_SECRET_ACCESS_KEY="nobody", AWS_DEFAULT_REGION="us-east-1")

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server
from werkzeug.test import Client

BUCKET = "mainstay"
EMAIL = "mainstay@tests.iam.gserviceaccount.com"
# What clients sign, wherever they send it.
HOST = "storage.googleapis.com"
# By this moto knows that it is asked for S3; it does not look at the signature.
ANYBODY = "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"


def account(key):
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    known = {"type": "service_account", "client_email": EMAIL, "private_key_id": "1", "private_key": pem.decode()}
    return json.dumps(known)


def holds(signature, text):
    try:
        public.verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        return True
    except InvalidSignature:
        return False


def refuse(start, status, code):
    start(status, [("content-type", "application/xml"), ("access-control-allow-origin", "*")])
    return [f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>".encode()]


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def is_token(text):
    """https://google.aip.dev/auth/4111"""
    try:
        head, claims, signature = text.split(".")
        said, kind = json.loads(unpadded(claims)), json.loads(unpadded(head))
    except ValueError:
        return False
    known = kind["alg"] == "RS256" and kind["kid"] == "1" and said["iss"] == said["sub"] == EMAIL
    now = time.time()
    scopes = ["https://www.googleapis.com/auth/cloud-platform", "https://www.googleapis.com/auth/devstorage.full_control"]
    in_time = said["iat"] - 60 <= now <= said["exp"] <= said["iat"] + 3600
    return known and in_time and said["scope"] in scopes and holds(unpadded(signature), f"{head}.{claims}".encode())


def is_signed(environ, pairs):
    """https://cloud.google.com/storage/docs/authentication/signatures"""
    query = dict(pairs)
    signature = bytes.fromhex(query["X-Goog-Signature"])
    pairs = [(name, value) for name, value in pairs if name != "X-Goog-Signature"]
    said = {
        "host": HOST,
        "content-type": environ.get("CONTENT_TYPE", ""),
        "content-length": environ.get("CONTENT_LENGTH", ""),
    }
    names = query["X-Goog-SignedHeaders"].split(";")
    header = lambda name: said.get(name, environ.get("HTTP_" + name.upper().replace("-", "_"), "")).strip()
    canonical = "\n".join(
        [
            environ["REQUEST_METHOD"],
            environ["RAW_URI"].split("?")[0],
            "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)),
            *(f"{name}:{header(name)}" for name in names),
            "",
            query["X-Goog-SignedHeaders"],
            "UNSIGNED-PAYLOAD",
        ]
    )
    email, scope = query["X-Goog-Credential"].split("/", 1)
    text = f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    began = datetime.datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ")
    ends = began + datetime.timedelta(seconds=int(query["X-Goog-Expires"]))
    # Headers of the provider's own are signed, all of them.
    own = [name[5:].lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_GOOG_")]
    whole = "host" in names and all(name in names for name in own) and scope == f"{began:%Y%m%d}/auto/storage/goog4_request"
    return whole and email == EMAIL and datetime.datetime.utcnow() <= ends and holds(signature, text.encode())


def google(s3):
    def call(environ, start):
        pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        method = environ["REQUEST_METHOD"]
        if "X-Goog-Signature" in dict(pairs):
            if not is_signed(environ, pairs):
                return refuse(start, "403 Forbidden", "SignatureDoesNotMatch")
        elif not is_token(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer ")):
            return refuse(start, "401 Unauthorized", "AuthenticationRequired")
        if allowed := environ.pop("HTTP_X_GOOG_CONTENT_LENGTH_RANGE", None):
            least, most = map(int, allowed.split(","))
            length = int(environ.get("CONTENT_LENGTH") or 0)
            if not least <= length <= most:
                return refuse(start, "400 Bad Request", "EntityTooLarge" if length > most else "EntityTooSmall")
        if source := environ.pop("HTTP_X_GOOG_COPY_SOURCE", None):
            environ["HTTP_X_AMZ_COPY_SOURCE"] = source
        pairs = [(name, value) for name, value in pairs if not name.startswith("X-Goog-")]
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/~")
        environ["QUERY_STRING"] = urlencode(pairs, quote_via=quote)
        environ["RAW_URI"] = environ["REQUEST_URI"] = f"{path}?{environ['QUERY_STRING']}" if pairs else path
        environ["HTTP_AUTHORIZATION"] = ANYBODY
        if method == "DELETE" and not pairs:
            if Client(s3).head(path, headers={"authorization": ANYBODY, "host": environ["HTTP_HOST"]}).status_code == 404:
                return refuse(start, "404 Not Found", "NoSuchKey")
        return s3(environ, start)

    return call


key, stranger = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
public = key.public_key()
s3 = DomainDispatcherApplication(create_backend_app)
Client(s3).put(f"/{BUCKET}", headers={"authorization": ANYBODY, "host": f"127.0.0.1:{port}"})
server = make_server("127.0.0.1", port, google(s3), threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
with open(f"{folder}/stranger", "w") as other:
    other.write(account(stranger))
with open(f"{folder}/ready.new", "w") as ready:
    ready.write(account(key))
os.rename(f"{folder}/ready.new", f"{folder}/ready")
threading.Event().wait()
