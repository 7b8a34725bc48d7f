# A server by aiosmtpd. It says its port, then each mail that it gets, as a line of JSON each, and ends with its input.
import asyncio, base64, email, email.policy, json, logging, os, ssl, sys, threading
from aiosmtpd.smtp import SMTP, AuthResult

options = json.loads(sys.argv[1])
# That a client does not trust a certificate is what a test wants.
logging.disable()


def say(what):
    print(json.dumps(what), flush=True)


def defects(message):
    found = [str(defect) for part in message.walk() for defect in part.defects]
    return found + [f"{name}: {defect}" for name, value in message.items() for defect in value.defects]


asked = {}


def first(address):
    """Whether this is the first time that it is asked for."""
    asked[address] = asked.get(address, 0) + 1
    return asked[address] == 1


def file(part):
    return {
        "name": part.get_filename(),
        "content_type": part.get_content_type(),
        "content_id": part["Content-ID"],
        "disposition": part.get_content_disposition(),
        "base64": base64.b64encode(part.get_payload(decode=True)).decode(),
    }


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused@"):
            return "550 5.1.1 Nobody has this name"
        if address.startswith("later@") or address.startswith("later-once@") and first(address):
            return "451 4.2.0 Come back later"
        if address.startswith("silent@") or address.startswith("silent-once@") and first(address):
            await asyncio.sleep(600)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)

        def body(kind):
            part = message.get_body((kind,))
            return part and part.get_content()

        say({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": body("plain"),
            "html": body("html"),
            "parts": [part.get_content_type() for part in message.walk()],
            "defects": defects(message),
            "raw": envelope.content.decode("latin-1"),
            "encrypted": session.ssl is not None or options["tls"] == "always",
            "login": session.auth_data if session.authenticated else None,
            "peer": session.peer[1],
            "files": [file(part) for part in message.walk() if part.get_content_disposition()],
        })
        # It has the mail, and does not say so.
        if any(address.startswith("unanswered@") and first(address) for address in envelope.rcpt_tos):
            await asyncio.sleep(600)
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    given = [data.login.decode(), data.password.decode()]
    return AuthResult(success=given == options["login"], handled=False, auth_data=given[0])


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(options["certificate"], options["key"])
    return made


def session():
    more = {}
    if options["tls"] == "starttls":
        more = {"tls_context": context(), "require_starttls": True}
    if options["login"]:
        more |= {"authenticator": authenticate, "auth_required": True}
        # What aiosmtpd counts as encrypted is STARTTLS alone.
        more |= {"auth_require_tls": options["tls"] == "starttls"}
    return SMTP(Handler(), hostname="localhost", enable_SMTPUTF8=False, **more)


async def serve():
    encrypted = context() if options["tls"] == "always" else None
    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", options["port"], ssl=encrypted)
    say(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def end_with_input():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
asyncio.run(serve())
