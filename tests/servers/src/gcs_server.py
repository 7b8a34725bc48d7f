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


def holds(public, signature, text):
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
    return known and in_time and said["scope"] in scopes and holds(public, unpadded(signature), f"{head}.{claims}".encode())


def fits(public, method, path, pairs, header):
    """Whether these parameters have a signature for this request: https://cloud.google.com/storage/docs/authentication/signatures"""
    query = dict(pairs)
    names, (_, scope) = query["X-Goog-SignedHeaders"].split(";"), query["X-Goog-Credential"].split("/", 1)
    pairs = [(name, value) for name, value in pairs if name != "X-Goog-Signature"]
    canonical = "\n".join(
        [
            method,
            path,
            "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)),
            *(f"{name}:{header(name)}" for name in names),
            "",
            query["X-Goog-SignedHeaders"],
            "UNSIGNED-PAYLOAD",
        ]
    )
    text = f"GOOG4-RSA-SHA256\n{query['X-Goog-Date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return holds(public, bytes.fromhex(query["X-Goog-Signature"]), text.encode())


def is_signed(environ, pairs):
    query = dict(pairs)
    names, (email, scope) = query["X-Goog-SignedHeaders"].split(";"), query["X-Goog-Credential"].split("/", 1)
    began = datetime.datetime.strptime(query["X-Goog-Date"], "%Y%m%dT%H%M%SZ")
    ends = began + datetime.timedelta(seconds=int(query["X-Goog-Expires"]))
    in_time = datetime.datetime.utcnow() <= ends and scope == f"{began:%Y%m%d}/auto/storage/goog4_request"
    # Headers of the provider's own are signed, all of them.
    own = [name[5:].lower().replace("_", "-") for name in environ if name.startswith("HTTP_X_GOOG_")]
    if email != EMAIL or not in_time or "host" not in names or not all(name in names for name in own):
        return False
    said = {"host": HOST, "content-type": environ.get("CONTENT_TYPE", "")}
    header = lambda name: said.get(name, environ.get("HTTP_" + name.upper().replace("-", "_"), "")).strip()
    return fits(public, environ["REQUEST_METHOD"], environ["RAW_URI"].split("?")[0], pairs, header)


def check():
    """Two of Google's own examples: https://github.com/googleapis/conformance-tests, `storage/v1/v4_signatures.json`."""
    google = rsa.RSAPublicNumbers(65537, int(EXAMPLES["modulus"], 16)).public_key()
    common = [
        ("X-Goog-Algorithm", "GOOG4-RSA-SHA256"),
        (
            "X-Goog-Credential",
            "test-iam-credentials@dummy-project-id.iam.gserviceaccount.com/20190201/auto/storage/goog4_request",
        ),
        ("X-Goog-Date", "20190201T090000Z"),
        ("X-Goog-Expires", "10"),
    ]
    headers = {"host": HOST, "x-goog-resumable": "start"}
    for method, names, more, example in [
        ("GET", "host", [("souffl\u00e9", "=%-_.~")], "a parameter"),
        ("POST", "host;x-goog-resumable", [], "a header"),
    ]:
        pairs = [*common, ("X-Goog-SignedHeaders", names), *more, ("X-Goog-Signature", EXAMPLES[example])]
        assert fits(google, method, "/test-bucket/test-object", pairs, headers.get), example
        assert not fits(google, "PUT", "/test-bucket/test-object", pairs, headers.get), example


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


EXAMPLES = {
    "modulus": (
        "ac3f3322ac8a2db5f436af28d098f5a871211e1a8edfed0e3fb4c4171e55c5ce8f77006814dadf9c9448fd2f99683612"
        "d5abebe4faa9a7c83cf9434e32f23556c8c633cc634dac6456ff2698aa7aa52990b2d4eddb9a736357b1036c2fe31356"
        "4b058d14dc76921df9fa4bd343f0c5dd803d3fba54535b0ababd4f3fc3a8b9b58b14ee7d8b2e54139757d0eff7a63bd9"
        "d87021497b31d955ad0799e5ac747c16b28934b24c10610348ccfdc917d0694798094f680d81ee8aa290deb0978ba0bc"
        "da5fb7149c39fe0809e72ee2c3c304ac2152b257184116c1573e9960a5a411c261b3c046dffd7a6df6aa36eb0d943209"
        "f7d23b0e68a9527805fc712e95885fad"
    ),
    "a parameter": (
        "38dd9ca622b80bca10f405e7d9ba0f0fbea719ca84d66078a484c5b54b1ce98e3fa8a0d2065216ed6ac03179be69312d"
        "abf428f8171b95994bdafe465a6f7893bacc7213a7bf4054ce2d78d4b60c34df24cc43e509ad7c81be47148d43a0e67d"
        "50d8fe38c85b0c63f9a51149b4f3335315946fef8ab34315ce3f6ce01f1831abb3eda5e7e211823855ed1767c65a8c7a"
        "eec357de096e3406897acfe092fead51bbea7df83e25a6180f80c8a0871e4901c370f77f5675f2405be7ccd55fd6dd22"
        "a87cf0adfafdb3f6fa99974fcf6c947b62294eebd7954e546c28f5490a6c50694c0e4882fcfe0d4a4ae8891a92579d60"
        "99a9b4c84d9f033a3b339163b6670b7e"
    ),
    "a header": (
        "4a6d39b23343cedf4c30782aed4b384001828c79ffa3a080a481ea01a640dea0a0ceb58d67a12cef3b243c3f036bb379"
        "9c6ee88e8db3eaf7d0bdd4b70a228d0736e07eaa1ee076aff5c6ce09dff1f1f03a0d8ead0d2893408dd3604fdabff553"
        "aa6d7af2da67cdba6790006a70240f96717b98f1a6ccb24f00940749599be7ef72aaa5358db63ddd54b2de9e2d6d6a58"
        "6eac4fe25f36d86fc6ab150418e9c6fa01b732cded226c6d62fc95b72473a4cc55a8257482583fe66d9ab6ede909eb41"
        "516a8690946c3e87b0f2052eb0e97e012a14b2f721c42e6e19b8a1cd5658ea36264f10b9b1ada66b8ed5bf7ed7d17083"
        "77ac6e5fe608ae361fb594d2e5b24c54"
    ),
}

check()
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
