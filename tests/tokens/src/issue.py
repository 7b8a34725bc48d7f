import json, sys
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

given = json.load(sys.stdin)
now = given["now"]
keys = {
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 3072),
}
jwks, pems = [], {}
for algorithm, key in keys.items():
    jwk = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key()))
    jwk.pop("key_ops", None)
    jwks.append({**jwk, "kid": algorithm, "use": "sig", "alg": algorithm})
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    pems[algorithm] = pem.decode()

good = {"iss": given["issuer"], "aud": given["audience"], "sub": "42", "iat": now, "exp": now + 300}
cases = {
    "Ok": [{}, {"aud": ["other", given["audience"]]}, {"nbf": now - 10}, {"exp": now - 29}, {"nbf": now + 30}, {"exp": now + 0.5}],
    "Issuer": [{"iss": given["issuer"] + "/"}, {"iss": "https://evil.example"}],
    "Audience": [{"aud": "other"}, {"aud": ["other"]}, {"aud": given["audience"] + " "}],
    "Expired": [{"exp": now - 30}, {"exp": now - 3600}, {"exp": 0}],
    "NotYet": [{"nbf": now + 31}, {"iat": now + 31}, {"nbf": now + 3600}],
    "Claim": [{"exp": None}, {"iss": None}, {"aud": None}],
}
tokens = []
for algorithm, key in keys.items():
    for answer, changes in cases.items():
        for change in changes:
            claims = {name: value for name, value in {**good, **change}.items() if value is not None}
            token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": algorithm})
            tokens.append({"algorithm": algorithm, "change": change, "answer": answer, "token": token})
json.dump({"jwks": {"keys": jwks}, "pems": pems, "tokens": tokens}, sys.stdout)
