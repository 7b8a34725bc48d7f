"""A server that speaks S3, with one bucket and one user who may use it. Whoever else comes is refused.

moto checks signatures in headers alone. Of one in a URL, botocore finds here whether it holds, whether its headers are those that
were signed, and whether its time is over; such a request goes on as one of the user.
"""

import datetime
import io
import json
import os
import sys
import threading
from urllib.parse import parse_qs, quote, urlencode

folder, port = sys.argv[1], int(sys.argv[2])
BUCKET = "mainstay"
# So many requests are let in by themselves: those below.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"
os.environ.update(AWS_ACCESS_KEY_ID="nobody", AWS_SECRET_ACCESS_KEY="nobody", AWS_DEFAULT_REGION="us-east-1")

import boto3
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

url = f"http://127.0.0.1:{port}"
user = None


def refuse(start, why):
    start("403 FORBIDDEN", [("content-type", "application/xml"), ("access-control-allow-origin", "*")])
    return [f"<Error><Code>AccessDenied</Code><Message>{why}</Message></Error>".encode()]


def in_url(application):
    def call(environ, start):
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        query = {name: values[0] for name, values in query.items()}
        if environ["REQUEST_METHOD"] == "OPTIONS":
            # The rule of the bucket for pages of other origins.
            allowed = [("access-control-allow-methods", "GET, PUT"), ("access-control-allow-headers", "content-type")]
            start("204 NO CONTENT", [("access-control-allow-origin", "*"), *allowed])
            return []
        if "X-Amz-Signature" not in query:
            return application(environ, start) if "HTTP_AUTHORIZATION" in environ or user is None else refuse(start, "who")
        given = query.pop("X-Amz-Signature")
        path = quote(environ["PATH_INFO"].encode("latin-1"), safe="/~")
        said = {"content-type": environ.get("CONTENT_TYPE", ""), "content-length": environ.get("CONTENT_LENGTH", "")}
        names = query["X-Amz-SignedHeaders"].split(";")
        headers = {name: said.get(name, environ.get("HTTP_" + name.upper().replace("-", "_"))) for name in names}
        signed = AWSRequest(environ["REQUEST_METHOD"], f"{url}{path}?{urlencode(query, quote_via=quote)}", headers)
        signed.context["timestamp"] = query["X-Amz-Date"]
        auth = S3SigV4QueryAuth(user, "s3", "us-east-1", int(query["X-Amz-Expires"]))
        text = auth.string_to_sign(signed, auth.canonical_request(signed))
        if auth.signature(text, signed) != given:
            return refuse(start, "the signature does not match")
        began = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        if datetime.datetime.utcnow() > began + datetime.timedelta(seconds=int(query["X-Amz-Expires"])):
            return refuse(start, "it has expired")
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        query = {name: value for name, value in query.items() if not name.startswith("X-Amz-")}
        environ["QUERY_STRING"] = urlencode(query, quote_via=quote)
        asked = f"{url}{path}?{environ['QUERY_STRING']}" if query else f"{url}{path}"
        again = AWSRequest(environ["REQUEST_METHOD"], asked, {"host": f"127.0.0.1:{port}"}, data=body)
        S3SigV4Auth(user, "s3", "us-east-1").add_auth(again)
        for name, value in again.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        return application(environ, start)

    return call


server = make_server("127.0.0.1", port, in_url(DomainDispatcherApplication(create_backend_app)), threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
iam = boto3.client("iam", endpoint_url=url)
iam.create_user(UserName="mainstay")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="mainstay", PolicyName="everything", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="mainstay")["AccessKey"]
boto3.client("s3", endpoint_url=url).create_bucket(Bucket=BUCKET)
user = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
with open(f"{folder}/ready.new", "w") as ready:
    ready.write(f"{user.access_key} {user.secret_key}")
os.rename(f"{folder}/ready.new", f"{folder}/ready")
threading.Event().wait()
